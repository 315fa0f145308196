"""Tools in the panel: which are on, and for whom."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from conversations.models import Setting, User
from conversations.services import roles, tool_settings
from conversations.services.errors import Refused
from conversations.services.tool_settings import Offer
from conversations.tools import offering, registry
from tests import factories
from tests.admin.panel import GROUPS, TOOLS, granted, text_of
from tests.tools.making import tool

ALL = [tool.name for tool in registry.all()]


def form(**changed: dict[str, object]) -> dict[str, object]:
    """The page's form: every tool on and for everyone, but for what `changed` says of some."""
    fields: dict[str, object] = {"tool": ALL}
    for name in ALL:
        said = {"is_on": "on", "audience": "everyone"} | changed.get(name, {})
        fields |= {f"{name}-{field}": value for field, value in said.items() if value is not None}
    return fields


def only(*groups: str) -> dict[str, object]:
    return {"audience": "groups", "groups": list(groups)}


def offered(user: User) -> list[str]:
    return [tool.name for tool in offering.offered_to(user)]


def stored() -> object:
    """What is set, without the definitions that were seen."""
    value = Setting.objects.get(name="tools").value
    if not isinstance(value, dict):
        return value
    return {name: entry for name, entry in value.items() if name != "definitions"}


@pytest.fixture
def readers(db: None) -> Group:
    return Group.objects.create(name="Readers")


# --- What the page shows ---------------------------------------------------------------------------


def test_each_tool_is_shown_with_what_it_may_do(staff_client):
    page = text_of(staff_client.get(TOOLS))

    for each in registry.all():
        assert f"<legend>{each.name}</legend>" in page
        assert each.description in page
    assert page.count("Reads conversations, only those") == sum(each.reads_private for each in registry.all())
    assert page.count('checked') == 2 * len(ALL)  # fmt: skip
    assert 'aria-current="page">Tools</a>' in page


def test_what_may_go_wrong_with_a_tool_is_said_in_words(staff_client, monkeypatch):
    made_up = tool(lambda asked: 1, name="post_abroad", sends_out=True, needs_approval=True)
    monkeypatch.setitem(registry._tools, "post_abroad", made_up)

    page = text_of(staff_client.get(TOOLS))

    assert page.count("Can send data out of this site.") == 1
    assert page.count("Runs only after the person has allowed it.") == 1


# --- What it stores --------------------------------------------------------------------------------


def test_saving_holds_from_the_next_call_on(staff_client, ada, eve, readers):
    readers.user_set.add(ada)
    assert offered(ada) == offered(eve) == ALL

    page = staff_client.post(
        TOOLS, form(system_info={"is_on": None}, search_conversations=only("Readers")), follow=True
    )

    assert page.redirect_chain == [(TOOLS, 302)]
    assert "Saved: system_info, search_conversations." in text_of(page)
    assert stored() == {"disabled": ["system_info"], "groups": {"search_conversations": ["Readers"]}}
    assert offered(ada) == [name for name in ALL if name != "system_info"]
    assert offered(eve) == [name for name in ALL if name not in ("system_info", "search_conversations")]
    told = LogEntry.objects.get()
    assert told.object_repr == "Tools"
    assert "system_info: off, for everyone." in told.change_message
    assert "search_conversations: on, for Readers." in told.change_message

    staff_client.post(TOOLS, form())
    assert stored() == {"disabled": [], "groups": {}}
    assert offered(eve) == ALL


def test_saving_what_holds_already_changes_nothing(staff_client):
    page = staff_client.post(TOOLS, form(), follow=True)

    assert "Nothing was changed." in text_of(page)
    assert not LogEntry.objects.exists()


def test_groups_that_are_ticked_beside_everyone_do_not_count(staff_client, readers):
    staff_client.post(TOOLS, form(current_time={"groups": ["Readers"]}))

    assert stored() == {"disabled": [], "groups": {}}


