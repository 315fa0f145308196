"""The form of a gateway key: its secret goes in, never out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.forms.rows import RowsField
from conversations.models import GatewayKey, KeySource
from conversations.services import key_settings, keys, roles
from conversations.services.errors import Refused


class AmountField(forms.DecimalField):
    """An amount of money: typed with decimals, kept as an integer of nano-units, never a float between."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_digits=18,
            decimal_places=key_settings.NANO,
            # What a column of 64 bits holds.
            max_value=Decimal(9_000_000_000),
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "amount"}),
            error_messages={
                "invalid": "Write an amount like 25 or 2.50.",
                "max_value": "At most 9000000000 can be stored.",
                "max_decimal_places": "At most nine decimals count.",
            },
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return key_settings.in_units(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        amount: Decimal | None = super().clean(value)
        if amount is None:
            return None
        if amount <= 0:
            raise ValidationError("Write an amount above 0. To let nothing through, disable the key.")
        return int(amount.scaleb(key_settings.NANO))

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.clean(data) != initial)
        except ValidationError:
            return True


class NamesField(forms.CharField):
    """Names of models, one a line."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        text: str = super().clean(value)
        try:
            return key_settings.clean_only_models(text)
        except Refused as refusal:
            raise ValidationError(str(refusal)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.clean(data) != (initial or [])
        except ValidationError:
            return True


class MomentField(forms.DateTimeField):
    """A date and a time in the zone of whoever fills the form in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
            error_messages={"invalid": "Write a date and a time, for example 2030-05-31T18:00."},
            **kwargs,
        )


class GatewayKeyForm(forms.ModelForm):
    # Not stripped: a key is opaque. render_value stays False: what is stored or was typed never travels back.
    secret = forms.CharField(
        label="Secret",
        strip=False,
        required=False,
        widget=forms.PasswordInput(
            render_value=False,
            attrs={"autocomplete": "off", "spellcheck": "false", "class": "vTextField"},
        ),
    )
    groups = RowsField(
        label="Groups",
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Only people of these groups are answered with this key. None chosen: everybody.",
        error_messages={
            "invalid_choice": "There is no such group any more. Choose again.",
            "invalid_pk_value": "There is no such group any more. Choose again.",
        },
    )
    only_models = NamesField(
        label="Only these models",
        required=False,
        help_text=(
            "One name on each line; * stands for any characters, for example gpt-4o*. "
            "Empty: every model that the gateway lists for this key."
        ),
    )
    priority = forms.IntegerField(
        label="Priority",
        min_value=0,
        max_value=10_000,
        initial=100,
        widget=forms.NumberInput(attrs={"class": "vIntegerField"}),
        help_text="Keys with a small number are taken first; one with a larger number stands in for them.",
    )
    weight = forms.IntegerField(
        label="Weight",
        min_value=1,
        max_value=1_000,
        initial=1,
        widget=forms.NumberInput(attrs={"class": "vIntegerField"}),
        help_text="Among keys of the same priority, one with 3 takes three times as many calls as one of 1.",
    )
    valid_from = MomentField(label="Valid from")
    valid_until = MomentField(label="Valid until")
    cap_per_day = AmountField(label="Cap per day", required=False)
    cap_per_month = AmountField(label="Cap per month", required=False)

    class Meta:
        model = GatewayKey
        fields = (
            *("name", "base_url", "note", "is_enabled", "priority", "weight", "valid_from", "valid_until"),
            *("groups", "only_models", "price_group", "cap_per_day", "cap_per_month"),
        )
        labels = {
            "name": "Name",
            "base_url": "Base URL",
            "note": "Note",
            "is_enabled": "Enabled",
            "price_group": "Price group",
        }
        help_texts = {
            "name": "What you and other admins call this key, for example the team that pays for it.",
            "base_url": "Where the gateway is. The host, …/v1 and a full endpoint are all understood.",
            "note": "For admins only: what the key is for, who to ask, when it ends.",
            "is_enabled": "Off: no further question goes through it. What runs goes on.",
            "price_group": "The group that the gateway's console names for this key: prices are read for it.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.source != KeySource.ADMIN:
            # Not only left out of the page: nothing that is posted to it may come in either.
            del self.fields["secret"]
        if "base_url" in self.fields and not self.instance.pk:
            self.fields["base_url"].initial = "https://api.chainhub.tech"
        if "secret" in self.fields:
            self.fields["secret"].help_text = self._about_the_secret()
        if "groups" in self.fields:
            groups = self.fields["groups"]
            groups.queryset = roles.team_groups()  # type: ignore[attr-defined]
            if not groups.queryset:  # type: ignore[attr-defined]
                groups.help_text = (
                    "There is no group yet, so it serves everybody. Groups are made under Groups."
                )
        self._explain_times_and_money()

    def _explain_times_and_money(self) -> None:
        texts = {
            "valid_from": "Before it no call goes through the key.",
            "valid_until": "From it on no call goes through the key.",
            "cap_per_day": "Once so much was spent on a day, the key is left alone until the next.",
            "cap_per_month": "The same for a calendar month.",
        }
        zone = timezone.get_current_timezone_name()
        currency = key_settings.currency_at(self.instance.base_url)
        for name in self.fields.keys() & texts.keys():
            end = f"In {currency}" if name.startswith("cap") else f"In your time zone ({zone})"
            self.fields[name].help_text = f"{texts[name]} {end}. Empty: no limit."

    def _about_the_secret(self) -> str:
        kept = "It is stored encrypted, and no page ever shows it again."
        if not self.instance.pk:
            return f"The key itself, from the “Token” page of ChainHub's console. {kept}"
        return f"Leave empty to keep the present one. {kept}"

    def clean_base_url(self) -> str:
        return _or_refuse(keys.clean_base_url, self.cleaned_data["base_url"])

    def clean_secret(self) -> str:
        typed: str = self.cleaned_data["secret"]
        return _or_refuse(keys.clean_secret, typed) if typed else ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # Only where both were understood: one fault is told once. A key of the environment has neither field.
        if "base_url" in cleaned and cleaned.get("secret") == "":
            if not self.instance.ciphertext:
                self.add_error("secret", "A key needs its secret.")
            elif keys.needs_secret_again(self.instance, base_url=cleaned["base_url"]):
                self.add_error("secret", self._why_again(cleaned["base_url"]))
        elif "secret" not in self.fields and cleaned.get("is_enabled") and "is_enabled" in self.changed_data:
            self._must_be_readable()
        begin, end = cleaned.get("valid_from"), cleaned.get("valid_until")
        if begin and end and end <= begin:
            self.add_error("valid_until", "This is not after “Valid from”: the key would never be valid.")
        day, month = cleaned.get("cap_per_day"), cleaned.get("cap_per_month")
        if day and month and day > month:
            self.add_error("cap_per_day", "This is more than the cap per month, and would never count.")
        return cleaned

    def _must_be_readable(self) -> None:
        # A key of the environment, whose secret can't be entered here.
        try:
            keys.secret_of(GatewayKey.objects.get(pk=self.instance.pk))
        except Refused as refusal:
            self.add_error("is_enabled", str(refusal))

    def _why_again(self, base_url: str) -> str:
        before = keys.origin_of(self.initial["base_url"])
        if before != keys.origin_of(base_url):
            return "The address leads to another server. The stored secret is not sent there: enter it again."
        return "The stored secret can't be read any more. Enter it again."


def _or_refuse(clean: Any, text: str) -> str:
    try:
        cleaned: str = clean(text)
    except Refused as refusal:
        raise ValidationError(str(refusal)) from None
    return cleaned
