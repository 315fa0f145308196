"""The tools of few lines: random numbers, the machine, the time."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conversations.models import User
from conversations.services.errors import Refused
from conversations.tools import current_time, random_generator, system_info
from tests.tools.making import asked, run

# --- random_generator ------------------------------------------------------------------------------


def generate(text: str) -> dict[str, object]:
    return random_generator.generate(asked(random_generator.TOOL, text))


def test_it_makes_one_number_from_one_to_a_hundred() -> None:
    made = generate("{}")

    (number,) = made["numbers"]
    assert 1 <= number <= 100
    assert (made["min"], made["max"]) == (1, 100)


def test_it_makes_as_many_as_asked_for_and_reaches_both_ends() -> None:
    seen = {number for _ in range(50) for number in generate('{"min": 5, "max": 6, "count": 10}')["numbers"]}

    assert seen == {5, 6}
    assert generate('{"min": -3, "max": -3, "count": 2}')["numbers"] == [-3, -3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"min": 500}', "`min` (500) must not be greater than `max` (100)."),
        ('{"min": 2, "max": 1}', "`min` (2) must not be greater than `max` (1)."),
        ('{"count": 11}', "`count` must be from 1 to 10."),
        ('{"count": 0}', "`count` must be from 1 to 10."),
        ('{"max": 1e300}', "`min` and `max` must be from -9007199254740991 to 9007199254740991."),
        ('{"min": -9007199254740992}', "`min` and `max` must be from -9007199254740991 to 9007199254740991."),
        ('{"count": "3"}', "`count` must be an integer, not text."),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_in_words(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        generate(text)

    assert str(refusal.value) == sentence


# --- system_info -----------------------------------------------------------------------------------


def test_it_tells_what_is_safe_to_tell_and_nothing_else() -> None:
    said = json.loads(run(system_info.TOOL).result)

    assert set(said) == {
        "operating_system",
        "machine",
        "processors",
        "runtime",
        "memory_total_gib",
        "memory_available_gib",
    }
    assert said["runtime"].startswith("Python 3.")
    assert said["memory_total_gib"] > 0
    assert said["memory_total_gib"] == round(said["memory_total_gib"], 1)


def test_no_path_person_host_or_variable_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody-special")
    monkeypatch.setenv("A_SECRET", "sk-0123456789")

    text = run(system_info.TOOL).result

    assert os.sep not in text
    private = {socket.gethostname(), getpass.getuser(), "somebody-special", "sk-0123456789"}
    assert not private & set(re.findall(r"[\w.-]+", text))


def test_where_the_system_is_silent_memory_is_unknown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(system_info, "_MEMORY", tmp_path / "absent")

    said = system_info.describe(asked(system_info.TOOL))
    assert said["memory_available_gib"] is None
    assert said["memory_total_gib"]

    monkeypatch.delattr(os, "sysconf")
    assert system_info.describe(asked(system_info.TOOL))["memory_total_gib"] is None


def test_a_strange_list_of_memory_is_unknown_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  16777216 kB\n")
    monkeypatch.setattr(system_info, "_MEMORY", tmp_path / "meminfo")

    said = system_info.describe(asked(system_info.TOOL))

    assert (said["memory_total_gib"], said["memory_available_gib"]) == (16.0, None)


# --- current_time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "time", "weekday"),
    [
        ("", datetime(2026, 1, 5, 10, 0, 0, 999_999, UTC), "2026-01-05T10:00:00+00:00", "Monday"),
        ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59, 0, UTC), "2026-03-29T01:59:59+01:00", "Sunday"),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, 0, 0, UTC), "2026-03-29T03:00:00+02:00", "Sunday"),
        ("Asia/Kathmandu", datetime(2026, 1, 5, 20, 0, 0, 0, UTC), "2026-01-06T01:45:00+05:45", "Tuesday"),
    ],
)
def test_the_time_is_that_of_the_person(zone: str, now: datetime, time: str, weekday: str) -> None:
    person = User(pk=1, time_zone=zone)

    outcome = run(current_time.TOOL, "", person=person, now=now)

    said = json.loads(outcome.result)
    assert said["time"] == time
    assert said["weekday"] == weekday
    assert said["unix_seconds"] == int(now.timestamp())
    assert said["time_zone"] == (zone or "UTC")


def test_arguments_that_nobody_asked_for_do_no_harm() -> None:
    assert run(current_time.TOOL, '{"format": "iso"}').for_model.startswith('{"time": ')