def test_a_tool_that_the_posted_page_did_not_show_stays_as_it_is(staff_client, ada):
    tool_settings.save({"system_info": Offer(is_on=False)}, registered=ALL)
    shown = [name for name in ALL if name not in ("system_info", "current_time")]

    staff_client.post(TOOLS, form(system_info={"audience": None}) | {"tool": shown})

    assert offered(ada) == [name for name in ALL if name != "system_info"]


def test_rules_for_a_tool_that_is_not_registered_now_are_kept(staff_client):
    Setting.objects.create(name="tools", value={"disabled": ["later"], "groups": {"later": ["Readers"]}})

    staff_client.post(TOOLS, form())

    assert stored() == {"disabled": ["later"], "groups": {"later": ["Readers"]}}


def test_a_setting_that_cannot_be_read_is_said_and_written_anew(staff_client, ada):
    Setting.objects.create(name="tools", value={"disabled": "system_info"})
    page = text_of(staff_client.get(TOOLS))
    assert "can’t be read" in page
    assert page.count("checked") == len(ALL)

    staff_client.post(TOOLS, form() | {"tool": ALL[:1]})

    assert offered(ada) == ALL[:1]


# --- What it refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        (form() | {"tool": [*ALL, "launch_rockets"]}, "There is no tool “launch_rockets”."),
        (form() | {"tool": ["<b>x\0"]}, "There is no tool “&lt;b&gt;x"),
        (form(current_time=only("Strangers")), "There is no such group any more."),
        (form(current_time=only("Readers", "Strangers")), "There is no such group any more."),
        (form(current_time=only()), "Choose at least one group"),
        (form(current_time={"audience": None}), "Choose who may use it."),
        (form(current_time={"audience": "nobody"}), "Choose “Everyone” or"),
        ({"tool": ALL}, "Choose who may use it."),
    ],
)
def test_what_does_not_fit_is_refused_in_words(staff_client, readers, ada, posted, words):
    page = staff_client.post(TOOLS, posted)

    assert page.status_code == 422
    assert words in text_of(page)
    assert 'role="alert"' in text_of(page)
    assert not Setting.objects.exists()
    assert offered(ada) == ALL


def test_what_was_chosen_is_still_there_after_a_refusal(staff_client, readers):
    page = text_of(
        staff_client.post(TOOLS, form(system_info={"is_on": None}, current_time=only("Strangers")))
    )

    assert '<input type="checkbox" name="system_info-is_on" id="id_system_info-is_on">' in page


@pytest.mark.parametrize(
    "offers",
    [
        {"launch_rockets": Offer()},
        {"current_time": Offer(groups=frozenset({"Strangers"}))},
        {"current_time": Offer(groups=frozenset())},
        {"system_info": Offer(is_on=False), "current_time": Offer(groups=frozenset({"readers"}))},
    ],
)
def test_the_service_checks_names_itself_and_stores_all_or_nothing(readers, offers):
    with pytest.raises(Refused):
        tool_settings.save(offers, registered=ALL)

    assert not Setting.objects.exists()


def test_a_tool_that_is_off_may_be_for_no_group(db):
    tool_settings.save({"current_time": Offer(is_on=False, groups=frozenset())}, registered=ALL)

    assert stored() == {"disabled": ["current_time"], "groups": {"current_time": []}}


# --- Who may -----------------------------------------------------------------------------------------


def test_only_who_may_change_settings_gets_in(client, ada, ada_client, eve, eve_client):
    assert client.post(TOOLS, form())["Location"].startswith("/login/")
    assert ada_client.post(TOOLS, form()).status_code == 404

    granted(ada, "manage_people", "manage_keys")
    assert ada_client.get(TOOLS).status_code == 403
    assert ada_client.post(TOOLS, form(current_time={"is_on": None})).status_code == 403
    assert TOOLS not in text_of(ada_client.get("/admin/"))
    assert not Setting.objects.exists()

    granted(eve, "manage_tools")
    assert TOOLS in text_of(eve_client.get("/admin/"))
    assert eve_client.post(TOOLS, form(current_time={"is_on": None})).status_code == 302
    assert stored() == {"disabled": ["current_time"], "groups": {}}


