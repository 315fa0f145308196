"""The gateway's price table, `GET /api/pricing` (models-and-account.md, section 3), read strictly.

Numbers stay decimal from the JSON text on: what a price is to the last nano-unit must not pass through a
float. What is not to be believed of one model (negative, huge, no number) leaves that model out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeGuard

# "Price not set": 37.5 × 2 = 75 for a million tokens is what the gateway's software begins with.
PLACEHOLDER_RATIO = Decimal("37.5")
# A ratio of 1 is 2 units for a million tokens.
_UNITS_PER_RATIO = 2
_NANO = Decimal(1_000_000_000)
# A million units; nothing costs that.
_MOST = 1_000_000 * 1_000_000_000
_ROWS_LIMIT = 5_000
_NAME_LIMIT = 200
_UNUSABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufffd]")
_CURRENCY = re.compile(r"[A-Z]{3}")
# Enough for every product of three ratios, without rounding on the way.
_EXACT = Context(prec=200)
# A ratio has a few digits. One of thousands is an attack on whoever multiplies it.
_DIGITS_LIMIT = 40


@dataclass(frozen=True)
class ListedPrice:
    """What one model costs in one price group, in nano-units: for a million tokens, or a call.

    All three None: listed, and its price is not set there.
    """

    model_name: str
    input: int | None = None
    output: int | None = None
    per_call: int | None = None

    @property
    def is_unpriced(self) -> bool:
        return self.input is None and self.per_call is None


@dataclass(frozen=True)
class PriceTable:
    """The table as it came: `ratios` by price group, `entries` still to be read for one of them."""

    ratios: Mapping[str, Decimal]
    entries: tuple[Mapping[str, object], ...]

    def prices_in(self, group: str) -> tuple[list[ListedPrice], int]:
        """Return the prices for the keys of `group`, by name, and how many entries could not be read.

        Raise KeyError for a group that the table does not know.
        """
        ratio = self.ratios[group]
        found: dict[str, ListedPrice] = {}
        unreadable = 0
        for entry in self.entries:
            name = entry.get("model_name")
            if not _is_name(name):
                unreadable += 1
            elif _is_for(entry, group) and name not in found:
                price = _price(name, entry, ratio)
                if price is None:
                    unreadable += 1
                else:
                    found[name] = price
        return sorted(found.values(), key=lambda price: price.model_name), unreadable


def table_in(body: Mapping[str, object]) -> PriceTable | None:
    """Read the answer of /api/pricing; None if this is no price table."""
    data, ratios = body.get("data"), body.get("group_ratio")
    if not isinstance(data, list) or not isinstance(ratios, dict) or len(data) > _ROWS_LIMIT:
        return None
    known = {
        name: ratio
        for name, value in ratios.items()
        if isinstance(name, str) and len(name) <= 100 and (ratio := _ratio(value)) is not None
    }
    return PriceTable(known, tuple(entry for entry in data if isinstance(entry, dict)))


def currency_in(body: Mapping[str, object]) -> str:
    """Return the currency that /api/status says the site counts in ("USD"), or "" where it tells none."""
    data = body.get("data")
    told = data.get("quota_display_type") if isinstance(data, dict) else None
    return told if isinstance(told, str) and _CURRENCY.fullmatch(told) else ""


def _price(name: str, entry: Mapping[str, object], group_ratio: Decimal) -> ListedPrice | None:
    kind = entry.get("quota_type")
    if isinstance(kind, bool) or kind not in (0, 1):
        return None
    if kind == 1:
        price = _ratio(entry.get("model_price"))
        per_call = None if price is None else _nano(price, group_ratio)
        return None if per_call is None else ListedPrice(name, per_call=per_call)
    ratio, completion = _ratio(entry.get("model_ratio")), _ratio(entry.get("completion_ratio"))
    if ratio is None or completion is None:
        return None
    if ratio == PLACEHOLDER_RATIO:
        return ListedPrice(name)
    input = _nano(ratio, Decimal(_UNITS_PER_RATIO), group_ratio)
    # From the ratios themselves, not from the rounded input: one rounding for each price.
    output = _nano(ratio, Decimal(_UNITS_PER_RATIO), group_ratio, completion)
    return None if input is None or output is None else ListedPrice(name, input=input, output=output)


def _nano(*factors: Decimal) -> int | None:
    """Multiply exactly, and round once, half up, to nano-units; None for what nothing costs."""
    product = _NANO
    for factor in factors:
        product = _EXACT.multiply(product, factor)
    if product > _MOST:
        return None
    return int(product.to_integral_value(rounding=ROUND_HALF_UP, context=_EXACT))


def _ratio(value: object) -> Decimal | None:
    """Return a number from 0 up that is short enough to be meant."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, int):
        return Decimal(value) if 0 <= value <= _MOST else None
    if not value.is_finite() or value < 0 or value > _MOST:
        return None
    _, digits, exponent = value.as_tuple()
    is_short = len(digits) <= _DIGITS_LIMIT and isinstance(exponent, int) and abs(exponent) <= _DIGITS_LIMIT
    return value if is_short else None


def _is_name(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and 0 < len(name) <= _NAME_LIMIT and not _UNUSABLE.search(name)


def _is_for(entry: Mapping[str, object], group: str) -> bool:
    """Whether the keys of `group` may use the model; where the table does not say, they may."""
    groups = entry.get("enable_groups")
    return not isinstance(groups, list) or not groups or group in groups or "all" in groups


def group_names(table: PriceTable, *, most: int = 12) -> Iterator[str]:
    """Yield names of the table's price groups for a sentence: the first ones, printable and cut."""
    for name in sorted(table.ratios)[:most]:
        yield _UNUSABLE.sub(" ", name)[:40]
