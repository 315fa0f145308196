"""What a key's model list would change: kept as a proposal, shown as a difference, and only then applied.

The first list of a key is taken over by itself, or nothing would be served; so is the first after its secret,
its address or its limits were changed, and every list of the practice gateway. All others wait for an admin.

While one waits, a model that is gone is still offered: calls to it are refused by the gateway (404, 503), the
key is left alone for that model for a while (services.cooldowns), and other keys that serve it are asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from conversations.chainhub.catalog import CatalogModel
from conversations.models import GatewayKey, KeySource, Model, ModelProposal, ProposalState, User
from conversations.services import audit, model_lists, site_settings
from conversations.services.errors import Refused
from conversations.services.model_lists import Counts, Difference, Kind, Types

# The younger ones are kept, decided or not: a list that an admin has dismissed does not come back daily.
_KEPT = 10
_DECIDED = "This was decided already, or a newer list was read. Nothing was changed."


# --- Taking a list in ------------------------------------------------------------------------------


@transaction.atomic
def take(key: GatewayKey, models: Iterable[CatalogModel], *, is_daily: bool = False) -> Counts:
    """Take over the list that `key` was just told, or keep what it would change as a proposal.

    `is_daily`: nobody has asked for it, so that what somebody has left out does not come back. Raises Refused
    where the key was changed or deleted while the gateway was asked.
    """
    asked = (key.ciphertext, key.base_url)
    present = _lock_keys().get(key.pk)
    if present is None:
        raise Refused("The key was deleted meanwhile.")
    if (present.ciphertext, present.base_url) != asked:
        raise Refused("The key was changed meanwhile: its models are read again.")
    listed = model_lists.usable(models)
    found = model_lists.compare(present, listed)
    allowed = {name: types for name, types in listed.items() if present.allows(name)}
    is_practice = present.source == KeySource.PRACTICE
    is_first = is_practice or not model_lists.has_list(present)
    if is_first or present.takes_next_list:
        # Where the admins have chosen among these models before, theirs is the choice.
        is_open = is_first or not _has_enabled(allowed)
        _take_over(present, found, enable=_for_chat(found) if is_open else ())
        is_waiting = False
    elif site_settings.value_of(site_settings.APPLY_MODEL_LISTS):
        _take_over(present, found, enable=())
        is_waiting = False
    else:
        is_waiting = _propose(present, listed, found, is_daily=is_daily)
        # What somebody has left out is nothing new.
        found = found if is_waiting else []
    return model_lists.counts(found, allowed, is_applied=not is_waiting)


def _has_enabled(allowed: dict[str, Types]) -> bool:
    enabled = Model.objects.filter(is_enabled=True).values_list("name", flat=True)
    return not allowed.keys().isdisjoint(enabled)


def _for_chat(found: list[Difference]) -> list[str]:
    return [row.name for row in found if row.kind == Kind.NEW and row.model is None and row.can_chat]


def _take_over(key: GatewayKey, found: list[Difference], *, enable: Collection[str]) -> None:
    model_lists.write(key, found, enable=enable)
    _record(key, found)
    _dismiss_open(key)
    GatewayKey.objects.filter(pk=key.pk).update(takes_next_list=False)


def _propose(key: GatewayKey, listed: dict[str, Types], found: list[Difference], *, is_daily: bool) -> bool:
    """Keep the list where it differs; return whether something waits now."""
    if not found:
        _dismiss_open(key)
        return False
    rows = [{"name": name, "endpoint_types": types} for name, types in listed.items()]
    proposals = ModelProposal.objects.filter(key=key).order_by("-id")
    latest = proposals.first()
    if latest and latest.listed == rows:
        if latest.state == ProposalState.OPEN:
            return True
        if is_daily and latest.decided_by_id is not None:
            # Somebody has said no to exactly this, or to what is left of it.
            return False
    _dismiss_open(key)
    ModelProposal.objects.create(key=key, listed=rows)
    old = list(proposals.values_list("pk", flat=True)[_KEPT:])
    ModelProposal.objects.filter(pk__in=old).delete()
    return True


def _dismiss_open(key: GatewayKey) -> None:
    waiting = ModelProposal.objects.filter(key=key, state=ProposalState.OPEN)
    waiting.update(state=ProposalState.DISMISSED, decided_at=timezone.now())


# --- What it would change --------------------------------------------------------------------------


def open_proposals() -> list[ModelProposal]:
    """Return what waits for an admin, of the keys that are in use, by the keys' names."""
    waiting = ModelProposal.objects.filter(state=ProposalState.OPEN, key__in=GatewayKey.objects.usable())
    return list(waiting.select_related("key").order_by("key__name", "id"))


