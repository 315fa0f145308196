"""The calculator: exact, bounded, and never at a loss for words."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversations.services.errors import Refused
from conversations.tools import math_calculator
from conversations.tools.math_calculator import TOOL
from tests.tools.making import asked, run


def calculate(operation: str, a: object, b: object) -> dict[str, Any]:
    # The digits as they stand in the text of a model.
    text = f'{{"operation": {json.dumps(operation)}, "a": {a}, "b": {b}}}'
    return math_calculator.calculate(asked(TOOL, text))


@pytest.mark.parametrize(
    ("operation", "a", "b", "result"),
    [
        ("add", "123.5", "456.7", "580.2"),
        ("add", "0.1", "0.2", "0.3"),
        ("add", "1e3", "1", "1001"),
        ("add", "1e300", "1e-300", "1" + "0" * 300 + "." + "0" * 299 + "1"),
        ("subtract", "1", "1.0", "0"),
        ("subtract", "0.3", "0.1", "0.2"),
        ("multiply", "-0.0", "5", "0"),
        ("multiply", "1.50", "2", "3"),
        (
            "multiply",
            "12345678901234567890",
            "98765432109876543210",
            "1219326311370217952237463801111263526900",
        ),
        ("divide", "10", "4", "2.5"),
        ("divide", "1", "1024", "0.0009765625"),
        ("divide", "100", "-5", "-20"),
        ("power", "2", "10", "1024"),
        ("power", "2", "-3", "0.125"),
        ("power", "-2", "3", "-8"),
        ("power", "-2", "-1", "-0.5"),
        ("power", "1.1", "2.0", "1.21"),
        ("power", "0", "0", "1"),
        ("power", "0", "5", "0"),
        ("power", "1", "1e300", "1"),
        ("power", "-1", "99999999999999999999999999", "-1"),
        ("power", "2.25", "0.5", "1.5"),
        ("power", "2", "100", "1267650600228229401496703205376"),
        (" Add ", "1", "2", "3"),
    ],
)
def test_an_exact_result_is_exact(operation: str, a: str, b: str, result: str) -> None:
    said = calculate(operation, a, b)
    if len(result) > math_calculator.PLAIN:
        assert Decimal(said.pop("result")) == Decimal(result)
        assert not said
    else:
        assert said == {"result": result}


@pytest.mark.parametrize(
    ("operation", "a", "b", "result"),
    [
        ("divide", "1", "3", "0." + "3" * 50),
        ("divide", "2", "3", "0." + "6" * 49 + "7"),
        ("power", "2", "0.5", "1.4142135623730950488016887242096980785696718753769"),
        ("power", "2", "1.5", "2.8284271247461900976033774484193961571393437507539"),
        ("power", "16", "0.25", "2"),
        ("power", "3", "-1", "0." + "3" * 50),
        ("power", "1.0000000001", "1000000000000", "26881171283755497738294515689407855463755568.306292"),
    ],
)
def test_a_result_without_end_says_that_it_is_rounded(operation: str, a: str, b: str, result: str) -> None:
    assert calculate(operation, a, b) == {"result": result, "rounded_to_digits": 50}


@pytest.mark.parametrize(
    ("operation", "a", "b", "sentence"),
    [
        ("divide", "1", "0", "Division by zero has no result."),
        ("divide", "0", "0.00", "Division by zero has no result."),
        ("power", "0", "-1", "Zero to a negative power has no result: it would be a division by zero."),
        ("power", "0", "-0.5", "Zero to a negative power has no result: it would be a division by zero."),
        ("power", "-8", "0.5", "A negative number to a fractional power has no real result."),
        ("power", "10", "1000", "The result is too large: it has more than 1,000 digits."),
        ("power", "9e300", "9e300", "The result is too large: it has more than 1,000 digits."),
        ("power", "-1.0000001", "1e300", "The result is too large: it has more than 1,000 digits."),
        ("power", "1e-300", "-10", "The result is too large: it has more than 1,000 digits."),
        ("power", "10", "-1001", "The result is too small: closer to zero than 10 to the power of -1000."),
        ("power", "1e300", "-10", "The result is too small: closer to zero than 10 to the power of -1000."),
        ("power", "0.5", "1e300", "The result is too small: closer to zero than 10 to the power of -1000."),
        ("modulo", "5", "3", "`operation` must be one of add, subtract, multiply, divide, power."),
    ],
)
def test_what_has_no_result_is_refused_in_words(operation: str, a: str, b: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        calculate(operation, a, b)

    assert str(refusal.value) == sentence


def test_the_largest_powers_are_given_in_full() -> None:
    assert len(calculate("power", 10, 300)["result"]) == 301
    said = calculate("power", 9, 1000)

    assert said["result"].endswith("E+954")
    assert int(Decimal(said["result"])) == 9**1000


def test_arguments_that_do_not_fit_are_told() -> None:
    outcome = run(TOOL, '{"operation": "add", "a": "123.5"}')

    assert outcome.error == "`a` must be a number, not text; `b` is missing."


def test_the_guides_own_sum_comes_back_as_json() -> None:
    outcome = run(TOOL, '{"a":123.5,"b":456.7,"operation":"add"}')

    assert outcome.result == '{"result": "580.2"}'
    assert outcome.arguments == {"a": 123.5, "b": 456.7, "operation": "add"}


# As wide as what arguments.py lets through, and wider.
NUMBERS = (
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9)
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
)


@settings(deadline=None)
@given(st.sampled_from(["add", "subtract", "multiply", "divide"]), NUMBERS, NUMBERS)
def test_it_agrees_with_fractions(operation: str, a: object, b: object) -> None:
    x, y = Fraction(str(a)), Fraction(str(b))
    if operation == "divide" and not y:
        return
    true = {"add": x + y, "subtract": x - y, "multiply": x * y, "divide": x / y if y else x}[operation]

    said = calculate(operation, *(str(number).replace("E+", "E") for number in (a, b)))

    given = Fraction(Decimal(said["result"]))
    if "rounded_to_digits" in said:
        assert abs(given - true) <= abs(true) * Fraction(1, 10**49)
    else:
        assert given == true


@settings(deadline=None)
@given(st.integers(-50, 50), st.integers(-40, 40))
def test_whole_powers_agree_with_fractions(a: int, b: int) -> None:
    if not a and b < 0:
        return
    said = calculate("power", a, b)

    given, true = Fraction(Decimal(said["result"])), Fraction(a) ** b
    if "rounded_to_digits" in said:
        assert abs(given - true) <= abs(true) * Fraction(1, 10**49)
    else:
        assert given == true


LITERALS = st.from_regex(r"-?(0|[1-9][0-9]{0,60})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@settings(deadline=None)
@given(st.sampled_from(["add", "subtract", "multiply", "divide", "power"]), LITERALS, LITERALS)
def test_any_two_numbers_have_a_result_or_a_refusal_soon(operation: str, a: str, b: str) -> None:
    began = time.monotonic()
    try:
        said = calculate(operation, a, b)
    except Refused:
        pass
    else:
        assert len(said["result"]) < 1_100
        assert Decimal(said["result"]).is_finite()
    assert time.monotonic() - began < 5
