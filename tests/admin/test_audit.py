"""What the panel writes into the audit log, and the page on which it is read; alerts on the first page."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from conversations.models import Alert, AuditEntry, GatewayKey, Setting, User
from conversations.services import alerts, audit, audit_reading, roles
from conversations.services.roles import RoleName
from tests import factories
from tests.admin.panel import GROUPS, KEYS, MODELS, PEOPLE, SECRET, TOOLS, page_of, text_of, typed
from tests.admin.test_models import by_hand
from tests.admin.test_people import about

AUDIT = "/admin/audit/"


def entries(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("id"))


# --- What is written ---------------------------------------------------------------------------------


def test_every_page_of_the_panel_says_what_its_rows_are_called_in_the_log() -> None:
    for model, page in admin.site._registry.items():
        kind = page.audit_kind or model._meta.model_name
        for verb in ("added", "changed", "deleted"):
            assert f"{kind}.{verb}" in audit.ACTIONS, model


def test_a_group_is_told_from_its_making_to_its_end(staff: User, staff_client: Client, ada: User) -> None:
    staff_client.post(f"{GROUPS}add/", {"name": "Readers", "members": [ada.pk]})
    group = Group.objects.get(name="Readers")
    staff_client.post(f"{GROUPS}{group.pk}/change/", {"name": "Writers", "members": [ada.pk]})
    staff_client.post(f"{GROUPS}{group.pk}/change/", {"name": "Writers", "members": [ada.pk]})
    staff_client.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"})

    (added,), (changed,), (deleted,) = map(entries, ("group.added", "group.changed", "group.deleted"))
    assert added.changes == {"name": [None, "Readers"], "members": [None, "ada"]}
    assert changed.changes == {"name": ["Readers", "Writers"]}
    assert (deleted.subject_name, deleted.subject_pk) == ("Writers", str(group.pk))
    assert {(entry.actor_pk, entry.address) for entry in (added, changed, deleted)} == {
        (staff.pk, "127.0.0.1")
    }


def test_a_person_s_changes_role_and_password_are_told_without_the_password(
    staff_client: Client, ada: User
) -> None:
    page = f"{PEOPLE}{ada.pk}/"
    staff_client.post(f"{page}change/", about(ada, first_name="Ada", role="Reviewer"))
    new = {"password1": "compile-the-9", "password2": "compile-the-9"}
    staff_client.post(f"{page}password/", new)
    ada.refresh_from_db()
    staff_client.post(f"{page}change/", about(User.objects.get(pk=ada.pk), is_active="", first_name="Ada"))

    assert entries("person.changed")[0].changes == {"first_name": ["", "Ada"]}
    assert entries("role.given")[0].changes == {"role": ["Member", "Reviewer"]}
    assert len(entries("person.password_changed")) == 1
    assert len(entries("person.deactivated")) == 1
    kept = str(list(AuditEntry.objects.values_list()))
    assert "compile-the-9" not in kept
    assert ada.password not in kept


def test_a_key_s_secret_is_in_no_entry(staff_client: Client, db: None) -> None:
    staff_client.post(f"{KEYS}add/", typed(name="Team", secret=SECRET, note=f"It is {SECRET}"))
    key = GatewayKey.objects.get()
    staff_client.post(page_of(key), typed(name="Team", secret=f"{SECRET}-2"))
    staff_client.post(page_of(key, "disable"))
    staff_client.post(page_of(key, "enable"))
    staff_client.post(page_of(key, "delete"), {"post": "yes"})

    told = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    for action in ("key.added", "key.secret_replaced", "key.disabled", "key.enabled", "key.deleted"):
        assert told.count(action) == 1, (action, told)
    assert SECRET not in str(list(AuditEntry.objects.values_list()))


def test_a_model_s_form_and_buttons_are_told(staff_client: Client, key: GatewayKey) -> None:
    model = factories.model("gpt-4o", key=key, is_enabled=False)
    staff_client.post(
        f"{MODELS}{model.pk}/change/",
        by_hand(name="gpt-4o", served_by=[key.pk], display_name="Four", is_enabled=""),
    )
    staff_client.post(MODELS, {"action": "enable", "_selected_action": [model.pk]})
    staff_client.post(f"{MODELS}{model.pk}/default/")

    assert entries("model.changed")[0].changes["display_name"] == ["", "Four"]
    for action in ("model.enabled", "model.made_default"):
        assert [entry.subject_name for entry in entries(action)] == ["Four"], action


def test_tools_are_told_with_before_and_after(staff_client: Client) -> None:
    form = {"tool": ["current_time"], "current_time-audience": "everyone"}
    staff_client.post(TOOLS, form)
    staff_client.post(TOOLS, form)

    (entry,) = entries("tools.changed")
    assert entry.changes == {"current_time": ["on, for everyone", "off, for everyone"]}
    assert Setting.objects.exists()


def test_what_was_refused_is_not_told(staff_client: Client, ada: User) -> None:
    staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, role="Emperor"))
    staff_client.post(f"{GROUPS}add/", {"name": ""})

    assert not AuditEntry.objects.exists()


# --- The page ----------------------------------------------------------------------------------------


def test_the_page_shows_the_newest_first_in_words(staff_client: Client, ada: User) -> None:
    with audit.acting(lambda: ada, address="10.9.8.7"):
        audit.record(
            "key.changed", kind="key", name="Team <b>", changes={"note": ["a", "b"], "secret": ["x"]}
        )

    page = text_of(staff_client.get(AUDIT))

    for words in ("Gateway key changed", "Team &lt;b&gt;", "10.9.8.7", "<del>a</del>", "<ins>b</ins>"):
        assert words in page
    assert 'aria-current="page">Audit log</a>' in page
    assert " style=" not in page


def test_the_page_filters_and_keeps_the_filter_when_it_turns(staff_client: Client) -> None:
    for number in range(audit_reading.PAGE + 1):
        audit.record("key.disabled", kind="key", name=f"Key {number}")
    audit.record("group.added", kind="group", name="Readers")

    page = staff_client.get(AUDIT, {"action": "key.disabled", "words": "key"})
    older = staff_client.get(AUDIT + page.context["older"])

    assert "Readers" not in text_of(page)
    assert [entry.subject for entry in older.context["shown"].entries] == ["Key 0"]
    assert 'value="key.disabled" selected' in text_of(older)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "2026-01-02", "until": "2026-01-01"}, "before the first one"),
        ({"since": "yesterday"}, "valid date"),
        ({"since": "0001-01-01"}, "nothing of that year"),
        ({"until": "9999-12-31"}, "nothing of that year"),
        ({"action": "x"}, "no such action"),
        ({"before": "99999999999999999999"}, "Nothing is shown"),
        ({"person": "\x00"}, "Null characters"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_filter_that_is_none_is_refused_in_words(
    staff_client: Client, asked: dict[str, str], said: str, method: str
) -> None:
    audit.record("key.disabled", kind="key", name="Team")
    address = AUDIT if method == "get" else f"{AUDIT}export/"

    page = getattr(staff_client, method)(address, asked)

    assert page.status_code == 422
    assert said in text_of(page)
    assert not entries("audit.exported")


def test_days_are_those_of_the_reader(staff: User, staff_client: Client) -> None:
    User.objects.filter(pk=staff.pk).update(time_zone="Pacific/Kiritimati")  # UTC+14
    moment = datetime(2026, 3, 1, 11, tzinfo=UTC)
    AuditEntry.objects.create(action="key.disabled", subject_name="Team", at=moment)

    def found(day: str) -> int:
        return len(staff_client.get(AUDIT, {"since": day, "until": day}).context["shown"].entries)

    assert (found("2026-03-01"), found("2026-03-02")) == (0, 1)


@pytest.mark.parametrize("count", [1, 20])
def test_the_page_costs_the_same_with_one_and_twenty_entries(
    staff_client: Client, count: int, django_assert_num_queries
) -> None:
    for number in range(count):
        audit.record("key.disabled", kind="key", name=f"Key {number}")

    with django_assert_num_queries(4):  # session, user, entries, names to choose from
        staff_client.get(AUDIT)


def test_the_export_is_what_the_page_showed_safe_to_open_and_told(staff: User, staff_client: Client) -> None:
    audit.record("group.added", kind="group", name="=cmd|' /C calc'!A0", changes={"name": ["", "@SUM(1)"]})
    audit.record("key.disabled", kind="key", name="Team")

    response = staff_client.post(f"{AUDIT}export/", {"action": "group.added"})

    raw = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(raw)))
    assert response["Content-Disposition"].startswith('attachment; filename="audit-log-')
    assert len(rows) == 2
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert entries("audit.exported")[0].changes == {"action": "group.added"}
    assert entries("audit.exported")[0].actor_pk == staff.pk
    assert staff_client.get(f"{AUDIT}export/").status_code == 405


# --- Alerts on the first page ------------------------------------------------------------------------


def test_an_alert_stands_on_the_first_page_until_somebody_has_seen_to_it(
    staff_client: Client, ada: User, ada_client: Client
) -> None:
    alerts.tell("no_key", "No key is left for gpt-4o.")
    alert = Alert.objects.get()
    roles.give(ada, RoleName.ADMIN, by=None)
    assert "No key is left for gpt-4o." in text_of(ada_client.get("/admin/"))

    page = staff_client.post(f"/admin/alerts/{alert.pk}/done/", follow=True)

    assert "If it happens again" in text_of(page)
    assert "No key is left" not in text_of(page)
    assert "Somebody has seen" in text_of(ada_client.post(f"/admin/alerts/{alert.pk}/done/", follow=True))
    assert staff_client.post("/admin/alerts/999999999999999999999999/done/").status_code == 404


def test_an_alert_s_text_is_text(staff_client: Client) -> None:
    alerts.tell("x", "<script>alert(1)</script>")

    assert "<script>alert" not in text_of(staff_client.get("/admin/"))
