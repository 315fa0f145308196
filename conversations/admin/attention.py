"""What the panel's first page says needs an admin's attention: small functions, each for who may mend it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.timesince import timesince

from conversations.models import Alert, GatewayKey, KeySource, Model
from conversations.services import (
    alerts,
    catalog,
    key_health,
    keys,
    model_proposals,
    price_import,
    price_list,
    reencryption,
    roles,
)

_ALERTS_SHOWN = 20


@dataclass(frozen=True)
class Need:
    """One thing to look at, and the page where it is mended."""

    text: str
    link: str
    link_text: str
    is_urgent: bool = True
    # True: the link is pressed, not followed.
    is_press: bool = False
    note: str = ""


def needs(request: HttpRequest) -> list[Need]:
    """Return what needs attention, the most urgent first: of each thing only for who may mend it."""
    found = [
        need for permission, look in _LOOKS if roles.may(request.user, permission) for need in look()
    ]  # fmt: skip
    return sorted(found, key=lambda need: not need.is_urgent)


def _alerts() -> list[Need]:
    return [_told(alert) for alert in alerts.open_alerts()[:_ALERTS_SHOWN]]


def _told(alert: Alert) -> Need:
    age = timesince(alert.first_at, depth=1)
    ago = "just now" if age.startswith("0") else f"{age} ago"
    note = f"{alert.times} times, first {ago}" if alert.times > 1 else ago
    return Need(alert.text, reverse("admin:alert_done", args=[alert.pk]), "Done", is_press=True, note=note)


def _without_key() -> list[Need]:
    add = (reverse("admin:conversations_gatewaykey_add"), "Put a ChainHub key in")
    if catalog.is_practice():
        return [Need("The practice gateway answers: what people read is made up here, not by a model.", *add)]
    if not GatewayKey.objects.usable().exists():
        return [Need("No gateway key is enabled: nobody gets an answer.", *add)]
    return []


def _with_problems() -> list[Need]:
    found = []
    # What is disabled troubles nobody, but for the key of a variable that went away.
    for key in GatewayKey.objects.exclude(source=KeySource.PRACTICE).order_by("name", "id"):
        trouble = key_health.trouble_with(key)
        if trouble and (key.is_enabled or key.problem_kind == keys.VARIABLE_GONE):
            link = reverse("admin:conversations_gatewaykey_change", args=[key.pk])
            found.append(Need(f"{key.name}: {trouble}", link, "Look at the key", is_urgent=key.is_enabled))
    return found


def _on_old_encryption_keys() -> list[Need]:
    number = sum(1 for key in reencryption.on_old_keys() if keys.secret_or_nothing(key))
    if not number:
        # What can't be read at all is told key by key.
        return []
    told = "One key is" if number == 1 else f"{number} keys are"
    text = (
        f"{told} stored under an old encryption key. Run “manage.py reencrypt” on the server; "
        "then the old one can be removed from ENCRYPTION_KEYS."
    )
    return [
        Need(
            text,
            reverse("admin:conversations_gatewaykey_changelist"),
            "Look at the keys",
            is_urgent=False,
        )
    ]


def _of_models() -> list[Need]:
    usable = list(GatewayKey.objects.usable())
    models = (reverse("admin:conversations_model_changelist"), "Look at the models")
    if not usable:
        return []
    offered = Model.objects.offered().exists()
    if not offered and any(key.synced_at is None for key in usable):
        return [
            Need(
                "The models are being read from the gateway. That takes a few seconds.",
                *models,
                is_urgent=False,
            )
        ]
    if not offered:
        return [Need("No model is enabled: people have nothing to choose from.", *models)]
    chosen = Model.objects.filter(is_default=True).first()
    instead = catalog.default_model()
    if chosen and instead and chosen != instead and not catalog.is_practice():
        text = f"The default model “{chosen}” is not available now: new conversations begin with “{instead}”."
        return [Need(text, *models, is_urgent=False)]
    return []


def _waiting_models() -> list[Need]:
    return [
        Need(
            f"The list of {row.key} differs from what it serves: nothing changes before it is applied.",
            reverse("admin:conversations_model_list", args=[row.pk]),
            "Look at the difference",
            is_urgent=False,
        )
        for row in model_proposals.open_proposals()
    ]


def _waiting_prices() -> list[Need]:
    return [
        Need(
            f"The price table of {price_list.place_of(row.tariff.base_url)} ({row.price_group}) "
            "says other prices than now.",
            reverse("admin:conversations_price_proposal", args=[row.pk]),
            "Look at the difference",
            is_urgent=False,
        )
        for row in price_import.open_proposals()
    ]


def _without_price() -> list[Need]:
    # What is made up costs nothing: there the practice gateway's models may be priced, and need not.
    number = 0 if catalog.is_practice() else price_list.unpriced_models().count()
    if not number:
        return []
    told = "1 model has" if number == 1 else f"{number} models have"
    text = f"{told} no price: what is asked of them counts as unpriced."
    return [Need(text, reverse("admin:conversations_price_tables"), "Look at the prices", is_urgent=False)]


# What is looked at, and the permission to mend it. A new subject adds its function here.
_LOOKS: tuple[tuple[str, Callable[[], list[Need]]], ...] = (
    ("use_panel", _alerts),
    ("manage_keys", _without_key),
    ("manage_keys", _with_problems),
    ("manage_keys", _on_old_encryption_keys),
    ("manage_models", _of_models),
    ("manage_models", _waiting_models),
    ("manage_prices", _waiting_prices),
    ("manage_prices", _without_price),
)
