"""Which models a person may use, what their new conversations begin with, and that every verb asks."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group

from conversations.models import AuditEntry, Conversation, GenerationState, Model, ModelDefault, SendKind
from conversations.services import (
    catalog,
    continuing,
    lines,
    model_settings,
    organising,
    rearranging,
    sending,
    versions,
)
from conversations.services.errors import Refused
from conversations.services.model_settings import Changes
from tests import factories


@pytest.fixture
def research(db):
    return Group.objects.create(name="Research")


@pytest.fixture
def limited(research, ada):
    """“deep” is for Research, and Ada is in it; “gpt-4o” is for everybody."""
    factories.model("gpt-4o", is_default=True)
    model = factories.model("deep")
    model.groups.add(research)
    ada.groups.add(research)
    return model


def names(person) -> list[str]:
    return [model.name for model in catalog.offered_models(person)]


# --- Who may ---------------------------------------------------------------------------------------


def test_a_model_without_groups_is_for_everybody_and_one_with_groups_for_their_people(limited, ada, bob):
    assert names(ada) == ["deep", "gpt-4o"]
    assert names(bob) == ["gpt-4o"]
    assert names(None) == ["gpt-4o"]


def test_one_of_several_groups_is_enough_and_counts_once(limited, ada, research):
    other = Group.objects.create(name="Other")
    limited.groups.add(other)
    ada.groups.add(other)

    assert names(ada) == ["deep", "gpt-4o"]


def test_who_leaves_the_group_loses_the_model_at_once(limited, ada, research):
    ada.groups.remove(research)

    assert names(ada) == ["gpt-4o"]


def test_an_owner_is_no_exception(limited, db):
    assert names(factories.person("root", is_superuser=True)) == ["gpt-4o"]


@pytest.mark.parametrize("count", [1, 20])
def test_what_is_offered_costs_one_query(ada, research, count, django_assert_num_queries):
    for number in range(count):
        factories.model(f"m-{number}").groups.add(research)
    ada.groups.add(research)
    ModelDefault.objects.create(group=research, model=Model.objects.first())

    with django_assert_num_queries(1):
        assert len(catalog.offered_models(ada)) == count
    with django_assert_num_queries(1):
        assert catalog.default_model(ada).name == "m-0"


# --- What one begins with --------------------------------------------------------------------------


def test_a_person_begins_with_their_first_group_s_default_else_with_everyone_s(limited, ada, bob, research):
    assert catalog.default_model(ada).name == "gpt-4o"
    model_settings.set_group_defaults(limited, [research])

    assert catalog.default_model(ada).name == "deep"
    assert catalog.default_model(bob).name == "gpt-4o"

    earlier = Group.objects.create(name="Analysts")
    ada.groups.add(earlier)
    assert catalog.default_model(ada).name == "deep"
    model_settings.set_group_defaults(Model.objects.get(name="gpt-4o"), [earlier])
    assert catalog.default_model(ada).name == "gpt-4o"


def test_a_group_s_default_that_its_people_may_not_use_is_passed_over(limited, ada, research):
    model_settings.set_group_defaults(limited, [research])
    Model.objects.filter(pk=limited.pk).update(is_enabled=False)

    assert catalog.default_model(ada).name == "gpt-4o"


def test_a_group_has_one_default_and_both_changes_are_in_the_audit_log(limited, research):
    other = factories.model("other")
    model_settings.set_group_defaults(limited, [research])

    assert model_settings.set_group_defaults(other, [research]) == ["Research"]

    assert ModelDefault.objects.get().model == other
    assert AuditEntry.objects.latest("id").changes == {"default of Research": ["deep", "other"]}
    assert model_settings.set_group_defaults(other, []) == ["Research"]
    assert not ModelDefault.objects.exists()


def test_a_group_can_not_begin_with_what_it_may_not_use(limited, db):
    outside = Group.objects.create(name="Outside")

    with pytest.raises(Refused, match="not for Outside"):
        model_settings.set_group_defaults(limited, [outside])
    Model.objects.filter(name="gpt-4o").update(is_enabled=False)
    with pytest.raises(Refused, match="Enable"):
        model_settings.set_group_defaults(Model.objects.get(name="gpt-4o"), [outside])


def test_the_default_for_everyone_is_for_everybody(limited, research):
    with pytest.raises(Refused, match="limited to groups"):
        catalog.make_default(limited)
    with pytest.raises(Refused, match="everybody begins with"):
        model_settings.set_groups(Model.objects.get(name="gpt-4o"), [research])


def test_a_group_is_not_deleted_from_under_what_is_for_it_alone(limited, research):
    with pytest.raises(Refused, match="deep"):
        model_settings.refuse_to_open(research)

    limited.groups.add(Group.objects.create(name="Other"))
    model_settings.refuse_to_open(research)


# --- Every verb asks -------------------------------------------------------------------------------


def ask(person, model: str, conversation: Conversation | None = None):
    return sending.send_message(
        conversation, author=person, send_id=uuid.uuid4(), text="Why?", model_name=model
    )


@pytest.fixture
def taken_away(limited, ada, research):
    """An answer of “deep” to Ada, who was taken out of Research since."""
    turn = ask(ada, "deep")
    factories.end(turn, GenerationState.INTERRUPTED)
    turn.answer.parts.create(position=0, kind="text", text="Because")
    ada.groups.remove(research)
    return turn


def test_nobody_else_sends_to_it(limited, bob):
    with pytest.raises(Refused, match="deep is not offered"):
        ask(bob, "deep")


def test_a_send_that_names_no_model_takes_the_person_s_own_default(limited, ada, bob, research):
    model_settings.set_group_defaults(limited, [research])

    assert ask(ada, "").generation.model == limited
    assert ask(bob, "").generation.model.name == "gpt-4o"


def test_regenerate_and_retry_are_refused_where_it_was_taken_away(taken_away, ada):
    for kind, model in ((SendKind.REGENERATE, ""), (SendKind.REGENERATE, "deep"), (SendKind.RETRY, "")):
        with pytest.raises(Refused, match="not offered any more"):
            sending.answer_again(
                taken_away.answer, author=ada, send_id=uuid.uuid4(), kind=kind, model_name=model
            )
    sending.answer_again(
        taken_away.answer,
        author=ada,
        send_id=uuid.uuid4(),
        kind=SendKind.REGENERATE,
        model_name="gpt-4o",
    )


def test_continue_edit_and_settings_are_refused_where_it_was_taken_away(taken_away, ada):
    with pytest.raises(Refused, match="not offered any more"):
        continuing.continue_answer(taken_away.answer, author=ada, send_id=uuid.uuid4())
    with pytest.raises(Refused, match="not offered any more"):
        versions.edit_question(taken_away.question, author=ada, send_id=uuid.uuid4(), text="How?")
    conversation = taken_away.conversation
    conversation.model = Model.objects.get(name="gpt-4o")
    with pytest.raises(Refused, match="not offered any more"):
        organising.change_settings(
            conversation,
            model_name="deep",
            system="",
            temperature=None,
            max_tokens=None,
            reasoning_effort="",
        )


def test_a_line_takes_no_question_for_it_and_stands_where_it_was_taken_away(limited, ada, research):
    turn = ask(ada, "deep")
    waiting = lines.send(turn.conversation, author=ada, send_id=uuid.uuid4(), text="Next?", model_name="deep")
    ada.groups.remove(research)

    with pytest.raises(Refused, match="not offered"):
        rearranging.change(waiting, text="Other", model_name="deep")
    with pytest.raises(Refused, match="not offered"):
        lines.send(turn.conversation, author=ada, send_id=uuid.uuid4(), text="More?", model_name="deep")
    factories.end(turn)
    lines.send_next(turn.conversation.pk)
    waiting.refresh_from_db()
    assert "not offered" in waiting.problem


# --- Many at once ----------------------------------------------------------------------------------


def test_many_models_are_changed_at_once_each_with_its_entry(db, research):
    first, second = factories.model("a", wire="responses"), factories.model("b", display_name="Bee")
    same = factories.model("c", is_enabled=False, wire="responses", has_tools=False, order=5)
    same.groups.add(research)

    changed = model_settings.change_many(
        [first.pk, second.pk, same.pk],
        Changes(
            is_enabled=False,
            wire="responses",
            order=5,
            capabilities={"has_tools": False},
            groups=[research],
            clears_display_name=True,
        ),
    )

    assert changed == 2
    rows = Model.objects.order_by("name").values_list(
        "is_enabled", "wire", "order", "has_tools", "display_name"
    )
    assert set(rows) == {(False, "responses", 5, False, "")}
    assert Model.groups.through.objects.count() == 3
    entries = AuditEntry.objects.filter(subject_pk=second.pk)
    assert {entry.action for entry in entries} == {"model.changed", "model.disabled"}
    assert entries.get(action="model.changed").changes == {
        "wire": ["chat_completions", "responses"],
        "order": [100, 5],
        "has_tools": [True, False],
        "display_name": ["Bee", ""],
        "groups": ["everybody", "Research"],
    }
    assert not AuditEntry.objects.filter(subject_pk=same.pk).exists()


def test_many_are_changed_all_or_none(db, research):
    plain, default = factories.model("a"), factories.model("b", is_default=True)

    with pytest.raises(Refused, match="everybody begins with"):
        model_settings.change_many([plain.pk, default.pk], Changes(is_enabled=False, groups=[research]))

    assert set(Model.objects.values_list("is_enabled", flat=True)) == {True}
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [Changes(), Changes(wire="smoke"), Changes(order=10**9), Changes(capabilities={"is_default": True})],
)
def test_what_can_not_be_set_of_many_is_refused(db, changes):
    with pytest.raises(Refused):
        model_settings.change_many([factories.model().pk], changes)


def queries_for(count: int, research, assert_max) -> int:
    made = Model.objects.bulk_create(Model(name=f"m-{count}-{number}") for number in range(count))
    with assert_max(40) as captured:
        model_settings.change_many(
            [model.pk for model in made], Changes(is_enabled=True, order=3, groups=[research])
        )
    return len(captured)


def test_hundreds_take_few_queries(research, django_assert_max_num_queries):
    few = queries_for(1, research, django_assert_max_num_queries)
    many = queries_for(600, research, django_assert_max_num_queries)

    # A batch of rows, and of entries, is a statement each.
    assert many - few <= 16