def open_of(key: GatewayKey) -> ModelProposal | None:
    """Return what waits of `key`."""
    waiting = ModelProposal.objects.filter(key=key, state=ProposalState.OPEN)
    return waiting.select_related("key").first()


def differences(proposal: ModelProposal) -> list[Difference]:
    """Compare the proposal with what its key serves now, by model name. Two queries."""
    listed = {row["name"]: list(row["endpoint_types"] or []) for row in proposal.listed}
    return model_lists.compare(proposal.key, listed)


# --- Deciding --------------------------------------------------------------------------------------


@transaction.atomic
def apply(
    proposal: ModelProposal,
    *,
    by: User | None,
    seen: str,
    names: Collection[str] | None = None,
    enable: Collection[str] = (),
) -> Counts:
    """Apply what an admin has chosen of a proposal: `names`, None for all of it. `enable`: of the new ones.

    New models come disabled but for those. What was not chosen goes on waiting. `seen` is
    model_lists.mark_of what the admin looked at. Raises Refused where something was decided or changed since.
    """
    _lock_keys()
    found = _refuse_stale(proposal, seen)
    chosen = [row for row in found if names is None or row.name in names]
    if not chosen:
        raise Refused("Choose at least one model.")
    key = proposal.key
    model_lists.write(key, chosen, enable=set(enable))
    _record(key, chosen, by=by, enabled=[row.name for row in chosen if row.name in enable])
    if len(chosen) == len(found):
        _decide(proposal, ProposalState.APPLIED, by=by)
    return model_lists.counts(chosen, {})


@transaction.atomic
def dismiss(proposal: ModelProposal, *, by: User | None) -> None:
    """Leave the models as they are. Raises Refused where somebody else has decided already."""
    _decide(proposal, ProposalState.DISMISSED, by=by)
    audit.record("model.dismissed", kind="model list", name=proposal.key.name, actor=by)


def _refuse_stale(proposal: ModelProposal, seen: str) -> list[Difference]:
    present = ModelProposal.objects.select_related("key").filter(pk=proposal.pk).first()
    if present is None or present.state != ProposalState.OPEN:
        raise Refused(_DECIDED)
    if present.key.takes_next_list:
        raise Refused("The key was changed since this list was read. Its models are being read anew.")
    proposal.key = present.key
    found = differences(present)
    if model_lists.mark_of(found) != seen:
        raise Refused(
            "Models were changed since this page was shown. Nothing was applied: look at what differs now."
        )
    return found


def _decide(proposal: ModelProposal, state: ProposalState, *, by: User | None) -> None:
    # Conditional: of two admins at once one wins, and the other is told.
    mine = ModelProposal.objects.filter(pk=proposal.pk, state=ProposalState.OPEN)
    if not mine.update(state=state, decided_by=by, decided_at=timezone.now()):
        raise Refused(_DECIDED)


def _lock_keys() -> dict[int, GatewayKey]:
    # Two lists at once take turns: both may want to name the default, or make the same row.
    return {key.pk: key for key in GatewayKey.objects.select_for_update().order_by("id")}


def _record(
    key: GatewayKey, found: list[Difference], *, by: User | None = None, enabled: Collection[str] = ()
) -> None:
    if not found or key.source == KeySource.PRACTICE:
        return
    named = {kind: [row.name for row in found if row.kind == kind] for kind in Kind}
    changes: dict[str, Any] = {kind.value: [None, _listed(names)] for kind, names in named.items() if names}
    if enabled:
        changes["enabled"] = [None, _listed(enabled)]
    audit.record("model.applied", kind="model list", name=key.name, actor=by, changes=changes)


def _listed(names: Collection[str]) -> str:
    return f"{len(names)}: {', '.join(names)}"
