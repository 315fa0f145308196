"""The table of lexers, measured again: generously, because the machine may be busy."""

import subprocess
import sys
from pathlib import Path

import pytest
from pygments.lexers import find_lexer_class_by_name

from conversations.rendering.lexers import LEXERS

_ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_no_lexer_of_the_table_hangs_on_hostile_code():
    # In its own process, with a limit of CPU time: an expression that never ends can only be killed.
    done = subprocess.run(
        [sys.executable, "-m", "tests.rendering.hostile_code"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=590,
        check=True,
    )

    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("gone:")] == []
    assert len(lines) == len(set(LEXERS.values()))


def test_every_language_of_the_table_has_a_lexer():
    for name in set(LEXERS.values()):
        assert find_lexer_class_by_name(name) is not None


def test_no_alias_is_claimed_by_two_languages():
    assert all(LEXERS[name] == name for name in set(LEXERS.values()))


@pytest.mark.parametrize(
    ("alias", "name"),
    [("py", "python"), ("js", "javascript"), ("sh", "bash"), ("c++", "cpp"), ("yml", "yaml")],
)
def test_people_s_names_lead_to_the_lexer(alias, name):
    assert LEXERS[alias] == name
