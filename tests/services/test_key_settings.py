"""What admins set of a key: stored as it was meant, told to the audit log, nothing else overwritten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conversations.models import AuditEntry, GatewayKey, KeyCooldown, KeyModel, Model, Tariff
from conversations.services import catalog, key_settings, keys
from conversations.services.errors import Refused
from tests import factories

SECRET = "sk-chainhub-0123456789abcdefWXYZ"


@pytest.fixture
def key(db) -> GatewayKey:
    return factories.gateway_key("Team", secret=SECRET)


def changed(key: GatewayKey, **fields: object) -> GatewayKey:
    for name, value in fields.items():
        setattr(key, name, value)
    key_settings.change(key, changed=list(fields))
    key.refresh_from_db()
    return key


def models_of(key: GatewayKey) -> list[str]:
    return sorted(key.models.values_list("name", flat=True))


def test_a_change_overwrites_nothing_that_the_engine_wrote_meanwhile(key):
    now = timezone.now()
    GatewayKey.objects.update(last_used_at=now, sync_result="3 models")

    changed(key, note="Until May", weight=3)

    assert (key.note, key.weight, key.last_used_at, key.sync_result) == ("Until May", 3, now, "3 models")


def test_saving_clears_cool_downs_and_what_was_said(key):
    now = timezone.now()
    KeyCooldown.objects.create(key=key, reason="key_rejected", began_at=now, ends_at=now + timedelta(hours=1))
    GatewayKey.objects.update(problem_kind="key_rejected", problem_text="No.", problem_at=now)
    other = factories.gateway_key("Other")
    KeyCooldown.objects.create(key=other, reason="key_rejected", began_at=now, ends_at=now)

    changed(key, priority=5)

    assert list(KeyCooldown.objects.values_list("key", flat=True)) == [other.pk]
    assert (key.problem_kind, key.problem_text, key.problem_at) == ("", "", None)


def test_only_a_new_secret_address_or_limit_has_the_models_read_anew(key):
    assert changed(key, note="x").synced_at is not None
    assert changed(key, only_models=["gpt-4o"]).synced_at is None
    GatewayKey.objects.update(synced_at=timezone.now())
    key.refresh_from_db()
    key_settings.change(key, changed=[], secret="sk-another-0123456789abcd")
    assert GatewayKey.objects.get().synced_at is None


def test_a_limit_to_models_holds_at_once_and_at_every_reading_of_the_list(key, no_network):
    listed = [{"id": name} for name in ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3")]
    no_network.get(f"{factories.GATEWAY}/v1/models", json={"data": listed})
    catalog.sync_key(key)

    changed(key, only_models=["gpt-4o*", "o3"])
    assert models_of(key) == ["gpt-4o", "gpt-4o-mini", "o3"]
    catalog.sync_key(key)
    assert models_of(key) == ["gpt-4o", "gpt-4o-mini", "o3"]

    changed(key, only_models=[])
    catalog.sync_key(key)
    assert len(models_of(key)) == 4


def test_a_limit_that_is_set_while_the_list_is_read_holds_too(key, no_network):
    stale = GatewayKey.objects.get()
    changed(key, only_models=["o3"])
    no_network.get(f"{factories.GATEWAY}/v1/models", json={"data": [{"id": "gpt-4o"}, {"id": "o3"}]})

    catalog.sync_key(stale)

    assert models_of(key) == ["o3"]


def test_a_star_stands_for_anything_and_all_else_for_itself(key):
    key.only_models = ["gpt-4-gizmo-*", "qwen.5"]

    assert key.allows("gpt-4-gizmo-*")
    assert key.allows("gpt-4-gizmo-g-1")
    assert key.allows("qwen.5")
    assert not key.allows("qwenx5")
    assert not key.allows("my-gpt-4-gizmo-g")
    assert GatewayKey().allows("anything")


def test_names_are_read_line_by_line_each_once():
    assert key_settings.clean_only_models(" gpt-4o \r\n\r\no3\ngpt-4o") == ["gpt-4o", "o3"]
    assert key_settings.clean_only_models("") == []


@pytest.mark.parametrize("text", ["gpt 4o", "a\x00b", "x" * 201, "\n".join(f"m{n}" for n in range(501))])
def test_what_no_model_is_called_is_refused_in_words(text):
    with pytest.raises(Refused):
        key_settings.clean_only_models(text)


def test_names_that_fit_nothing_are_found(key):
    KeyModel.objects.create(key=key, model=Model.objects.create(name="gpt-4o"))
    key.only_models = ["gpt-4o", "gtp-*"]

    assert key_settings.not_listed(key) == ["gtp-*"]


def test_the_audit_log_tells_who_changed_what_and_no_secret(key):
    group = Group.objects.create(name="Research")
    key.cap_per_day, key.name = 2_500_000_000, "Renamed"
    key_settings.change(
        key, changed=["cap_per_day", "name"], secret="sk-another-0123456789abcd", groups=[group]
    )

    entries = {entry.action: entry for entry in AuditEntry.objects.all()}
    assert entries.keys() == {"key.changed", "key.secret_replaced"}
    assert entries["key.changed"].changes == {
        "name": ["Team", "Renamed"],
        "cap_per_day": ["", "2.5"],
        "groups": ["", "Research"],
    }
    assert "sk-" not in str(list(AuditEntry.objects.values()))


def test_adding_disabling_enabling_and_deleting_are_told(key):
    fresh = GatewayKey(name="Fresh", base_url=factories.GATEWAY)
    key_settings.add(fresh, secret=SECRET)
    keys.disable(fresh)
    keys.disable(fresh)
    changed(fresh, is_enabled=True)
    number = fresh.pk
    key_settings.remove(fresh)

    entries = AuditEntry.objects.filter(subject_pk=str(number)).order_by("id")
    assert [entry.action for entry in entries] == ["key.added", "key.disabled", "key.enabled", "key.deleted"]


def test_nothing_is_told_of_what_did_not_happen(key):
    with pytest.raises(Refused):
        key_settings.add(GatewayKey(name="Bad", base_url=factories.GATEWAY), secret="")

    assert not AuditEntry.objects.exists()
    assert GatewayKey.objects.count() == 1


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (None, ""),
        (0, "0"),
        (1, "0.000000001"),
        (2_500_000_000, "2.5"),
        (100 * 10**9, "100"),
        (10**19, "10000000000"),
    ],
)
def test_nano_units_are_written_as_a_plain_decimal(nano, text):
    assert key_settings.in_units(nano) == text


def test_the_currency_is_that_of_the_prices_at_the_address(key):
    assert key_settings.currency_at(factories.GATEWAY) == "credits"
    Tariff.objects.create(base_url=factories.GATEWAY, currency="USD")
    assert key_settings.currency_at(factories.GATEWAY) == "USD"
