"""Groups of people in the panel."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission

from conversations.models import User
from conversations.services import roles
from conversations.services.roles import RoleName
from tests.admin.panel import GROUPS, PEOPLE, granted, text_of
from tests.admin.test_people import about


@pytest.fixture
def readers(db: None) -> Group:
    return Group.objects.create(name="Readers")


@pytest.fixture
def powerful(db: None) -> Group:
    """A group that somebody gave rights to, outside the panel."""
    group = Group.objects.create(name="Powerful")
    group.permissions.set(Permission.objects.filter(codename="change_gatewaykey"))
    return group


def page_of(group: Group) -> str:
    return f"{GROUPS}{group.pk}/change/"


def test_a_group_is_made_with_its_members_renamed_and_deleted(staff_client, ada, bob):
    response = staff_client.post(f"{GROUPS}add/", {"name": "Readers", "members": [ada.pk, bob.pk]})

    group = Group.objects.get(name="Readers")
    assert response.status_code == 302
    assert set(group.user_set.all()) == {ada, bob}

    staff_client.post(page_of(group), {"name": "Reviewers", "members": [bob.pk]})
    group.refresh_from_db()
    assert (group.name, list(group.user_set.all())) == ("Reviewers", [bob])

    assert "Its people stay." in text_of(staff_client.get(f"{GROUPS}{group.pk}/delete/"))
    staff_client.post(f"{GROUPS}{group.pk}/delete/", {"post": "yes"})
    assert not roles.team_groups().exists()
    assert User.objects.filter(pk=bob.pk).exists()


def test_the_page_of_a_group_has_a_name_and_members_only(staff_client, readers, ada):
    readers.user_set.add(ada)
    page = text_of(staff_client.get(page_of(readers)))

    assert "ermission" not in page
    assert f'name="members" value="{ada.pk}" id="id_members_0" checked' in page.replace(
        'type="checkbox" ', ""
    )
    assert 'aria-current="page">Groups</a>' in page


@pytest.mark.parametrize(
    "posted",
    [
        {"name": ""},
        {"name": "Taken"},
        {"name": "Fine", "members": [9999]},
        {"name": "Fine", "members": ["x"]},
    ],
)
def test_what_does_not_fit_is_refused(staff_client, readers, ada, posted):
    Group.objects.create(name="Taken")
    readers.user_set.add(ada)

    page = staff_client.post(page_of(readers), posted)

    assert "errornote" in text_of(page)
    assert list(readers.user_set.all()) == [ada]
    assert Group.objects.filter(name="Readers").exists()


def test_who_may_not_sign_in_is_offered_only_where_a_member(staff_client, readers, ada, bob):
    User.objects.update(is_active=False)
    User.objects.filter(username="staff").update(is_active=True)
    readers.user_set.add(ada)

    page = text_of(staff_client.get(page_of(readers)))

    assert "ada, may not sign in" in page
    assert "bob" not in page


def test_the_list_counts_members(staff_client, readers, ada, bob):
    readers.user_set.add(ada, bob)

    assert '<td class="field-size">2</td>' in text_of(staff_client.get(GROUPS))


def test_a_person_s_groups_are_set_on_their_page(staff_client, readers, ada):
    assert "Readers" in text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))

    staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[readers.pk]))
    assert list(roles.team_groups().filter(user=ada)) == [readers]

    staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada))
    assert not roles.team_groups().filter(user=ada).exists()


def test_a_group_that_is_none_is_refused_on_a_person_s_page(staff_client, readers, ada):
    page = staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[9999]))

    assert "errornote" in text_of(page)
    assert not roles.team_groups().filter(user=ada).exists()


# --- Who may -----------------------------------------------------------------------------------------


def test_staff_without_the_right_see_no_groups(ada, ada_client, readers):
    granted(ada, "manage_tools", "manage_keys")

    assert GROUPS not in text_of(ada_client.get("/admin/"))
    assert ada_client.get(GROUPS).status_code == 403
    assert ada_client.post(f"{GROUPS}add/", {"name": "Mine"}).status_code == 403
    assert ada_client.post(page_of(readers), {"name": "Readers", "members": [ada.pk]}).status_code == 403
    assert ada_client.post(f"{GROUPS}{readers.pk}/delete/", {"post": "yes"}).status_code == 403
    page = ada_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[readers.pk]))

    assert page.status_code == 403
    assert not readers.user_set.exists()


def test_the_roles_are_no_groups_of_the_team(staff_client, readers, ada):
    owner = Group.objects.get(name="Owner")

    listed = text_of(staff_client.get(GROUPS))
    chosen = text_of(staff_client.get(f"{PEOPLE}{ada.pk}/change/"))

    assert "Readers" in listed
    assert not any(f">{role}<" in listed for role in RoleName)
    assert f'name="groups" value="{owner.pk}"' not in chosen
    assert staff_client.post(page_of(owner), {"name": "Mine", "members": [ada.pk]}).status_code == 302
    assert staff_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[owner.pk])).status_code == 200
    assert list(ada.groups.all()) == []
    assert "the name of a role" in text_of(staff_client.post(f"{GROUPS}add/", {"name": "owner"}))


def test_nobody_puts_themselves_into_a_group_with_rights(ada, ada_client, readers, powerful):
    roles.give(ada, RoleName.ADMIN, by=None)
    role = Group.objects.get(name=RoleName.ADMIN)

    assert ada_client.post(page_of(powerful), {"name": "P", "members": [ada.pk]}).status_code == 403
    assert ada_client.post(f"{GROUPS}{powerful.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "Powerful" not in text_of(ada_client.get(f"{PEOPLE}{ada.pk}/change/"))
    refused = ada_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[powerful.pk]))
    assert "errornote" in text_of(refused)
    assert list(ada.groups.all()) == [role]

    # Nor do they take somebody out of it by saving a page that does not show it.
    ada.groups.add(powerful)
    ada_client.post(f"{PEOPLE}{ada.pk}/change/", about(ada, groups=[readers.pk]))
    assert set(ada.groups.all()) == {role, readers, powerful}


def test_an_owner_gives_any_group(staff_client, powerful, ada):
    staff_client.post(page_of(powerful), {"name": "Powerful", "members": [ada.pk]})

    assert list(powerful.user_set.all()) == [ada]
