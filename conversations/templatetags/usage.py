"""Links and cells of the usage pages. `asked` is what forms.usage read from the address."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template

from conversations.models import Theme
from conversations.services.usage_asking import CUSTOM, PRESETS, Asked
from conversations.services.usage_reports import Place, Sums
from conversations.services.usage_sources import TIMES
from conversations.services.usage_tables import Chart

register = template.Library()

# What is asked next of whatever was chosen.
_NEXT = {
    "day": "person",
    "month": "day",
    "person": "model",
    "group": "person",
    "key": "model",
    "model": "person",
}


@register.simple_tag
def range_links(asked: Asked) -> list[dict[str, Any]]:
    """Return the ranges with a name: their words, addresses, and which is shown."""
    return [
        {"title": title, "query": asked.but(preset=name).query, "is_shown": name == asked.preset}
        for name, title in PRESETS.items()
        if name != CUSTOM
    ]


@register.simple_tag
def sort_query(asked: Asked, name: str) -> str:
    """Return the address that sorts by `name`: the largest first, and at the second click the smallest."""
    return asked.but(order=name if asked.order == f"-{name}" else f"-{name}").query


@register.simple_tag
def sort_state(asked: Asked, name: str) -> str:
    """Return the value of aria-sort for the column `name`."""
    if asked.order.removeprefix("-") != name:
        return "none"
    return "descending" if asked.order.startswith("-") else "ascending"


@register.simple_tag
def page_query(asked: Asked, page: int) -> str:
    return asked.but(page=page).query


@register.simple_tag
def without_query(asked: Asked, dimension: str) -> str:
    return asked.without(dimension).query


@register.simple_tag
def narrowed_query(asked: Asked, place: Place, offered: tuple[str, ...]) -> str:
    """Return the address of what lies behind `place`: only it, by what is asked next."""
    rest = [name for name in asked.dimensions if name != place.dimension]
    following = _NEXT[place.dimension]
    by = rest[0] if rest else following if following in offered else offered[0]
    if isinstance(place.value, date):
        first, last = place.value, place.value
        if place.dimension == "month":
            last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
            first, last = max(first, asked.first), min(last, asked.last)
        return asked.but(preset=CUSTOM, first=first, last=last, by=by, then="", order="").query
    chosen: dict[str, Any] = {place.dimension: place.value}
    only = replace(asked.only, **chosen)
    return asked.but(only=only, by=by, then="", order="").query


@register.simple_tag
def pictures(address: str, asked: Asked, chart: Chart, theme: str) -> dict[str, Any]:
    """Return the addresses of a chart: the usual one, and those for a phone and for a dark page."""
    query = asked.but(order="").query
    if chart.currency is not None:
        query = f"{query}&{urlencode({'currency': chart.currency})}"
    usual = f"{address}?{query}"
    narrow = "(max-width: 40rem)"
    if theme != Theme.SYSTEM:
        usual = f"{usual}&theme={theme}"
        return {"usual": usual, "others": [{"media": narrow, "address": f"{usual}&width=narrow"}]}
    dark = "(prefers-color-scheme: dark)"
    others = [
        {"media": f"{dark} and {narrow}", "address": f"{usual}&theme=dark&width=narrow"},
        {"media": dark, "address": f"{usual}&theme=dark"},
        {"media": narrow, "address": f"{usual}&width=narrow"},
    ]
    return {"usual": usual, "others": others}


@register.filter
def sum_of(sums: Sums, name: str) -> int:
    return int(getattr(sums, name))


@register.filter
def is_wholly_unpriced(sums: Sums) -> bool:
    """Whether there is nothing to show as a cost: every call that might have one has no price."""
    return not sums.cost and sums.unpriced > 0


@register.simple_tag
def by_links(asked: Asked, offered: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what the table may be by: words, addresses, and which is shown."""
    return [
        {
            "title": name.capitalize(),
            "query": asked.but(by=name, then=_beside(name, asked.then), order="").query,
            "is_shown": name == asked.by,
        }
        for name in offered
    ]


@register.simple_tag
def then_links(asked: Asked, offered: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return what the table may be by as well; "" is nothing else."""
    return [
        {
            "title": name.capitalize() or "Nothing else",
            "query": asked.but(then=name, order="").query,
            "is_shown": name == asked.then,
        }
        for name in ("", *offered)
        if not name or _beside(asked.by, name)
    ]


def _beside(by: str, then: str) -> str:
    """Return `then` where it says more than `by` alone: a day already has its month."""
    return "" if then == by or {by, then} == {*TIMES} else then
