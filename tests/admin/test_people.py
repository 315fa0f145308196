"""People in the panel."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session

from conversations.models import User
from conversations.services import roles
from conversations.services.roles import RoleName
from tests.admin.panel import PEOPLE, text_of


def about(person: User, **fields: object) -> dict[str, object]:
    rights = {"is_active": "on" if person.is_active else "", "role": roles.role_of(person).value}
    return {"username": person.username, "email": "", "time_zone": "", **rights, **fields}


def test_a_person_is_added_with_a_password(staff_client):
    page = staff_client.post(
        f"{PEOPLE}add/",
        {
            "username": "grace",
            "password1": "compile-the-9",
            "password2": "compile-the-9",
            "time_zone": "Europe/Berlin",
            "role": "Reviewer",
        },
    )

    grace = User.objects.get(username="grace")
    assert page.status_code == 302
    assert grace.check_password("compile-the-9")
    assert (grace.is_active, grace.time_zone) == (True, "Europe/Berlin")
    assert roles.role_of(grace) == RoleName.REVIEWER
    assert "compile-the-9" not in str(list(LogEntry.objects.values_list()))


def test_a_time_zone_that_is_none_is_refused(staff_client, ada):
    page = staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, time_zone="Mars/Olympus"))

    assert page.status_code == 200
    assert User.objects.get(pk=ada.pk).time_zone == ""


def test_deactivating_ends_the_sign_ins_at_once(staff_client, ada, ada_client):
    staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, is_active=""))

    assert not User.objects.get(pk=ada.pk).is_active
    assert ada_client.get("/account/").status_code == 302


@pytest.mark.parametrize("taken", [{"is_active": ""}, {"role": "Member"}, {"role": "Admin"}])
def test_nobody_locks_themselves_out(staff, staff_client, bob, taken):
    roles.give(bob, RoleName.OWNER, by=None)

    page = staff_client.post(f"{PEOPLE}{staff.pk}/change/", about(staff, **taken))

    assert "lock yourself out" in text_of(page)
    staff = User.objects.get(pk=staff.pk)
    assert (staff.is_active, roles.role_of(staff)) == (True, RoleName.OWNER)


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


@pytest.mark.parametrize("role", ["Owner", "Admin", "Emperor", ""])
def test_an_admin_gives_no_role_above_reviewer(ada, ada_client, bob, role):
    roles.give(ada, RoleName.ADMIN, by=None)
    page = f"{PEOPLE}{bob.pk}/change/"
    assert '<option value="Admin"' not in text_of(ada_client.get(page))

    refused = ada_client.post(page, about(bob, role=role, first_name="Bob", is_superuser="on"))

    assert "errornote" in text_of(refused)
    bob = User.objects.get(pk=bob.pk)
    assert (bob.first_name, bob.is_superuser, roles.role_of(bob)) == ("", False, RoleName.MEMBER)
    ada_client.post(page, about(bob, role="Reviewer"))
    assert roles.role_of(User.objects.get(pk=bob.pk)) == RoleName.REVIEWER


def test_an_admin_does_not_touch_the_account_of_an_owner_or_another_admin(ada, ada_client, bob, staff):
    roles.give(ada, RoleName.ADMIN, by=None)
    roles.give(bob, RoleName.ADMIN, by=None)

    for person in (staff, bob):
        page = f"{PEOPLE}{person.pk}/"
        assert ada_client.post(f"{page}change/", about(person, first_name="X")).status_code == 403
        assert ada_client.post(f"{page}change/", about(person, role="Member")).status_code == 403
        assert ada_client.get(f"{page}password/").status_code == 403
    assert roles.role_of(User.objects.get(pk=bob.pk)) == RoleName.ADMIN


def test_an_owner_gives_every_role_and_takes_it(staff_client, bob):
    for role in RoleName:
        staff_client.post(f"{PEOPLE}{bob.pk}/change/", about(bob, role=role.value))

        assert roles.role_of(User.objects.get(pk=bob.pk)) == role
        assert roles.may(User.objects.get(pk=bob.pk), "manage_keys") == (role in ("Owner", "Admin"))


def test_a_superuser_who_is_given_another_role_is_none_any_more(staff_client, bob):
    User.objects.filter(pk=bob.pk).update(is_superuser=True)

    staff_client.post(f"{PEOPLE}{bob.pk}/change/", about(User.objects.get(pk=bob.pk), role="Member"))

    bob = User.objects.get(pk=bob.pk)
    assert (bob.is_superuser, roles.may(bob, "use_panel")) == (False, False)


def test_people_are_deactivated_not_deleted(staff_client, ada):
    assert staff_client.post(f"{PEOPLE}{ada.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(("role", "found"), [("Member", "bob"), ("Owner", "staff"), ("nothing", "eve")])
def test_people_are_sorted_by_their_role(staff_client, ada, bob, eve, role, found):
    User.objects.filter(username="eve").update(is_active=False)

    page = staff_client.get(PEOPLE, {"role": role})

    assert found in {person.username for person in page.context["cl"].result_list}
    others = {"bob", "staff", "eve"} - {found}
    assert not others & {person.username for person in page.context["cl"].result_list}


def test_no_page_of_a_person_shows_their_hash(staff_client, ada):
    assert ada.password not in text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))
    assert "algorithm" not in text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))


def test_a_button_deactivates_and_activates_again(staff_client, ada, ada_client):
    page = staff_client.get(f"{PEOPLE}{ada.pk}/change/")
    assert f"{PEOPLE}{ada.pk}/deactivate/" in text_of(page)

    told = staff_client.post(f"{PEOPLE}{ada.pk}/deactivate/", follow=True)

    assert "may not sign in any more" in text_of(told)
    assert f"{PEOPLE}{ada.pk}/activate/" in text_of(told)
    assert ada_client.get("/account/").status_code == 302
    staff_client.post(f"{PEOPLE}{ada.pk}/activate/")
    assert User.objects.get(pk=ada.pk).is_active


def test_nobody_presses_the_button_of_their_own_account(staff, staff_client):
    told = staff_client.post(f"{PEOPLE}{staff.pk}/deactivate/", follow=True)

    assert "lock yourself out" in text_of(told)
    assert User.objects.get(pk=staff.pk).is_active


def test_a_password_set_by_an_admin_leaves_no_session_of_the_person(staff, staff_client, ada, ada_client):
    new = {"password1": "compile-the-9", "password2": "compile-the-9"}

    staff_client.post(f"{PEOPLE}{ada.pk}/password/", new)
    assert Session.objects.count() == 1
    staff_client.post(f"{PEOPLE}{staff.pk}/password/", new)

    assert Session.objects.count() == 1
    assert staff_client.get("/admin/").status_code == 200
