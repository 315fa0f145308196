"""People in the panel."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from conversations.models import User
from tests.admin.panel import PEOPLE, granted, text_of


def about(person: User, **fields: object) -> dict[str, object]:
    rights = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(person, name)}
    return {"username": person.username, "email": "", "time_zone": "", **rights, **fields}


def test_a_person_is_added_with_a_password(staff_client):
    page = staff_client.post(
        f"{PEOPLE}add/",
        {
            "username": "grace",
            "password1": "compile-the-9",
            "password2": "compile-the-9",
            "time_zone": "Europe/Berlin",
        },
    )

    grace = User.objects.get(username="grace")
    assert page.status_code == 302
    assert grace.check_password("compile-the-9")
    assert (grace.is_staff, grace.is_active, grace.time_zone) == (False, True, "Europe/Berlin")
    assert "compile-the-9" not in str(list(LogEntry.objects.values_list()))


def test_a_time_zone_that_is_none_is_refused(staff_client, ada):
    page = staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, time_zone="Mars/Olympus"))

    assert page.status_code == 200
    assert User.objects.get(pk=ada.pk).time_zone == ""


def test_deactivating_ends_the_sign_ins_at_once(staff_client, ada, ada_client):
    staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, is_active=""))

    assert not User.objects.get(pk=ada.pk).is_active
    assert ada_client.get("/account/").status_code == 302


@pytest.mark.parametrize("right", ["is_active", "is_staff", "is_superuser"])
def test_nobody_locks_themselves_out(staff, staff_client, right):
    data = about(staff)
    del data[right]

    page = staff_client.post(f"{PEOPLE}{staff.pk}/change/", data)

    assert "lock yourself out" in text_of(page)
    staff.refresh_from_db()
    assert getattr(staff, right)


def test_a_new_password_ends_the_person_s_sign_ins(staff_client, ada, ada_client):
    page = staff_client.get(f"{PEOPLE}{ada.pk}/password/")
    assert "usable_password" not in text_of(page)

    new = {"password1": "compile-the-9", "password2": "compile-the-9"}
    staff_client.post(f"{PEOPLE}{ada.pk}/password/", new)

    ada.refresh_from_db()
    assert ada.check_password("compile-the-9")
    assert ada_client.get("/account/").status_code == 302


def test_a_refused_password_is_not_shown_again(staff_client, ada):
    page = staff_client.post(f"{PEOPLE}{ada.pk}/password/", {"password1": "12345", "password2": "54321"})

    assert page.status_code == 200
    assert "12345" not in text_of(page)
    assert 'class="errornote"' in text_of(page)


def test_nobody_gives_away_a_right_that_they_do_not_have(ada, ada_client, bob, staff):
    granted(ada, "view_user", "change_user")

    ada_client.post(
        f"{PEOPLE}{bob.pk}/change/", about(bob, is_staff="on", is_superuser="on", first_name="Bob")
    )
    bob.refresh_from_db()
    assert (bob.first_name, bob.is_staff, bob.is_superuser) == ("Bob", False, False)

    assert ada_client.post(f"{PEOPLE}{staff.pk}/change/", about(staff, first_name="X")).status_code == 403
    assert ada_client.get(f"{PEOPLE}{staff.pk}/password/").status_code == 403


def test_people_are_deactivated_not_deleted(staff_client, ada):
    assert staff_client.post(f"{PEOPLE}{ada.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("may", "found"), [("chat", "bob"), ("panel", "staff"), ("nothing", "eve")])
def test_people_are_sorted_by_what_they_may(staff_client, ada, bob, eve, may, found):
    User.objects.filter(username="eve").update(is_active=False)

    page = staff_client.get(PEOPLE, {"may": may})

    assert found in {person.username for person in page.context["cl"].result_list}
    others = {"bob", "staff", "eve"} - {found}
    assert not others & {person.username for person in page.context["cl"].result_list}


def test_no_page_of_a_person_shows_their_hash(staff_client, ada):
    assert ada.password not in text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))
    assert "algorithm" not in text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))
