"""Every address, asked for as owner, admin, reviewer, member and stranger; what was taken ends at once.

The addresses come from the URL table: a page of the panel that names no permission fails here, and so does
one that opens to somebody whom the table below does not name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db.models import Model as Table
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from conversations.models import Alert, GatewayKey, Model, Price, PriceSource, Setting, Tariff, User
from conversations.services import founding, roles, tool_settings
from conversations.services.roles import RoleName
from tests import factories
from tests.admin.panel import granted
from tests.test_doors import ANYBODYS, NAMES, OPEN, STREAMS, address_of

# Who has which permission. Written out here, so that a slip in the service is seen.
PANEL_PEOPLE = {RoleName.OWNER, RoleName.ADMIN}
WHO = {
    "use_panel": PANEL_PEOPLE,
    "manage_keys": PANEL_PEOPLE,
    "manage_models": PANEL_PEOPLE,
    "manage_prices": PANEL_PEOPLE,
    "manage_people": PANEL_PEOPLE,
    "manage_tools": PANEL_PEOPLE,
    "see_usage": PANEL_PEOPLE,
    "see_audit": PANEL_PEOPLE,
    "manage_roles": {RoleName.OWNER},
    "review": {RoleName.OWNER, RoleName.ADMIN, RoleName.REVIEWER},
}
# Django's own, for whoever may open the panel at all.
OF_THE_PANEL = {"index", "login", "logout", "password_change", "password_change_done", "jsi18n", "app_list"}
# Nobody may: people are deactivated, prices end. Django's search for rows needs a page that offers it.
NOBODYS = {"conversations_user_delete", "conversations_price_delete", "autocomplete"}


def panel_patterns() -> Iterator[URLPattern]:
    def walk(patterns: list[Any]) -> Iterator[URLPattern]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern

    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and resolver.namespace == "admin":
            # The catch-all of Django's panel, and its old addresses of forms, have no name.
            yield from (pattern for pattern in walk(resolver.url_patterns) if pattern.name)


PANEL = {pattern.name: pattern for pattern in panel_patterns()}


def permission_of(name: str) -> str:
    """Return the permission that an address of the panel names, or ""."""
    if name in OF_THE_PANEL:
        return "use_panel"
    view = PANEL[name].callback
    page = getattr(view, "model_admin", None)
    return getattr(view, "permission", "") or getattr(page, "permission", "")


@pytest.fixture
def rows(db: None) -> dict[type[Table], Any]:
    """One row of each kind that the panel shows."""
    model = factories.model()
    tariff = Tariff.objects.create(base_url=factories.GATEWAY)
    price = Price.objects.create(
        tariff=tariff, model_name="gpt-4o", source=PriceSource.HAND, valid_from=timezone.now()
    )
    return {
        Price: price,
        Model: model,
        GatewayKey: GatewayKey.objects.get(),
        User: factories.person("grace"),
        Group: Group.objects.create(name="Readers"),
        Alert: Alert.objects.create(topic="t", text="Something broke."),
    }


def panel_address(name: str, rows: dict[type[Table], Any]) -> str:
    page = getattr(PANEL[name].callback, "model_admin", None)
    kind = page.model if page else {"alert_done": Alert}.get(name)
    if kind is None and name.startswith("conversations_"):
        kind = next((row for row in rows if row._meta.model_name == name.split("_")[1]), None)
    pk = rows[kind].pk if kind in rows else 1
    zero = "00000000-0000-0000-0000-000000000000"
    for args in ([], [pk], [str(pk)], [zero], ["conversations"]):
        try:
            return reverse(f"admin:{name}", args=args)
        except Exception:  # noqa: BLE001, S112 - whichever arguments fit
            continue
    raise AssertionError(name)


def client_of(person: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(person)
    return client


def in_role(role: RoleName) -> Client:
    person = factories.person(f"the-{role.lower()}")
    roles.give(person, role, by=None)
    return client_of(person)


# --- The table of roles itself -----------------------------------------------------------------------


def test_the_table_names_every_permission() -> None:
    assert set(WHO) == roles.PERMISSIONS


@pytest.mark.parametrize("permission", sorted(WHO))
def test_each_role_has_what_the_table_says(permission: str, db: None) -> None:
    for role in RoleName:
        person = factories.person(f"a-{role.lower()}")
        roles.give(person, role, by=None)

        assert roles.may(person, permission) == (role in WHO[permission])
        assert person.has_perm(f"conversations.{permission}") == (role in WHO[permission])
        User.objects.filter(pk=person.pk).update(is_active=False)
        assert not roles.may(User.objects.get(pk=person.pk), permission)


# --- The panel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(PANEL))
def test_every_address_of_the_panel_names_its_permission(name: str) -> None:
    assert name == "autocomplete" or permission_of(name) in WHO


@pytest.mark.parametrize("name", sorted(set(PANEL) - {"autocomplete"}))
def test_an_address_of_the_panel_opens_to_the_roles_of_the_table(
    name: str, rows: dict[type[Table], Any]
) -> None:
    address = panel_address(name, rows)

    for role in RoleName:
        client = in_role(role)
        for method in ("GET", "POST"):
            status = client.generic(method, address).status_code
            if role not in WHO["use_panel"]:
                assert status == 404, (role, method)
            elif role in WHO[permission_of(name)] and name not in NOBODYS:
                assert status not in (401, 403), (role, method)
                assert status < 500, (role, method)
            else:
                assert status == 403, (role, method)
    for method in ("GET", "POST"):
        stranger = Client().generic(method, address)
        assert (stranger.status_code, stranger.headers.get("Location", "")[:7]) == (302, "/login/")


@pytest.mark.parametrize("name", sorted(set(PANEL) - OF_THE_PANEL - {"autocomplete", "alert_done"}))
def test_a_page_of_the_panel_is_shut_without_its_own_permission_from_the_next_request_on(
    name: str, ada: User, rows: dict[type[Table], Any]
) -> None:
    address, own = panel_address(name, rows), permission_of(name)
    granted(ada, *(set(WHO) - {own}))
    client = client_of(ada)
    tables = (GatewayKey, Model, User, Group, Alert)

    before = [list(table.objects.order_by("pk").values()) for table in tables]
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert client.generic(method, address).status_code == 403, method
    ticked = {"action": "enable", "_selected_action": [row.pk for row in rows.values()], "post": "yes"}
    assert client.post(address, ticked).status_code == 403
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before

    if name not in NOBODYS:
        granted(ada, own)
        assert client.get(address).status_code != 403
        rights = Group.objects.get(permissions__codename=own, user=ada)
        rights.permissions.remove(Permission.objects.get(codename=own))
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403


def test_the_panel_itself_shuts_from_the_next_request_on(ada: User) -> None:
    roles.give(ada, RoleName.ADMIN, by=None)
    client = client_of(ada)
    assert client.get("/admin/").status_code == 200
    assert "Admin panel" in client.get("/").content.decode()

    roles.give(ada, RoleName.REVIEWER, by=None)

    assert client.get("/admin/").status_code == 404
    assert "Admin panel" not in client.get("/").content.decode()


# --- The chat: a role opens nobody's conversations ---------------------------------------------------


# A stream does not end by itself; who may open one is asked in test_doors.
@pytest.mark.parametrize("name", sorted(set(NAMES) - OPEN - STREAMS - {"logout"}))
def test_no_role_opens_more_of_the_chat_than_a_member_s(name: str, of_ada: dict[str, Any]) -> None:
    address = address_of(name, of_ada)
    status = {
        role: [in_role(role).get(address).status_code, client_of_again(role).post(address).status_code]
        for role in RoleName
    }

    assert all(found == status[RoleName.MEMBER] for found in status.values()), status
    if name not in ANYBODYS:
        assert set(status[RoleName.MEMBER]) <= {404, 405}
    for method in ("GET", "POST"):
        assert Client().generic(method, address).status_code in (302, 401)


def client_of_again(role: RoleName) -> Client:
    return client_of(User.objects.get(username=f"the-{role.lower()}"))


# --- The last owner, and who gives what --------------------------------------------------------------


@pytest.mark.parametrize("role", [RoleName.ADMIN, RoleName.REVIEWER, RoleName.MEMBER])
def test_the_last_owner_stays_one(ada: User, bob: User, role: RoleName) -> None:
    roles.give(ada, RoleName.OWNER, by=None)
    roles.give(bob, RoleName.OWNER, by=None)
    User.objects.filter(pk=bob.pk).update(is_active=False)

    with pytest.raises(roles.Refused, match="only owner"):
        roles.give(ada, role, by=None)

    assert roles.role_of(User.objects.get(pk=ada.pk)) == RoleName.OWNER
    User.objects.filter(pk=bob.pk).update(is_active=True)
    assert roles.give(ada, role, by=None)


@pytest.mark.parametrize("giver", list(RoleName))
@pytest.mark.parametrize("before", list(RoleName))
@pytest.mark.parametrize("after", list(RoleName))
def test_who_gives_which_role(
    ada: User, bob: User, staff: User, giver: RoleName, before: RoleName, after: RoleName
) -> None:
    roles.give(ada, giver, by=None)
    roles.give(bob, before, by=None)
    low = {RoleName.REVIEWER, RoleName.MEMBER}
    may_give = giver == RoleName.OWNER or (giver == RoleName.ADMIN and {before, after} <= low)

    if before == after or may_give:
        assert roles.give(bob, after, by=ada) == (before != after)
    else:
        with pytest.raises(roles.Refused):
            roles.give(bob, after, by=ada)

    changed = before == after or may_give
    assert roles.role_of(User.objects.get(pk=bob.pk)) == (after if changed else before)
    assert bob.groups.filter(name__in=RoleName).count() == 1


def test_a_permission_that_there_is_not_is_an_error(ada: User) -> None:
    with pytest.raises(ValueError, match="manage_key"):
        roles.may(ada, "manage_key")


# --- What stands after each migration ----------------------------------------------------------------


def test_roles_that_were_bent_are_mended(ada: User) -> None:
    Group.objects.get(name=RoleName.REVIEWER).permissions.add(Permission.objects.get(codename="manage_keys"))
    Group.objects.get(name=RoleName.MEMBER).delete()
    User.objects.filter(pk=ada.pk).update(is_superuser=True)

    founding.ensure()

    reviewer = Group.objects.get(name=RoleName.REVIEWER)
    assert set(reviewer.permissions.values_list("codename", flat=True)) == {"review"}
    assert Group.objects.filter(name=RoleName.MEMBER).exists()
    assert list(ada.groups.values_list("name", flat=True)) == [RoleName.OWNER]


def test_a_team_that_was_called_like_a_role_gets_no_rights_by_the_update(ada: User) -> None:
    Group.objects.filter(name__in=RoleName).delete()
    team = Group.objects.create(name="Admin")
    ada.groups.add(team)
    offers = {"current_time": tool_settings.Offer(groups=frozenset({"Admin"}))}
    tool_settings_of(offers)

    founding.ensure()

    team.refresh_from_db()
    assert team.name == "Admin (team)"
    assert roles.role_of(User.objects.get(pk=ada.pk)) == RoleName.MEMBER
    assert not roles.may(User.objects.get(pk=ada.pk), "use_panel")
    stored = tool_settings.read() or {}
    assert stored["current_time"].groups == {"Admin (team)"}


def tool_settings_of(offers: dict[str, tool_settings.Offer]) -> None:
    groups = {name: sorted(offer.groups or ()) for name, offer in offers.items()}
    Setting.objects.create(name=tool_settings.SETTING, value={"disabled": [], "groups": groups})
