"""Arguments as models write them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.tools import arguments, registry
from conversations.tools.arguments import UnfitArguments

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "share": {"type": "number"},
        "word": {"type": "string", "enum": ["yes", "no"]},
        "loud": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "place": {
            "type": "object",
            "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
            "required": ["x"],
        },
        "anything": {"description": "has no type"},
    },
    "required": ["count"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("text", ["", "  \n", "{}", " {} "])
def test_no_text_is_no_arguments(text: str) -> None:
    assert arguments.read(text, {"type": "object", "properties": {}}) == {}


def test_what_fits_comes_back_as_it_was_written() -> None:
    sent = {"count": 3, "share": 0.5, "word": "yes", "loud": True, "names": ["a"], "place": {"x": 1, "y": 2}}

    given = arguments.read(json.dumps(sent), SCHEMA)

    assert given == sent
    assert isinstance(given["share"], Decimal)


def test_a_number_keeps_its_very_digits() -> None:
    given = arguments.read('{"count": 1, "share": 0.1000000000000000055511151231257827}', SCHEMA)

    assert given["share"] == Decimal("0.1000000000000000055511151231257827")
    assert arguments.storable(given) == {"count": 1, "share": 0.1}


def test_a_whole_number_with_a_point_is_an_integer() -> None:
    given = arguments.read('{"count": 3.0}', SCHEMA)

    assert type(given["count"]) is int


def test_an_optional_argument_that_is_null_was_not_given() -> None:
    assert arguments.read('{"count": 1, "word": null}', SCHEMA) == {"count": 1}


def test_what_the_schema_does_not_name_stays() -> None:
    given = arguments.read('{"count": 1, "more": [1.5, {"a": null}], "anything": {"b": 2}}', SCHEMA)

    assert arguments.storable(given) == {"count": 1, "more": [1.5, {"a": None}], "anything": {"b": 2}}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"count": "3"}', "`count` must be an integer, not text."),
        ('{"count": true}', "`count` must be an integer, not true or false."),
        ('{"count": 1.5}', "`count` must be an integer, not a number."),
        ('{"count": null}', "`count` must be an integer, not null."),
        ('{"count": []}', "`count` must be an integer, not a list."),
        ("{}", "`count` is missing."),
        ('{"count": 0}', "`count` must be at least 1."),
        ('{"count": 11}', "`count` must be at most 10."),
        ('{"count": 1, "share": "a half"}', "`share` must be a number, not text."),
        ('{"count": 1, "share": false}', "`share` must be a number, not true or false."),
        ('{"count": 1, "word": "maybe"}', '`word` must be one of "yes", "no".'),
        ('{"count": 1, "word": 1}', "`word` must be text, not an integer."),
        ('{"count": 1, "loud": 1}', "`loud` must be true or false, not an integer."),
        ('{"count": 1, "names": {}}', "`names` must be a list, not an object."),
        ('{"count": 1, "names": ["a", 2]}', "`names[1]` must be text, not an integer."),
        (
            '{"count": 1, "place": {"y": "up"}}',
            "`place.x` is missing; `place.y` must be an integer, not text.",
        ),
        ("[1]", "The arguments must be a JSON object, not a list."),
        ('"x"', "The arguments must be a JSON object, not text."),
        ("null", "The arguments must be a JSON object, not null."),
        ('{"count": NaN}', "NaN is not JSON: send a number with digits."),
        ('{"count": 1, "share": -Infinity}', "-Infinity is not JSON: send a number with digits."),
        ('{"count": 1, "share": 1e999}', "A number is beyond all bounds."),
        ('{"count": 1, "share": 9.9e308}', "A number is beyond all bounds."),
        ('{"count": 1, "share": 1e-999}', "A number is beyond all bounds."),
        ('{"count": 1, "share": 1e99999999999999999999}', "A number is beyond all bounds."),
        ('{"count": %s}' % ("9" * 5000), "A number has more than 400 digits."),
        ('{"count": 1, "share": 0.%s}' % ("9" * 5000), "A number has more than 400 digits."),
        ('{"x": %s}' % ("[" * 40 + "]" * 40), "The arguments are nested too deep."),
        ("[" * 50_000, "The arguments are nested too deep."),
        ('{"x": "%s"}' % ("y" * 100_000), "The arguments are too long: more than 100,000 characters."),
    ],
)
def test_what_does_not_fit_is_said_in_words_to_act_on(text: str, sentence: str) -> None:
    with pytest.raises(UnfitArguments) as refusal:
        arguments.read(text, SCHEMA)

    assert str(refusal.value) == sentence


def test_broken_json_is_told_with_its_place_but_not_quoted() -> None:
    with pytest.raises(UnfitArguments) as refusal:
        arguments.read('{"count": 3, "word": my secret', SCHEMA)

    assert str(refusal.value) == (
        "The arguments are not JSON (Expecting value, character 22). "
        "Send one JSON object that fits the tool's schema."
    )


def test_a_hundred_faults_are_five_and_a_count() -> None:
    with pytest.raises(UnfitArguments) as refusal:
        arguments.read(json.dumps({"count": 1, "names": [1] * 100}), SCHEMA)

    assert str(refusal.value).count("must be text") == 5
    assert str(refusal.value).endswith("; and 95 more.")


def test_text_that_no_database_can_hold_is_mended() -> None:
    given = arguments.read(r'{"count": 1, "a\u0000": "b\u0000\ud800", "c": ["\ud83d\ude00"]}', SCHEMA)

    assert given == {"count": 1, "a\ufffd": "b\ufffd\ufffd", "c": ["😀"]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
# A machine that is busy with something else is no fault.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NEARLY = st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMA["properties"], JSON))


@UNHURRIED
@given(
    st.text()
    | JSON.map(json.dumps)
    | NEARLY.map(json.dumps)
    | NEARLY.map(json.dumps).flatmap(lambda text: st.integers(0, len(text)).map(lambda at: text[:at]))
    | st.text(alphabet='{}[]",:0123456789.eE+-\\uNa\x00 ')
)
def test_any_text_is_read_or_refused(text: str) -> None:
    for schema in [SCHEMA, *(tool.parameters for tool in registry.all())]:
        try:
            given = arguments.read(text, schema)
        except UnfitArguments:
            continue
        stored = json.dumps(arguments.storable(given), ensure_ascii=False, allow_nan=False)
        assert "\x00" not in stored
        stored.encode()


@UNHURRIED
@given(NEARLY)
def test_what_is_accepted_keeps_the_schema(sent: dict[str, Any]) -> None:
    try:
        given = arguments.read(json.dumps(sent), SCHEMA)
    except UnfitArguments:
        return

    assert type(given["count"]) is int
    assert 1 <= given["count"] <= 10
    assert given.get("word", "yes") in ("yes", "no")
    assert all(isinstance(name, str) for name in given.get("names", []))
    assert "place" not in given or type(given["place"]["x"]) is int
