"""Times and durations in words, in the zone of the person who reads."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from conversations.models import User

register = template.Library()


@register.filter
def moment(value: datetime | None, person: User | None = None) -> str:
    """Say when `value` was: "Today, 14:05", "Yesterday, 9:30", "3 March, 18:00", with the year if another."""
    if value is None:
        return ""
    zone = getattr(person, "zone", None) or timezone.get_current_timezone()
    there, now = value.astimezone(zone), timezone.now().astimezone(zone)
    clock = f"{there.hour}:{there.minute:02}"
    if there.date() == now.date():
        return f"Today, {clock}"
    if there.date() == now.date() - timedelta(days=1):
        return f"Yesterday, {clock}"
    if there.date() == now.date() + timedelta(days=1):
        return f"Tomorrow, {clock}"
    day = f"{there.day} {there:%B}"
    return f"{day}, {clock}" if there.year == now.year else f"{day} {there.year}, {clock}"


@register.filter
def seconds(value: float | None) -> str:
    """Say a duration in seconds: "1 s", "12 s", "2 min 5 s"."""
    if value is None:
        return ""
    whole = max(1, round(value))
    minutes, rest = divmod(whole, 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


@register.filter
def milliseconds(value: int | None) -> str:
    """Say a duration in milliseconds: "0.84 s", "12.3 s", "2 min 5 s"."""
    if value is None:
        return ""
    if value < 1_000:
        return f"{value / 1000:.2f} s"
    return f"{value / 1000:.1f} s" if value < 60_000 else seconds(value / 1000)
