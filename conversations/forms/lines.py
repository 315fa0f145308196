"""What a person may do with the questions in line."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from conversations.forms.messages import ManyIds, clean_words


class WaitingForm(forms.Form):
    """A question in line, changed."""

    text = forms.CharField(required=False, strip=False)
    model = forms.CharField(required=False, max_length=200)

    def clean_text(self) -> str:
        return clean_words(self.cleaned_data["text"])


class MoveForm(forms.Form):
    """One place up, or one down."""

    by = forms.TypedChoiceField(choices=[("-1", "up"), ("1", "down")], coerce=int)


class RestoreForm(forms.Form):
    """What was removed, and is to stand in line again."""

    removed = ManyIds()

    def __init__(self, data: QueryDict) -> None:
        super().__init__({"removed": data.getlist("removed")})

    def clean_removed(self) -> object:
        removed = self.cleaned_data["removed"]
        if not removed:
            raise ValidationError("There is nothing to bring back.")
        return removed
