"""Who makes which answer: claims, leases, and what happens to those whose maker is gone."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Min, Q

from conversations.models import EngineProcess, Generation, GenerationState

LEASE = timedelta(seconds=30)
# An engine that said nothing for this long counts as gone, on whichever host it was.
SILENCE = timedelta(seconds=15)
_YOUNG = timedelta(seconds=5)
_NEVER = datetime.min.replace(tzinfo=UTC)
# Other engines may take the same person's oldest in the moment between.
_TRIES = 10


def claim_next(
    *, boot_id: UUID, now: datetime, slots: int, served: dict[int, datetime] | None = None
) -> Generation | None:
    """Take a queued generation, or None. Two workers never get the same one.

    Fair: whoever has the fewest running comes first, then who was served longest ago, then who asked first;
    of theirs the oldest. Nobody takes more than half of the `slots`. So one person's fifty do not hold up
    another's one, also where there is a single slot. `served`: when this engine last took one of whom; it is
    kept here, and is the caller's to keep.
    """
    served = {} if served is None else served
    queued = Generation.objects.filter(state=GenerationState.QUEUED, ended_at=None)
    # One row per person, however many each has in the line.
    waiting = list(queued.values_list("asked_by").annotate(since=Min("created_at")))
    if not waiting:
        return None
    running = Counter(
        Generation.objects.filter(state=GenerationState.RUNNING, ended_at=None).values_list(
            "asked_by", flat=True
        )
    )
    waiting.sort(key=lambda row: (running[row[0]], served.get(row[0], _NEVER), row[1], row[0]))
    for person, _ in waiting:
        if running[person] >= max(1, slots // 2):
            continue
        theirs = queued.filter(asked_by=person).order_by("created_at", "id")
        for pk in list(theirs.values_list("pk", flat=True)[:_TRIES]):
            # Whoever changes the row first has it. The other changes nothing, and looks further.
            won = queued.filter(pk=pk).update(
                state=GenerationState.RUNNING, lease_owner=boot_id, lease_until=now + LEASE, started_at=now
            )
            if won:
                served[person] = now
                # All that the making of it reads first, in one look.
                rows = Generation.objects.select_related("message__conversation", "model", "asked_by", "send")
                return rows.get(pk=pk)
    return None


def renew(*, boot_id: UUID, running: Collection[int], now: datetime) -> set[int]:
    """Prolong the leases of this engine; return the ids that are still its own."""
    mine = Generation.objects.filter(lease_owner=boot_id, state=GenerationState.RUNNING, pk__in=running)
    mine.update(lease_until=now + LEASE)
    return set(mine.values_list("pk", flat=True))


def stop_requested(*, boot_id: UUID) -> set[int]:
    """Return the ids of this engine's generations that somebody wants to end."""
    mine = Generation.objects.filter(lease_owner=boot_id, state=GenerationState.RUNNING)
    return set(mine.exclude(stop_requested_at=None).values_list("pk", flat=True))


def lost(*, boot_id: UUID, running: Collection[int], now: datetime) -> list[Generation]:
    """Return running generations whose lease ran out, or whose engine is gone."""
    gone = [process.boot_id for process in EngineProcess.objects.all() if _is_gone(process, boot_id, now)]
    known = EngineProcess.objects.values("boot_id")
    orphans = Q(lease_until__lt=now) | Q(lease_owner__in=gone) | ~Q(lease_owner__in=known)
    # A lease of this very process without a running answer was left by a thread that broke. A young one may
    # have been claimed a moment ago.
    orphans |= Q(lease_owner=boot_id, started_at__lt=now - _YOUNG) & ~Q(pk__in=running)
    found = Generation.objects.filter(orphans, state=GenerationState.RUNNING)
    return list(found.select_related("message__conversation"))


def say_alive(*, boot_id: UUID, now: datetime) -> None:
    """Write down that this engine is at work. /readyz and the other engines read it."""
    EngineProcess.objects.update_or_create(
        boot_id=boot_id, defaults={"seen_at": now}, create_defaults=_this_process(boot_id, now)
    )


def say_goodbye(*, boot_id: UUID) -> None:
    EngineProcess.objects.filter(boot_id=boot_id).delete()


def forget_the_gone(*, boot_id: UUID, now: datetime) -> None:
    gone = [p.pk for p in EngineProcess.objects.all() if _is_gone(p, boot_id, now)]
    EngineProcess.objects.filter(pk__in=gone).delete()


def _this_process(boot_id: UUID, now: datetime) -> dict[str, object]:
    return {
        "boot_id": boot_id,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started_at": now,
        "seen_at": now,
    }


def _is_gone(process: EngineProcess, boot_id: UUID, now: datetime) -> bool:
    if process.boot_id == boot_id:
        return False
    if process.seen_at < now - SILENCE:
        return True
    if process.host != socket.gethostname():
        return False
    # On this very host the answer is known at once. The same number again is this process, started anew.
    return process.pid == os.getpid() or not _is_alive(process.pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