def test_only_a_post_with_a_token_changes_something(staff):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)

    assert client.get(TOOLS, form(current_time={"is_on": None})).status_code == 200
    assert client.post(TOOLS, form(current_time={"is_on": None})).status_code == 403
    assert client.put(TOOLS).status_code in (403, 405)
    assert not Setting.objects.exists()


# --- Groups that come and go -----------------------------------------------------------------------


def test_a_deleted_group_does_not_open_its_tool_to_everyone(staff_client, ada, eve, readers):
    readers.user_set.add(ada)
    staff_client.post(TOOLS, form(current_time=only("Readers")))
    assert "current_time" in offered(ada)

    staff_client.post(f"{GROUPS}{readers.pk}/delete/", {"post": "yes"})

    assert not roles.team_groups().exists()
    assert "current_time" not in offered(ada) + offered(eve)
    page = text_of(staff_client.get(TOOLS))
    assert "No group is called “Readers” any more: the name lets nobody in." in page
    assert "Readers (deleted)" in page

    # Whoever saves the page for another reason keeps it closed.
    staff_client.post(TOOLS, form(current_time=only("Readers"), system_info={"is_on": None}))
    assert stored() == {"disabled": ["system_info"], "groups": {"current_time": ["Readers"]}}
    # The name is no choice for other tools.
    assert staff_client.post(TOOLS, form(system_info=only("Readers"))).status_code == 422


def test_a_renamed_group_keeps_its_tools(staff_client, ada, readers):
    readers.user_set.add(ada)
    staff_client.post(TOOLS, form(current_time=only("Readers")))

    staff_client.post(f"{GROUPS}{readers.pk}/change/", {"name": "Reviewers", "members": [ada.pk]})

    assert stored() == {"disabled": [], "groups": {"current_time": ["Reviewers"]}}
    assert "current_time" in offered(ada)


@pytest.mark.parametrize("value", [None, "unreadable", {"disabled": ["system_info"]}])
def test_a_rename_leaves_other_settings_alone(db, value):
    if value is not None:
        Setting.objects.create(name="tools", value=value)

    tool_settings.rename_group("Readers", "Reviewers")

    assert list(Setting.objects.values_list("value", flat=True)) == ([] if value is None else [value])


def test_the_query_count_does_not_grow(staff_client, readers, django_assert_max_num_queries):
    def queries() -> int:
        with django_assert_max_num_queries(30) as captured:
            staff_client.get(TOOLS)
        return len(captured)

    queries()
    few = queries()
    names = [f"Group {number}" for number in range(20)]
    for name in names:
        Group.objects.create(name=name).user_set.add(factories.person(name.lower().replace(" ", "-")))
    tool_settings.save({name: Offer(groups=frozenset(names)) for name in ALL}, registered=ALL)

    assert queries() == few


# --- A tool that is defined otherwise --------------------------------------------------------------


def test_a_tool_whose_definition_changed_is_off_until_an_admin_has_seen_it(
    ada: User, staff_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering.remember_new_tools()
    real = registry.get("current_time")
    assert real
    assert "current_time" in offered(ada)

    monkeypatch.setitem(
        registry._tools, "current_time", tool(real.run, name="current_time", description="Sends it all away")
    )

    assert "current_time" not in offered(ada)
    page = text_of(staff_client.get(TOOLS))
    assert "has changed since an admin last looked" in page
    assert "Sends it all away" in page
    staff_client.post(TOOLS, form())
    assert "current_time" in offered(ada)


def test_what_was_remembered_once_is_not_overwritten_by_a_restart(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering.remember_new_tools()
    real = registry.get("current_time")
    assert real
    monkeypatch.setitem(registry._tools, "current_time", tool(real.run, name="current_time"))

    offering.remember_new_tools()

    assert "current_time" not in offered(ada)
