"""The form of a gateway key: its secret goes in, never out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from conversations.models import GatewayKey, KeySource
from conversations.services import keys
from conversations.services.errors import Refused


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

    class Meta:
        model = GatewayKey
        fields = ("name", "base_url", "note")
        labels = {"name": "Name", "base_url": "Base URL", "note": "Note"}
        help_texts = {
            "name": "What you and other admins call this key, for example the team that pays for it.",
            "base_url": "Where the gateway is. The host, …/v1 and a full endpoint are all understood.",
            "note": "For admins only: what the key is for, who to ask, when it ends.",
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
        return cleaned

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
