"""Secrets at rest, and the keys that nobody typed in."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from conversations.models import GatewayKey, KeySource
from conversations.services import keys, wakeups
from conversations.services.errors import Refused
from tests import factories

SECRET = "sk-chainhub-0123456789abcdefWXYZ"


def test_a_secret_comes_back_as_it_went_in(db):
    key = factories.gateway_key(secret=SECRET)

    key.refresh_from_db()

    assert keys.secret_of(key) == SECRET
    assert SECRET not in key.ciphertext
    assert key.last_four == "WXYZ"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="It reads the file of SQLite")
def test_the_secret_stands_nowhere_in_the_database_file(transactional_db):
    factories.gateway_key(secret=SECRET)

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database = Path(connection.settings_dict["NAME"])
    files = [path for path in database.parent.glob(f"{database.name}*") if path.is_file()]

    assert files
    for path in files:
        assert SECRET.encode() not in path.read_bytes()


def test_a_secret_is_opaque_but_for_the_line_end_of_a_paste(db):
    assert keys.clean_secret("\r\n anything at all \n") == " anything at all "


@pytest.mark.parametrize(
    "secret", ["", "  ", "\n", "sk-with\nbreak", "sk-\x00nul", "sk-…hidden", "x" * 2_001]
)
def test_what_no_header_can_carry_is_refused(secret):
    with pytest.raises(Refused):
        keys.clean_secret(secret)


def test_a_short_secret_shows_no_end(db):
    assert factories.gateway_key(secret="sk-short").last_four == ""


def test_an_older_encryption_key_still_reads_and_the_newest_writes(db, settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    before = factories.gateway_key("Before", secret=SECRET)
    settings.ENCRYPTION_KEYS = [new, old]
    after = factories.gateway_key("After", secret=SECRET)

    assert keys.secret_of(before) == keys.secret_of(after) == SECRET
    assert before.encryption_key_fingerprint != after.encryption_key_fingerprint


def test_a_lost_encryption_key_is_said_exactly(db, settings):
    key = factories.gateway_key("Team", secret=SECRET)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(keys.KeyUnreadable, match=f"Team.*{key.encryption_key_fingerprint}.*ENCRYPTION_KEYS"):
        keys.secret_of(key)

    assert keys.secret_or_nothing(key) == ""
    assert keys.needs_secret_again(key, base_url=key.base_url)


def test_a_damaged_secret_and_a_missing_one_are_told_apart(db):
    key = factories.gateway_key(secret=SECRET)
    key.ciphertext = key.ciphertext[:-8]

    with pytest.raises(keys.KeyUnreadable, match="damaged"):
        keys.secret_of(key)
    with pytest.raises(keys.KeyUnreadable, match="no secret"):
        keys.secret_of(GatewayKey(name="Empty", base_url="https://a.test"))
    assert keys.secret_or_nothing(None) == ""


def test_a_malformed_encryption_key_is_a_fault_of_the_settings(db, settings):
    settings.ENCRYPTION_KEYS = ["too short"]

    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS") as caught:
        factories.gateway_key()
    assert "too short" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["http://a.test", "https://b.test", "https://a.test:8443", "https://a.test.evil.test"]
)
def test_a_secret_does_not_follow_its_key_to_another_origin(db, address):
    key = factories.gateway_key(base_url="https://a.test/v1", secret=SECRET)
    GatewayKey.objects.filter(pk=key.pk).update(base_url=address)
    key.refresh_from_db()

    assert keys.needs_secret_again(key, base_url=address)
    with pytest.raises(keys.KeyUnreadable, match="Enter the secret again"):
        keys.secret_of(key)


def test_another_path_or_the_written_out_port_is_the_same_origin(db):
    key = factories.gateway_key(base_url="https://a.test", secret=SECRET)
    key.base_url = "https://a.test:443/prefix"

    assert keys.secret_of(key) == SECRET
    assert not keys.needs_secret_again(key, base_url="https://a.test/other")


def test_an_address_is_understood_in_each_of_its_forms_or_refused():
    for typed in (
        "api.chainhub.tech",
        "https://api.chainhub.tech/v1/",
        "https://api.chainhub.tech/v1/chat/completions",
    ):
        assert keys.clean_base_url(typed) == "https://api.chainhub.tech"
    with pytest.raises(Refused, match="https://"):
        keys.clean_base_url("ftp://api.chainhub.tech")


def test_enabling_has_the_models_read_anew(db, django_capture_on_commit_callbacks):
    key = factories.gateway_key(is_enabled=False)
    woken: list[str] = []
    wakeups.listen(woken.append)

    with django_capture_on_commit_callbacks(execute=True):
        keys.enable(key)
    wakeups.leave(woken.append)

    assert key.is_enabled
    assert key.synced_at is None
    assert woken == [wakeups.SYNC]


def test_a_key_without_a_readable_secret_can_not_be_enabled(db, settings):
    key = factories.gateway_key(is_enabled=False)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(Refused):
        keys.enable(key)

    key.refresh_from_db()
    assert not key.is_enabled


# --- The environment -------------------------------------------------------------------------------


@pytest.fixture
def environment(settings, db):
    settings.CHAINHUB_API_KEY = SECRET
    settings.CHAINHUB_BASE_URL = "https://api.chainhub.tech/v1"
    return settings


def test_the_environment_makes_one_key_however_often(environment):
    first = keys.follow_environment()
    again = keys.follow_environment()

    assert GatewayKey.objects.count() == 1
    assert first == again
    assert (again.name, again.source, again.base_url) == (
        "Environment",
        KeySource.ENVIRONMENT,
        "https://api.chainhub.tech",
    )
    assert keys.secret_of(again) == SECRET


def test_an_unchanged_environment_writes_nothing(environment):
    before = keys.follow_environment().updated_at

    keys.follow_environment()

    assert GatewayKey.objects.get().updated_at == before


def test_the_environment_s_key_follows_its_variables(environment):
    key = keys.follow_environment()
    GatewayKey.objects.update(synced_at=key.created_at, problem_kind="key_rejected", problem_text="No.")
    environment.CHAINHUB_API_KEY = "sk-another-0123456789abcd"
    environment.CHAINHUB_BASE_URL = "https://other.test"

    key = keys.follow_environment()
    key.refresh_from_db()

    assert keys.secret_of(key) == "sk-another-0123456789abcd"
    assert key.base_url == "https://other.test"
    assert key.synced_at is None
    assert key.problem_kind == ""


def test_a_variable_that_goes_disables_the_key_and_one_that_returns_enables_it(environment):
    keys.follow_environment()
    environment.CHAINHUB_API_KEY = ""

    assert keys.follow_environment() is None
    gone = GatewayKey.objects.get()
    assert not gone.is_enabled
    assert gone.ciphertext == gone.last_four == ""
    assert "CHAINHUB_API_KEY" in gone.problem_text

    environment.CHAINHUB_API_KEY = SECRET
    back = keys.follow_environment()
    assert back.pk == gone.pk
    assert back.is_enabled
    assert back.problem_text == ""


def test_what_an_admin_disabled_stays_disabled(environment):
    keys.disable(keys.follow_environment())
    environment.CHAINHUB_API_KEY = "sk-another-0123456789abcd"

    keys.follow_environment()
    environment.CHAINHUB_API_KEY = ""
    keys.follow_environment()
    environment.CHAINHUB_API_KEY = SECRET

    assert not keys.follow_environment().is_enabled


def test_a_name_that_an_admin_took_is_left_to_them(environment):
    factories.gateway_key("Environment")

    assert keys.follow_environment().name == "Environment 2"


@pytest.mark.parametrize(
    ("variable", "value"), [("CHAINHUB_BASE_URL", "ftp://x"), ("CHAINHUB_API_KEY", "sk-one\nsk-two-secret")]
)
def test_a_variable_that_can_not_be_used_is_named_and_not_quoted(environment, variable, value):
    setattr(environment, variable, value)

    with pytest.raises(ImproperlyConfigured, match=variable) as caught:
        keys.follow_environment()
    assert "sk-" not in str(caught.value)


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_start_at_once_make_one_key(settings):
    settings.CHAINHUB_API_KEY = SECRET
    faults: list[Exception] = []

    def start() -> None:
        try:
            keys.follow_environment()
            keys.ensure_practice_key()
        except Exception as fault:  # noqa: BLE001
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert sorted(GatewayKey.objects.values_list("name", flat=True)) == ["Environment", "Practice gateway"]


# --- The practice gateway --------------------------------------------------------------------------


def test_the_practice_gateway_counts_only_while_there_is_no_other_key(db):
    practice = keys.ensure_practice_key()
    assert list(GatewayKey.objects.usable()) == [practice]

    real = factories.gateway_key()
    assert list(GatewayKey.objects.usable()) == [real]

    keys.disable(real)
    assert list(GatewayKey.objects.usable()) == [practice]


def test_the_practice_gateway_can_be_retired_and_comes_back(db):
    keys.ensure_practice_key()

    keys.retire_practice_key()
    assert not GatewayKey.objects.usable().exists()

    assert keys.ensure_practice_key().is_enabled
    assert GatewayKey.objects.count() == 1
