"""Models in the panel."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from conversations.admin.pages import Page, say
from conversations.models import GatewayKey, KeySource, Model
from conversations.services import catalog
from conversations.services.errors import Refused

# What the chat itself puts into each request.
_TAKEN = ("model", "messages", "stream", "stream_options")
_PARAMETERS_LIMIT = 20


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
        return _plain_values(parsed)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _plain_values(parsed: Any) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise ValidationError('Write a JSON object, for example {"top_p": 0.9}.')
    if len(parsed) > _PARAMETERS_LIMIT:
        raise ValidationError(f"At most {_PARAMETERS_LIMIT} parameters.")
    for name, value in parsed.items():
        if name in _TAKEN:
            raise ValidationError(f"“{name}” is set by the chat itself.")
        if isinstance(value, dict | list):
            raise ValidationError(f"“{name}” must be a text, a number, true, false or null.")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValidationError(f"“{name}” is beyond all bounds.")
    return parsed


class GatewayModelForm(forms.ModelForm):
    default_parameters = ParametersField(
        required=False,
        label="Default parameters",
        help_text=(
            'Sent with every request to this model, as a JSON object, for example {"top_p": 0.9}. '
            "What a conversation sets itself comes before it. Leave empty for none."
        ),
    )
    served_by = forms.ModelMultipleChoiceField(
        label="Served by",
        queryset=GatewayKey.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one key that serves this model."},
        help_text="The keys through which this model can be reached.",
    )

    class Meta:
        model = Model
        fields = (
            "name", "display_name", "description", "is_enabled", "order",
            "has_vision", "has_thinking", "is_streaming", "wire", "default_parameters",
        )  # fmt: skip
        labels = {
            "name": "Name at the gateway",
            "is_enabled": "People may choose it",
            "has_vision": "Sees pictures",
            "has_thinking": "Thinking effort can be set",
            "is_streaming": "Answers arrive word by word",
            "wire": "Format",
            "order": "Place in the list",
        }
        help_texts = {
            "name": "Exactly as the gateway calls it, for example gpt-4o.",
            "display_name": "What people see instead of the name. Leave empty to show the name.",
            "description": "A line for people: what it is good at.",
            "has_vision": "Off: pictures can't be sent to it.",
            "is_streaming": "Off: the whole answer arrives at once. For models that can't stream.",
            "order": "Small numbers stand first.",
            "wire": (
                "How the gateway is asked. Nearly every model takes Chat completions; some, such as o3-pro "
                "and codex-mini-latest, are served by Responses only. It is guessed when the gateway first "
                "lists the model; what you choose here is kept."
            ),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "served_by" in self.fields:
            keys = GatewayKey.objects.exclude(source=KeySource.PRACTICE).order_by("name", "id")
            self.fields["served_by"].queryset = keys  # type: ignore[attr-defined]
            # The usual case, one key, needs no click.
            self.initial.setdefault("served_by", self.instance.keys.all() if self.instance.pk else keys)
        if not self.instance.pk and "is_enabled" in self.fields:
            self.initial.setdefault("is_enabled", True)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if any(character.isspace() or not character.isprintable() for character in name):
            raise ValidationError("A model's name has no spaces.")
        if "*" in name:
            raise ValidationError(
                "A name with * is a pattern of the gateway's, not a model that can be asked."
            )
        return name


@admin.register(Model)
class ModelPage(Page):
    subject = "Models"
    subject_one = "model"
    presses = {"default": "make_default"}
    form = GatewayModelForm
    list_display = ("name", "display_name", "is_enabled", "order", "default", "abilities", "served_by")
    list_display_links = ("name",)
    list_editable = ("display_name", "is_enabled", "order")
    list_filter = ("is_enabled", "has_vision")
    list_per_page = 50
    list_max_show_all = 100
    search_fields = ("name", "display_name", "description")
    search_help_text = "Search names and descriptions"
    actions = ("enable", "disable", "default_by_action")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        # What people may choose first: a gateway may list hundreds that nobody wants.
        return (
            Model.objects.for_admin()
            .prefetch_related("keys")
            .order_by("-is_default", "-is_enabled", "order", "name", "id")
        )

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # What a gateway still lists would only come back with the next sync. It can be disabled.
        if obj is not None and catalog.is_synced(obj) and obj.key_models.exists():
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        named = ("name", "display_name", "description")
        return [
            (None, {"fields": (*named, "served_by")}),
            ("In the picker", {"fields": ("is_enabled", "order", *(("default",) if obj else ()))}),
            (
                "What it can do",
                {"fields": ("has_vision", "has_thinking", "is_streaming")},
            ),
            ("How it is asked", {"fields": ("wire", "default_parameters")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        if obj is not None and catalog.is_synced(obj):
            return ("name", "served_by", "default")
        return ("default",)

    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        if change:
            # Not the whole row: a sync may have written to it since the page was opened.
            own = [name for name in form.changed_data if name != "served_by"]
            obj.save(update_fields=[*own, "updated_at"])
        else:
            obj.save()
        if "served_by" in form.cleaned_data:
            catalog.set_keys(obj, list(form.cleaned_data["served_by"]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name the model alone: conversations and calls stay, with its name."""
        return [str(obj) for obj in objs], {}, set(), []

    # --- Buttons and actions

    def make_default(self, request: HttpRequest, model: Model) -> None:
        try:
            catalog.make_default(model)
        except Refused as refusal:
            say(request, messages.ERROR, str(refusal))
            return
        self.log_change(request, model, "Made the default.")
        say(request, messages.SUCCESS, f"New conversations now begin with “{model}”.")

    @admin.action(description="Make default (choose one)", permissions=["change"])
    def default_by_action(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        models = list(chosen[:2])
        if len(models) == 1:
            self.make_default(request, models[0])
        else:
            say(request, messages.ERROR, "One model can be the default: choose exactly one.")

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        self._switch(request, chosen, is_enabled=True)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, chosen: QuerySet[Model]) -> None:
        self._switch(request, chosen, is_enabled=False)

    def _switch(self, request: HttpRequest, chosen: QuerySet[Model], *, is_enabled: bool) -> None:
        word = "enabled" if is_enabled else "disabled"
        models = list(chosen.exclude(is_enabled=is_enabled))
        Model.objects.filter(pk__in=[model.pk for model in models]).update(is_enabled=is_enabled)
        for model in models:
            self.log_change(request, model, f"{word.capitalize()}.")
        number = "1 model" if len(models) == 1 else f"{len(models)} models"
        say(request, messages.SUCCESS, f"{number} {word}.")

    # --- What is shown of a model

    @admin.display(description="Default", ordering=F("is_default").desc())
    def default(self, model: Model) -> SafeString | str:
        return format_html('<span class="state state-good">{}</span>', "Default") if model.is_default else "–"

    @admin.display(description="Can")
    def abilities(self, model: Model) -> str:
        told = {
            "pictures": model.has_vision,
            "thinking": model.has_thinking,
            "no streaming": not model.is_streaming,
        }
        return ", ".join(word for word, holds in told.items() if holds)

    @admin.display(description="Served by")
    def served_by(self, model: Model) -> str:
        names = sorted(key.name for key in model.keys.all())
        return ", ".join(names) or "no key any more"
