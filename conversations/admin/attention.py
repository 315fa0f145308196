"""What the panel's first page says needs an admin's attention."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import reverse

from conversations.models import GatewayKey, KeySource, Model, User
from conversations.services import catalog, keys


@dataclass(frozen=True)
class Need:
    """One thing to look at, and the page where it is mended."""

    text: str
    link: str
    link_text: str
    is_urgent: bool = True


def needs(request: HttpRequest) -> list[Need]:
    """Return what needs attention, the most urgent first; nothing for who may not see keys."""
    if not _may_view(request.user, "gatewaykey"):
        return []
    found = _without_key() + _with_problems()
    if _may_view(request.user, "model"):
        found += _of_models()
    return sorted(found, key=lambda need: not need.is_urgent)


def trouble_with(key: GatewayKey) -> str:
    """Say what is wrong with `key`, or "" where nothing is known to be."""
    if key.source != KeySource.PRACTICE and (key.is_enabled or key.ciphertext):
        try:
            keys.secret_of(key)
        except keys.KeyUnreadable as fault:
            return str(fault)
    return key.problem_text


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
        trouble = trouble_with(key)
        if trouble and (key.is_enabled or key.problem_kind == keys.VARIABLE_GONE):
            link = reverse("admin:conversations_gatewaykey_change", args=[key.pk])
            found.append(Need(f"{key.name}: {trouble}", link, "Look at the key", is_urgent=key.is_enabled))
    return found


def _of_models() -> list[Need]:
    usable = list(GatewayKey.objects.usable())
    models = (reverse("admin:conversations_model_changelist"), "Look at the models")
    if not usable:
        return []
    offered = catalog.offered_models()
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


def _may_view(user: User | AnonymousUser, model_name: str) -> bool:
    return any(user.has_perm(f"conversations.{verb}_{model_name}") for verb in ("view", "change"))
