"""Money in words: whole nano-units in, text out. Nothing passes through a float."""

from __future__ import annotations

from django import template

register = template.Library()

_NANO = 1_000_000_000
_DIGITS = 9
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "CN¥", "JPY": "JP¥"}
_THIN = "\N{NARROW NO-BREAK SPACE}"


@register.filter
def money(nano: int | None, currency: str = "") -> str:
    """Write a sum: "$12.34", "$0.0042", "0.0042 credits". A positive sum never becomes 0."""
    if nano is None:
        return ""
    return _with_currency(_rounded(nano), currency)


@register.filter
def price(nano: int | None) -> str:
    """Write a price exactly, at least with cents: "1.25", "0.015", "10.00"."""
    if nano is None:
        return ""
    whole, rest = divmod(nano, _NANO)
    return f"{_grouped(whole)}.{_cut(f'{rest:09}')}"


@register.filter
def change(before: int | None, after: int | None) -> str:
    """Write how much `after` is above or below `before`: "+25 %", "−0.4 %"."""
    if not before or after is None or before == after:
        return ""
    # Tenths of a per cent, rounded half up.
    tenths = (2 * abs(after - before) * 1000 + before) // (2 * before)
    sign = "+" if after > before else "\N{MINUS SIGN}"
    whole, tenth = divmod(tenths, 10)
    if not tenths:
        return f"{sign}under 0.1{_THIN}%"
    return f"{sign}{_grouped(whole)}{f'.{tenth}' if tenth and whole < 100 else ''}{_THIN}%"


def _rounded(nano: int) -> str:
    """Round for the eye: cents from 1 up, four decimals from a cent up, two digits below that."""
    if nano >= _NANO or nano == 0:
        decimals = 2
    elif nano >= _NANO // 100:
        decimals = 4
    else:
        decimals = min(_DIGITS, _DIGITS - len(str(nano)) + 2)
    unit: int = 10 ** (_DIGITS - decimals)
    rounded = (nano + unit // 2) // unit * unit
    whole, rest = divmod(rounded, _NANO)
    return f"{_grouped(whole)}.{_cut(f'{rest:09}')}"


def _cut(digits: str) -> str:
    return digits.rstrip("0").ljust(2, "0")


def _grouped(whole: int) -> str:
    return f"{whole:,}".replace(",", _THIN)


def _with_currency(amount: str, currency: str) -> str:
    if sign := _SIGNS.get(currency):
        return f"{sign}{amount}"
    return f"{amount}\N{NO-BREAK SPACE}{currency}" if currency else amount
