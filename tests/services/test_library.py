"""Prompts and assistants: who may see, share, change and bring back what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from conversations.models import Assistant, Prompt, User
from conversations.services import library, prompts
from conversations.services.errors import Refused
from tests import factories


@pytest.fixture
def team(ada: User, bob: User) -> Group:
    group = Group.objects.create(name="Editors")
    group.user_set.add(ada, bob)
    return group


def seen_by(person: User) -> set[str]:
    return set(Prompt.objects.visible_to(person).values_list("name", flat=True))


def test_one_sees_ones_own_what_everybody_and_what_a_group_of_ones_own_may_see(
    ada: User, bob: User, eve: User, team: Group
) -> None:
    factories.prompt(ada, "Private")
    factories.prompt(ada, "Team", groups=(team,))
    factories.prompt(ada, "All", is_for_everybody=True)

    assert seen_by(ada) == {"Private", "Team", "All"}
    assert seen_by(bob) == {"Team", "All"}
    assert seen_by(eve) == {"All"}
    team.user_set.remove(bob)
    assert seen_by(bob) == {"All"}


def test_a_row_that_is_shared_twice_is_listed_once(ada: User, bob: User, team: Group) -> None:
    other = Group.objects.create(name="Writers")
    other.user_set.add(bob)
    factories.prompt(ada, groups=(team, other), is_for_everybody=True)

    assert len(library.page_of(Prompt, bob).rows) == 1


def test_what_is_deleted_is_nobodys_until_it_is_brought_back(ada: User, bob: User) -> None:
    prompt = factories.prompt(ada, is_for_everybody=True)

    library.delete(prompt)

    assert seen_by(ada) == seen_by(bob) == set()
    assert library.deleted_of(Prompt, ada, prompt.public_id) == prompt
    assert library.deleted_of(Prompt, bob, prompt.public_id) is None
    library.restore(prompt)
    assert seen_by(bob) == {"Summary"}


def test_a_name_is_taken_once_per_owner(ada: User, bob: User) -> None:
    prompt = factories.prompt(ada)
    library.store(Prompt(owner=bob, name="Summary", text="His own"), groups=())

    with pytest.raises(Refused, match="another prompt named “Summary”"):
        library.store(Prompt(owner=ada, name="Summary", text="Again"), groups=())
    library.delete(prompt)
    library.store(Prompt(owner=ada, name="Summary", text="Again"), groups=())
    with pytest.raises(Refused, match="another prompt"):
        library.restore(prompt)
    prompt.refresh_from_db()
    assert prompt.deleted_at


def test_sharing_reaches_only_groups_that_one_is_in(ada: User, team: Group) -> None:
    foreign = Group.objects.create(name="Board")
    role = Group.objects.get_or_create(name="Member")[0]
    role.user_set.add(ada)

    assert list(library.groups_for(ada)) == [team]
    for group in (foreign, role):
        with pytest.raises(Refused, match="groups that you are in"):
            library.store(Prompt(owner=ada, name=group.name, text="x"), groups=[group])
    assert not Prompt.objects.exists()


def test_a_group_that_one_has_left_may_stay_and_goes_when_it_is_taken_off(ada: User, team: Group) -> None:
    prompt = factories.prompt(ada, groups=(team,))
    team.user_set.remove(ada)

    library.store(prompt, groups=[team])
    assert list(library.groups_for(ada, prompt)) == [team]
    library.store(prompt, groups=())
    assert not prompt.groups.exists()
    with pytest.raises(Refused):
        library.store(prompt, groups=[team])


def test_a_change_does_not_bring_back_what_another_tab_deleted(ada: User) -> None:
    prompt = factories.prompt(ada)
    library.delete(Prompt.objects.get(pk=prompt.pk))

    with pytest.raises(Refused, match="deleted meanwhile"):
        library.store(prompt, groups=())

    assert seen_by(ada) == set()


def test_there_is_an_end_to_how_many_one_may_keep(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "PER_PERSON", 1)
    prompt = factories.prompt(ada)

    library.store(prompt, groups=())
    with pytest.raises(Refused, match="the most there can be"):
        library.store(Prompt(owner=ada, name="Second", text="x"), groups=())


def test_a_copy_is_ones_own_under_a_free_name_and_nobody_elses(ada: User, bob: User) -> None:
    shared = factories.prompt(ada, "x" * 60, is_for_everybody=True, text="Say {{what}}")

    copies = [prompts.copy(shared, person=bob) for _ in range(3)]

    assert [copy.name[-9:] for copy in copies] == ["xxxxxxxxx", "xx (copy)", " (copy 2)"]
    assert all(copy.owner == bob and copy.text == shared.text for copy in copies)
    assert not any(copy.is_for_everybody for copy in copies)


def test_what_was_deleted_long_ago_is_erased(ada: User) -> None:
    old, new = factories.prompt(ada, "Old"), factories.prompt(ada, "New")
    gone = factories.assistant(ada)
    long_ago = timezone.now() - timedelta(days=40)
    Prompt.objects.filter(pk=old.pk).update(deleted_at=long_ago)
    Assistant.objects.filter(pk=gone.pk).update(deleted_at=long_ago)
    library.delete(new)

    assert library.erase_deleted(timezone.now() - timedelta(days=30)) == 2

    assert [row.name for row in Prompt.objects.all()] == ["New"]


@pytest.mark.parametrize(
    ("text", "variables", "pieces"),
    [
        ("Plain", [], [("Plain", 0)]),
        (
            "{{ a }} and {{b}} and {{a}}",
            ["a", "b"],
            [("{{ a }}", 1), (" and ", 0), ("{{b}}", 2), (" and ", 0), ("{{a}}", 1)],
        ),
        ("{{}} {a} {{a\nb}} {{ }}", [], [("{{}} {a} {{a\nb}} {{ }}", 0)]),
        ("{{{x}}}", ["x"], [("{", 0), ("{{x}}", 1), ("}", 0)]),
    ],
)
def test_variables_are_asked_for_once_each_in_their_order(text: str, variables: list, pieces: list) -> None:
    filling = prompts.filling_of(text)

    assert filling.variables == variables
    assert [(piece.text, piece.variable) for piece in filling.pieces] == pieces


def test_a_text_of_braces_is_taken_apart_quickly_and_loses_nothing() -> None:
    text = "{{a " * 20_000 + "".join(f"{{{{v{number}}}}}" for number in range(40))

    filling = prompts.filling_of(text)

    assert len(filling.variables) == prompts.VARIABLES
    assert "".join(piece.text for piece in filling.pieces) == text
