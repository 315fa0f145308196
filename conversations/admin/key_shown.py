"""What the panel shows of a gateway key: its state, its numbers, a spark line. Text in, safe text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from conversations.models import GatewayKey, KeyCooldown, User
from conversations.services import key_health, key_settings
from conversations.services.key_health import Health, State, Used
from conversations.templatetags.times import milliseconds, moment
from conversations.templatetags.words import thousands

_BAR, _GAP, _HEIGHT = 3, 1, 24


@dataclass(frozen=True)
class Span:
    """One row of the health page's table: what went through a key in some time."""

    name: str
    calls: str
    errors: str
    tokens: str
    spent: str
    cap: str


def state(told: State, reader: User) -> SafeString:
    """Draw a state's chip and the sentence beside it."""
    why = told.why
    if told.when:
        word, at = told.when
        why = f"{why.rstrip('.')}. {word[0].upper()}{word[1:]} {moment(at, reader)}."
    return format_html(
        '<span class="state state-{}">{}</span>{}',
        told.look,
        told.word,
        format_html(" <small>{}</small>", why) if why else "",
    )


def spark(per_day: Sequence[int], name: str) -> SafeString:
    """Draw the calls of each day as bars, today last. Attributes only: the page takes no styles."""
    most = max(per_day, default=0) or 1
    # A day with one call among thousands is still seen.
    heights = [max(2, round(calls / most * _HEIGHT)) if calls else 0 for calls in per_day]
    bars = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"></rect>',
        (
            (place * (_BAR + _GAP), _HEIGHT - height, _BAR, height)
            for place, height in enumerate(heights)
            if height
        ),
    )
    width = len(per_day) * (_BAR + _GAP) - _GAP
    at_most = thousands(max(per_day, default=0))
    told = f"Calls of {name} in {len(per_day)} days: {thousands(sum(per_day))}, at most {at_most} a day"
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        '<rect class="spark-ground" x="0" y="{}" width="{}" height="1"></rect>{}</svg>',
        *(width, _HEIGHT + 1, width, _HEIGHT + 1, told, _HEIGHT, width, bars),
    )


def errors(used: Used) -> str:
    """Say how many of a hundred calls failed."""
    if used.error_percent is None:
        return "–"
    percent = used.error_percent
    return f"{percent:.0f} %" if percent in (0, 100) or percent >= 1 else "< 1 %"


def amount(nano: int, currency: str) -> str:
    """Write money for reading: two decimals, or four where it is less than one."""
    units = Decimal(nano).scaleb(-key_settings.NANO)
    if 0 < units < Decimal("0.0001"):
        return f"< 0.0001 {currency}"
    return f"{units:,.{2 if units >= 1 or not nano else 4}f} {currency}".replace(
        ",", "\N{NARROW NO-BREAK SPACE}"
    )


def spent(used: Used, currency: str) -> str:
    """Write what was spent, and whether calls without a price were left out."""
    told = amount(used.cost, currency)
    return f"{told}, and {thousands(used.unpriced)} unpriced" if used.unpriced else told


def spans(key: GatewayKey, health: Health) -> list[Span]:
    """Return the rows of the health page's table."""
    rows = [
        ("Last 24 hours", health.last_24_hours, None),
        ("Today", health.today, key.cap_per_day),
        ("This month", health.month, key.cap_per_month),
        ("Last 30 days", health.last_30_days, None),
    ]
    return [_span(name, used, cap, health) for name, used, cap in rows]


def _span(name: str, used: Used, cap: int | None, health: Health) -> Span:
    is_summed = used is not health.last_24_hours
    return Span(
        name=name,
        calls=thousands(used.calls),
        errors=errors(used),
        tokens=thousands(used.tokens) if is_summed else "",
        spent=spent(used, health.currency) if is_summed else "",
        cap=f"{key_settings.in_units(cap)} {health.currency}" if cap is not None else "",
    )


def cooldowns(health: Health, reader: User) -> list[str]:
    """Say for each cool-down what it holds back, why, and until when."""
    return [_cooldown(row, reader) for row in health.cooldowns]


def _cooldown(row: KeyCooldown, reader: User) -> str:
    what = f"For {row.model.name}" if row.model else "For every model"
    times = "once" if row.failures == 1 else f"{row.failures} times"
    why = key_health.cooling_because(row.reason)
    return f"{what} until {moment(row.ends_at, reader)}: {why[0].lower()}{why[1:]}, {times}."


def first_token(value: int | None) -> str:
    return milliseconds(value) or "–"


def ago(at: datetime | None, *, never: str = "never") -> str:
    if at is None:
        return never
    if (timezone.now() - at).total_seconds() < 60:
        return "just now"
    return f"{timesince(at, depth=1)} ago"


def button(key: GatewayKey, name: str, text: str) -> SafeString:
    """Draw a button that posts the list's own form, which carries the token, to another address."""
    return format_html(
        '<button type="submit" name="back" value="list" formaction="{}/{}/" aria-label="{} {}">{}</button>',
        *(key.pk, name, text, key, text),
    )


def health_of(key: Any) -> Health:
    """Return what the page has looked up for all its rows at once; for one row alone, look it up now."""
    found: Health = key.__dict__.get("health") or key_health.of_key(key, now=timezone.now())
    return found
