"""Sealing secrets anew under the newest encryption key, while others write."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection

from conversations.models import AuditEntry, GatewayKey
from conversations.services import keys, reencryption, sealing, traces
from tests import factories

SECRET = "sk-chainhub-0123456789abcdefWXYZ"
OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture
def rotated(transactional_db, settings):
    """Two keys under the old encryption key, one under a lost one; a new one was put in front."""
    settings.ENCRYPTION_KEYS = [LOST]
    factories.gateway_key("Lost", secret=SECRET)
    settings.ENCRYPTION_KEYS = [OLD]
    factories.gateway_key("A", secret=f"{SECRET}-a")
    factories.gateway_key("B", secret=f"{SECRET}-b")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    return settings


def run(*arguments: str) -> tuple[str, str]:
    """Run the command; return what it said, and the fault that it ended with."""
    said, fault = io.StringIO(), ""
    try:
        call_command("reencrypt", *arguments, stdout=said, stderr=said, no_color=True)
    except CommandError as error:
        fault = str(error)
    return said.getvalue(), fault


def test_every_readable_secret_is_sealed_anew_and_the_old_encryption_key_can_go(rotated):
    outcome = reencryption.reencrypt_all()

    rotated.ENCRYPTION_KEYS = [NEW]
    assert (outcome.done, outcome.replaced) == (2, 0)
    for name in "AB":
        key = GatewayKey.objects.get(name=name)
        assert keys.secret_of(key) == f"{SECRET}-{name.lower()}"
        assert key.encryption_key_fingerprint == sealing.fingerprint(NEW)


def test_what_can_not_be_read_stays_as_it_is_and_is_told_with_its_fingerprint(rotated):
    before = GatewayKey.objects.get(name="Lost").ciphertext
    lost = sealing.fingerprint(LOST)

    said, fault = run()

    assert GatewayKey.objects.get(name="Lost").ciphertext == before
    assert f"“Lost” can't be read: the encryption key that it was stored with (fingerprint {lost})" in said
    assert fault == "Still on old encryption keys: 1. Keep those encryption keys."


def test_check_only_counts(rotated):
    before = list(GatewayKey.objects.values_list("ciphertext", flat=True))

    assert run("--check") == ("", "On old encryption keys: 3.")
    assert list(GatewayKey.objects.values_list("ciphertext", flat=True)) == before

    run()
    GatewayKey.objects.filter(name="Lost").delete()
    said, fault = run("--check")
    assert said.startswith("On old encryption keys: 0.")
    assert not fault


def test_the_command_prints_no_secret(rotated):
    told = "".join((*run("--check"), *run(), *run()))

    for word in (SECRET, OLD, NEW, LOST, *GatewayKey.objects.values_list("ciphertext", flat=True)):
        assert word not in told
    assert "Encrypted anew: 2." in told


def test_a_secret_that_is_replaced_at_the_same_moment_is_not_overwritten(rotated, monkeypatch):
    sealed = sealing.seal

    def while_an_admin_saves(values):
        """Another process has read the old encryption key only, and stores a new secret just now."""
        monkeypatch.setattr(sealing, "seal", sealed)
        key = GatewayKey.objects.get(name="A")
        rotated.ENCRYPTION_KEYS = [OLD]
        keys.put_secret(key, "sk-put-in-meanwhile-0123456789")
        keys.store(key)
        rotated.ENCRYPTION_KEYS = [NEW, OLD]
        return sealed(values)

    monkeypatch.setattr(sealing, "seal", while_an_admin_saves)
    outcome = reencryption.reencrypt_all()

    assert (outcome.done, outcome.replaced) == (1, 1)
    assert keys.secret_of(GatewayKey.objects.get(name="A")) == "sk-put-in-meanwhile-0123456789"
    assert reencryption.reencrypt_all().done == 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="It reads the file of SQLite")
def test_the_old_ciphertexts_are_gone_from_the_database_files(rotated):
    old = list(GatewayKey.objects.exclude(name="Lost").values_list("ciphertext", flat=True))

    assert reencryption.reencrypt_all().is_tidy

    database = Path(connection.settings_dict["NAME"])
    files = [path for path in database.parent.glob(f"{database.name}*") if path.is_file()]
    assert files
    for path in files:
        for ciphertext in old:
            assert ciphertext.encode() not in path.read_bytes(), path


def test_it_is_told_when_the_journal_was_in_use(rotated, monkeypatch):
    monkeypatch.setattr(traces, "empty_the_journal", lambda: False)

    said, _ = run()

    assert "run this once more" in said


def test_it_stands_in_the_audit_log_without_a_secret(rotated):
    reencryption.reencrypt_all()

    entries = AuditEntry.objects.filter(action="key.reencrypted").order_by("subject_name")
    assert [entry.subject_name for entry in entries] == ["A", "B"]
    assert SECRET not in str(list(entries.values()))
