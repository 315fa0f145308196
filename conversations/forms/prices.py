"""Prices as admins type them: decimals in, whole nano-units out, nothing through a float."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from conversations.models import Price, PriceSource
from conversations.services import price_list, pricing
from conversations.services.errors import Refused
from conversations.services.price_list import NewPrice

_DECIMAL = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,9}))?")
_LABELS = {
    "input": "Input",
    "cached": "Cached input",
    "cache_write": "Cache write",
    "output": "Output",
    "thinking": "Thinking",
    "per_call": "A call",
    "per_second": "A second",
    "per_image": "A picture",
}
_OTHERWISE = {
    "cached": "Empty: as input.",
    "cache_write": "Empty: as input.",
    "thinking": "Empty: as output.",
    "per_call": "Charged once for each call, beside its tokens.",
    "per_second": "Of sound or video.",
}


class NanoField(forms.Field):
    """A sum of money such as 1.25; its value is nano-units, or None where it was left empty."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "amount"})

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip().replace(" ", "")
        if not text:
            return None
        found = _DECIMAL.fullmatch(text)
        if found is None or not text.isascii():
            raise ValidationError("Write a number such as 1.25, with at most nine decimals.")
        return int(found[1]) * pricing.NANO + int((found[2] or "").ljust(9, "0"))


class PriceForm(forms.ModelForm):
    """A price from a moment on. It is stored by services.price_list, not by this form."""

    base_url = forms.ChoiceField(label="Base URL", help_text="The gateway at which this price holds.")
    model_name = forms.CharField(
        label="Model", max_length=200, help_text="Exactly as the gateway calls it, for example gpt-4o."
    )
    price_group = forms.CharField(
        label="Price group",
        max_length=100,
        required=False,
        help_text="That of the key, mostly “default”. Empty: every group that has no own price.",
    )
    valid_from = forms.DateTimeField(
        label="From",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
    )
    note = forms.CharField(max_length=300, required=False)

    class Meta:
        model = Price
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in pricing.AMOUNTS:
            self.fields[name] = NanoField(
                label=_LABELS[name], required=False, help_text=_OTHERWISE.get(name, "")
            )
        urls = price_list.base_urls()
        self.fields["base_url"].choices = [(url, price_list.place_of(url)) for url in urls]  # type: ignore[attr-defined]
        if "price_group" not in self.initial:
            self.initial["price_group"] = "default"
        zone = timezone.get_current_timezone_name()
        self.fields["valid_from"].help_text = f"Empty: from now on. Otherwise a moment to come ({zone})."

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                price_list.check(
                    cleaned["base_url"],
                    price_group=cleaned["price_group"],
                    new=self.new_price,
                    valid_from=cleaned["valid_from"],
                )
            except Refused as refusal:
                raise ValidationError(str(refusal)) from None
        return cleaned

    @property
    def new_price(self) -> NewPrice:
        cleaned = self.cleaned_data
        return NewPrice(
            model_name=cleaned["model_name"],
            amounts={name: cleaned[name] for name in pricing.AMOUNTS},
            source=PriceSource.HAND,
            note=cleaned["note"],
        )


class ProposalFilter(forms.Form):
    """What of a proposal is looked at. What makes no sense counts as not said."""

    q = forms.CharField(max_length=200, required=False)
    kind = forms.CharField(max_length=20, required=False)
    page = forms.IntegerField(min_value=1, max_value=1_000, required=False)


class CurrencyForm(forms.Form):
    base_url = forms.CharField(max_length=300)
    currency = forms.CharField(max_length=20)
