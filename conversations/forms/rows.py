"""Rows that a form names by their numbers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# What a number of any table has at most.
_MOST_DIGITS = 18


class RowsField(forms.ModelMultipleChoiceField):
    """Django's own, which breaks on a number that no database holds: such a row is refused as unknown."""

    def clean(self, value: Any) -> Any:
        for pk in value if isinstance(value, list | tuple) else ():
            if len(str(pk)) > _MOST_DIGITS:
                code = "invalid_pk_value"
                shown = f"{str(pk)[:_MOST_DIGITS]}…"
                raise ValidationError(self.error_messages[code], code=code, params={"pk": shown})
        return super().clean(value)
