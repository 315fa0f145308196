"""The form of one model in the panel."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError

from conversations.forms.rows import RowsField
from conversations.models import GatewayKey, KeySource, Model, Wire
from conversations.services import model_parameters, model_settings, roles
from conversations.services.errors import Refused


class ParametersField(forms.CharField):
    """A JSON object of plain values: text, numbers, true, false, null.

    Not forms.JSONField, which parses once more without a guard: deep nesting would be an error page.
    """

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        # Nothing set is an empty box, not "{}" or "null".
        return json.dumps(value, ensure_ascii=False) if value else ""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value or {}
        if not value.strip():
            return {}
        try:
            parsed = json.loads(value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise ValidationError('This is not JSON. Write for example {"top_p": 0.9}.') from None
        try:
            return model_parameters.clean(parsed)
        except Refused as refusal:
            raise ValidationError(str(refusal)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class TeamGroupsField(RowsField):
    """Groups that admins make, by name; never a role."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Group.objects.none(), required=False, **kwargs)

    def fill(self) -> None:
        self.queryset = roles.team_groups()


class GatewayModelForm(forms.ModelForm):
    # services.model_settings writes the entries.
    audited_elsewhere = ("default_for",)

    groups = TeamGroupsField(label="Who may use it", help_text="None chosen: everybody.")
    default_for = TeamGroupsField(
        label="Groups that begin with it",
        help_text=(
            "Their people's new conversations begin with this model, whatever the default for everyone is. "
            "Who is in several such groups gets the one of the first by name."
        ),
    )
    default_parameters = ParametersField(
        required=False,
        label="Default parameters",
        help_text=(
            'Sent with every request to this model, as a JSON object, for example {"top_p": 0.9}. '
            "What a conversation sets itself comes before it. Leave empty for none."
        ),
    )
    served_by = RowsField(
        label="Served by",
        queryset=GatewayKey.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one key that serves this model."},
        help_text="The keys through which this model can be reached.",
    )

    class Meta:
        model = Model
        fields = (
            "name", "display_name", "description", "is_enabled", "order", "groups", "has_vision",
            "has_documents", "has_tools", "has_thinking", "has_structured_output", "is_streaming",
            "context_size", "max_output", "wire", "default_parameters",
        )  # fmt: skip
        labels = {
            "name": "Name at the gateway",
            "is_enabled": "People may choose it",
            **model_settings.CAPABILITIES,
            "is_streaming": "Answers arrive word by word",
            "context_size": "Context size",
            "max_output": "Longest answer",
            "wire": "Format",
            "order": "Place in the list",
        }
        help_texts = {
            "name": "Exactly as the gateway calls it, for example gpt-4o.",
            "display_name": "What people see instead of the name. Leave empty to show the name.",
            "description": "A line for people: what it is good at.",
            "has_vision": "Off: pictures can't be sent to it.",
            "has_documents": "Told in the list of models.",
            "has_tools": "Off: no tool is offered to it, and what tools said before is told to it in words.",
            "has_structured_output": "Told in the list of models.",
            "is_streaming": "Off: the whole answer arrives at once. For models that can't stream.",
            "context_size": "In tokens, question and answer together. Leave empty where it is not known.",
            "max_output": "In tokens. No answer is asked to be longer. Leave empty for no limit.",
            "order": "Small numbers stand first.",
            "wire": (
                "How the gateway is asked. Nearly every model takes Chat completions; some, such as o3-pro "
                "and codex-mini-latest, are served by Responses only. It is guessed when the gateway first "
                "lists the model; what you choose here is kept."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("groups", "default_for"):
            if name in self.fields:
                self.fields[name].fill()  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial.setdefault("default_for", model_settings.groups_that_begin_with(self.instance))
        elif "wire" in self.fields:
            # Nobody else knows it: it is chosen, not left as it stands.
            self.fields["wire"].choices = [("", "Choose one"), *Wire.choices]  # type: ignore[attr-defined]
            self.initial["wire"] = ""
        if "served_by" in self.fields:
            keys = GatewayKey.objects.exclude(source=KeySource.PRACTICE).order_by("name", "id")
            self.fields["served_by"].queryset = keys  # type: ignore[attr-defined]
            # The usual case, one key, needs no click.
            self.initial.setdefault("served_by", self.instance.keys.all() if self.instance.pk else keys)
        if not self.instance.pk and "is_enabled" in self.fields:
            self.initial.setdefault("is_enabled", True)
            self.initial.setdefault("has_tools", True)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if any(character.isspace() or not character.isprintable() for character in name):
            raise ValidationError("A model's name has no spaces.")
        if "*" in name:
            raise ValidationError(
                "A name with * is a pattern of the gateway's, not a model that can be asked."
            )
        return name

    def clean_served_by(self) -> Any:
        chosen = self.cleaned_data["served_by"]
        name = self.cleaned_data.get("name") or self.instance.name
        if limited := [str(key) for key in chosen if not key.allows(name)]:
            raise ValidationError(f"Limited to other models, on the key's own page: {', '.join(limited)}.")
        return chosen

    def clean_groups(self) -> Any:
        groups = self.cleaned_data["groups"]
        try:
            model_settings.refuse_a_limited_default([self.instance], list(groups))
        except Refused as refusal:
            raise ValidationError(str(refusal)) from None
        return groups

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        begin, limits = list(cleaned.get("default_for") or ()), list(cleaned.get("groups") or ())
        if shut := [str(group) for group in begin if limits and group not in limits]:
            self.add_error("default_for", f"The model is not for {', '.join(shut)}.")
        elif begin and not cleaned.get("is_enabled", True):
            self.add_error("default_for", "People can't begin with a model that they may not choose.")
        return cleaned
