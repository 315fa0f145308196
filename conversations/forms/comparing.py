"""To which models a question goes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

_LONGEST_NAME = 200


class ManyNames(forms.Field):
    """A repeated field of models' names, each once. services.comparing says how many there may be."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(str(entry) for entry in value or () if entry))
        # NUL is refused by Postgres.
        if any("\0" in name or len(name) > _LONGEST_NAME for name in names):
            raise ValidationError("One of the models is not known here. Choose another one.")
        return names


class CompareForm(forms.Form):
    """A request for the answers of more models."""

    send_id = forms.UUIDField()
    compare = ManyNames(required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__({"send_id": data.get("send_id"), "compare": data.getlist("compare")})

    @property
    def asked(self) -> dict[str, Any]:
        """What services.comparing.compare_with takes."""
        return {"send_id": self.cleaned_data["send_id"], "model_names": self.cleaned_data["compare"]}
