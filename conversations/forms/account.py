"""What a person may say of themselves."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms

from conversations.models import Theme, User


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of all zones. To find them is a walk through a thousand files."""
    return tuple(sorted(available_timezones()))


class AccountForm(forms.ModelForm):
    time_zone = forms.ChoiceField(label="Time zone", required=False)

    class Meta:
        model = User
        fields = ["first_name", "last_name", "time_zone", "theme"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it is declared above
        field.choices = [("", "As the site"), *((name, name) for name in zone_names())]


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=Theme)
