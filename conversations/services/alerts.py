"""What admins have to be told: one open row per topic, shown in the panel and sent by mail.

`tell` is called where something goes wrong, and writes a row; mail leaves from the engine's housekeeping.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from conversations.models import Alert, User
from conversations.services import audit, mailing, roles
from conversations.services.errors import Refused

logger = logging.getLogger(__name__)

_TOPIC_LIMIT, _TEXT_LIMIT = 200, 500
# The same again within this time is counted in memory, and written with the next one.
_WRITTEN_EVERY = timedelta(seconds=5)
_MAILED_EVERY = timedelta(days=1)
_SUBJECT = "The chat needs attention"

# By the row: what was told and is not written yet.
_uncounted: Counter[tuple[int, datetime]] = Counter()
_counting = threading.Lock()


def tell(topic: str, text: str) -> None:
    """Have admins told `text` about `topic` (for example "no_key:gpt-4o"), once while that alert is open.

    A hundred failures at once are few writes. What looks like a gateway key is taken out of both.
    """
    topic, now = audit.without_secrets(topic)[:_TOPIC_LIMIT], timezone.now()
    text = audit.without_secrets(text)[:_TEXT_LIMIT]
    known = Alert.objects.filter(topic=topic, closed_at=None).values("pk", "first_at", "last_at").first()
    if known is None:
        try:
            with transaction.atomic():
                Alert.objects.create(topic=topic, text=text, first_at=now, last_at=now)
            return
        except IntegrityError:
            # Somebody else told it in this moment.
            return
    row = (known["pk"], known["first_at"])
    with _counting:
        _uncounted[row] += 1
        if now - known["last_at"] < _WRITTEN_EVERY:
            return
        times = _uncounted.pop(row)
    written = Alert.objects.filter(pk=known["pk"], closed_at=None, last_at=known["last_at"])
    if not written.update(times=F("times") + times, last_at=now, text=text):
        # Another process wrote it meanwhile, or somebody closed it.
        with _counting:
            _uncounted[row] += times


def close(topic: str) -> None:
    """Close the alert about `topic`, if one is open: what it told of is mended."""
    Alert.objects.filter(topic=topic[:_TOPIC_LIMIT], closed_at=None).update(closed_at=timezone.now())


def done(alert: Alert) -> bool:
    """Close `alert` for an admin who has seen to it, and return whether it was open. The next one is new."""
    closed = bool(Alert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=timezone.now()))
    if closed:
        audit.record("alert.closed", subject=alert, kind="alert", name=alert.text)
    return closed


def open_alerts() -> QuerySet[Alert]:
    """Return the open alerts, the newest first."""
    return Alert.objects.filter(closed_at=None).order_by("-last_at", "-id")


# --- Housekeeping ----------------------------------------------------------------------------------


def count_the_rest() -> None:
    """Write how often what is open was told, as far as it was only counted in memory."""
    with _counting:
        rest = dict(_uncounted)
        _uncounted.clear()
    for (pk, first_at), times in rest.items():
        told = Alert.objects.filter(pk=pk, first_at=first_at, closed_at=None)
        told.update(times=F("times") + times, last_at=timezone.now())


def send_mail(now: datetime) -> int:
    """Mail what is open to owners and admins: when it opens, and once a day. Return how many letters left.

    Not inside a transaction: it speaks to the mail server. Where that is down, the alerts are due again.
    """
    if not mailing.is_possible():
        return 0
    due = Alert.objects.filter(Q(mailed_at=None) | Q(mailed_at__lte=now - _MAILED_EVERY), closed_at=None)
    people = _readers() if due.exists() else []
    if not people:
        return 0
    # Each engine process looks: whoever changes the row first mails it.
    taken = [
        alert
        for alert in due.order_by("first_at", "id")[:50]
        if due.filter(pk=alert.pk, mailed_at=alert.mailed_at).update(mailed_at=now)
    ]
    if not taken:
        return 0
    letters = sum(_sent(person, taken) for person in people)
    if not letters:
        for alert in taken:
            Alert.objects.filter(pk=alert.pk, mailed_at=now).update(mailed_at=alert.mailed_at)
    return letters


def _readers() -> list[User]:
    return list(roles.who_may("use_panel").exclude(email="").order_by("id"))


def _sent(person: User, alerts: list[Alert]) -> bool:
    told = "\n".join(f"- {alert.text}" for alert in alerts)
    closing = "The admin panel's first page shows what is open. This is sent once a day while it lasts."
    try:
        mailing.send(person.email, _SUBJECT, f"{told}\n\n{closing}\n")
    except Refused:
        logger.warning("%s open alerts could not be mailed to an admin", len(alerts))
        return False
    return True
