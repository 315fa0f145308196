"""What a person may say of a conversation as a whole."""

from __future__ import annotations

from typing import Any

from django import forms

from conversations.models import Model
from conversations.services import vendors
from conversations.services.vendors import VendorGroup

EFFORTS = [("", "As the model does by itself"), ("low", "Low"), ("medium", "Medium"), ("high", "High")]


def _choices(group: VendorGroup) -> list[tuple[str, str]]:
    return [(model.name, model.shown_name) for model in group.models]


class TitleForm(forms.Form):
    title = forms.CharField(
        max_length=200, error_messages={"required": "A title needs at least one character."}
    )


class SettingsForm(forms.Form):
    """What the next answers are asked with. Thinking effort only where a model has it."""

    model = forms.ChoiceField(label="Answers come from", required=False)
    system = forms.CharField(
        label="System prompt",
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Said to the model before every question of this conversation.",
    )
    temperature = forms.FloatField(
        label="Temperature",
        required=False,
        min_value=0,
        max_value=2,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
        help_text="0 keeps to the likeliest words, 2 wanders. Empty: the model's own.",
    )
    max_tokens = forms.IntegerField(
        label="Length limit",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="The most tokens of one answer. Empty: the model's own.",
    )
    reasoning_effort = forms.ChoiceField(label="Thinking effort", required=False, choices=EFFORTS)

    def __init__(self, *args: Any, offered: list[Model], chosen: Model | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["model"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - it is declared above
        groups = vendors.grouped(offered)
        field.choices = [(group.vendor, _choices(group)) for group in groups if group.vendor] or [
            choice for group in groups for choice in _choices(group)
        ]
        if chosen and not any(model.pk == chosen.pk for model in offered):
            field.choices = [(chosen.name, f"{chosen.shown_name} (not offered any more)"), *field.choices]
        if not any(model.has_thinking for model in offered):
            del self.fields["reasoning_effort"]
