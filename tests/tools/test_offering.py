"""Which tools a person may use."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from conversations.models import Conversation, Setting, User
from conversations.tools import offering, registry

ALL = ["random_generator", "system_info", "math_calculator", "current_time", "search_conversations"]


def names(user: User) -> list[str]:
    return [tool.name for tool in offering.offered_to(user)]


def test_all_are_offered_where_no_admin_said_otherwise(ada: User) -> None:
    assert names(ada) == ALL


def test_a_disabled_tool_is_offered_to_nobody(ada: User, staff: User) -> None:
    Setting.objects.create(name="tools", value={"disabled": ["system_info", "gone"]})

    assert names(ada) == names(staff) == [name for name in ALL if name != "system_info"]


def test_a_tool_of_a_group_is_offered_to_its_members(ada: User, eve: User) -> None:
    Setting.objects.create(
        name="tools", value={"groups": {"search_conversations": ["Readers", "Editors"], "current_time": []}}
    )
    ada.groups.add(Group.objects.create(name="Editors"))
    eve.groups.add(Group.objects.create(name="editors"))

    assert names(ada) == [name for name in ALL if name != "current_time"]
    assert names(eve) == ["random_generator", "system_info", "math_calculator"]


def test_who_may_not_sign_in_is_offered_nothing(ada: User) -> None:
    ada.is_active = False

    assert names(ada) == []


@pytest.mark.parametrize(
    "value",
    [[], "none", 1, {"disabled": "system_info"}, {"disabled": [1]}, {"groups": []}, {"groups": {"x": "y"}}],
)
def test_a_setting_that_cannot_be_read_switches_off(ada: User, value: object) -> None:
    Setting.objects.create(name="tools", value=value)

    assert names(ada) == []


def test_a_conversation_has_what_it_chose_and_its_person_may_use(ada: User) -> None:
    Setting.objects.create(name="tools", value={"disabled": ["system_info"]})
    chosen = ["search_conversations", "system_info", "random_generator", "unknown", 7]
    conversation = Conversation(owner=ada, parameters={"tools": chosen})

    found = offering.chosen_for(conversation, ada)

    assert found == [registry.get("random_generator"), registry.get("search_conversations")]


@pytest.mark.parametrize("parameters", [{}, {"tools": []}, {"tools": None}, {"tools": "current_time"}])
def test_a_conversation_that_chose_nothing_has_none(ada: User, parameters: dict[str, object]) -> None:
    assert offering.chosen_for(Conversation(owner=ada, parameters=parameters), ada) == []


def test_the_query_count_does_not_grow(ada: User, django_assert_num_queries) -> None:
    Setting.objects.create(name="tools", value={"groups": {name: ["x"] for name in ALL}})

    with django_assert_num_queries(2):
        offering.offered_to(ada)
