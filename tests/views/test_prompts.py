"""The pages of prompts, and what the composer asks of them."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from conversations.models import Prompt, User
from tests import factories

FORM = {"name": "Summary", "text": "Sum up {{what}}."}


@pytest.fixture
def team(ada: User, bob: User) -> Group:
    group = Group.objects.create(name="Editors")
    group.user_set.add(ada, bob)
    return group


def test_a_prompt_is_made_shared_changed_and_found(
    ada_client: Client, bob_client: Client, team: Group
) -> None:
    answer = ada_client.post("/prompts/new/", FORM | {"groups": [team.pk], "description": " One \n line "})

    assert (answer.status_code, answer["Location"]) == (302, "/prompts/")
    prompt = Prompt.objects.get()
    assert (prompt.description, list(prompt.groups.all())) == ("One line", [team])
    assert "Sum up {{what}}." in bob_client.get("/prompts/?q=summ").content.decode()
    assert "Summary" not in bob_client.get("/prompts/?q=nothing+like+it").content.decode()
    edit = f"/prompts/{prompt.public_id}/edit/"
    assert f'value="{team.pk}" id="id_groups_0" checked' in ada_client.get(edit).content.decode()
    ada_client.post(edit, FORM | {"name": "Digest", "is_for_everybody": "on"})
    prompt.refresh_from_db()
    assert (prompt.name, prompt.is_for_everybody, list(prompt.groups.all())) == ("Digest", True, [])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": ""}, "It needs a name"),
        ({"text": "  \n "}, "A prompt needs a text"),
        ({"text": "x" * 100_001}, "at most 100000 characters"),
        ({"name": "Taken"}, "another prompt named"),
        ({"groups": ["999999"]}, "groups that you are in"),
        ({"name": "x" * 61}, "at most 60"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    ada: User, ada_client: Client, team: Group, change: dict, sentence: str
) -> None:
    factories.prompt(ada, "Taken")

    answer = ada_client.post("/prompts/new/", FORM | {"description": "Typed <long>"} | change)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in html
    assert "Typed &lt;long&gt;" in html
    assert Prompt.objects.count() == 1


def test_a_deletion_can_be_undone(ada: User, ada_client: Client, bob_client: Client) -> None:
    prompt = factories.prompt(ada, is_for_everybody=True)

    answer = ada_client.post(f"/prompts/{prompt.public_id}/delete/")

    page = ada_client.get(answer["Location"]).content.decode()
    assert "“Summary” was deleted." in page
    assert "was deleted" not in bob_client.get(answer["Location"]).content.decode()
    assert ada_client.get(f"/prompts/{prompt.public_id}/edit/").status_code == 404
    ada_client.post(f"/prompts/{prompt.public_id}/restore/")
    page = ada_client.get(answer["Location"]).content.decode()
    assert "“Summary” is back." in page
    assert "was deleted" not in page


def test_who_may_only_see_a_prompt_copies_it_and_changes_nothing(
    ada: User, bob: User, bob_client: Client
) -> None:
    prompt = factories.prompt(ada, is_for_everybody=True)
    address = f"/prompts/{prompt.public_id}"

    for verb in ("edit", "delete", "restore"):
        assert bob_client.post(f"{address}/{verb}/", FORM).status_code == 404
    assert f"{address}/edit/" not in bob_client.get("/prompts/").content.decode()
    answer = bob_client.post(f"{address}/copy/")

    own = Prompt.objects.get(owner=bob)
    assert answer["Location"] == f"/prompts/{own.public_id}/edit/"
    assert bob_client.get(answer["Location"]).status_code == 200


def test_the_composer_is_told_names_and_one_text_with_its_fields(
    ada: User, bob_client: Client, ada_client: Client
) -> None:
    private = factories.prompt(ada, "Private", text="Mine")
    prompt = factories.prompt(
        ada, "Letter <b>", is_for_everybody=True, text="Dear {{name}},\n<i>{{what}}</i>"
    )

    choices = bob_client.get("/prompts/choose/").content.decode()
    use = bob_client.get(f"/prompts/{prompt.public_id}/use/").content.decode()

    assert "Letter &lt;b&gt;" in choices
    assert "by ada" in choices
    assert "Private" not in choices
    assert "Dear" not in choices
    assert '<label for="variable-2">what</label>' in use
    assert '<span data-variable="0">,\n&lt;i&gt;</span><span data-variable="2">{{what}}</span>' in use
    assert bob_client.get(f"/prompts/{private.public_id}/use/").status_code == 404
    assert "data-fill=" not in ada_client.get(f"/prompts/{private.public_id}/use/").content.decode()


def test_pages_lead_on(ada: User, ada_client: Client) -> None:
    for number in range(30):
        factories.prompt(ada, f"Prompt {number:02}")

    first = ada_client.get("/prompts/?q=prompt").content.decode()
    second = ada_client.get("/prompts/?q=prompt&page=2").content.decode()

    assert "?q=prompt&amp;page=2" in first
    assert first.count("shelf-card") == 24
    assert second.count("shelf-card") == 6
    assert "page=3" not in second


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(("address", "queries"), [("/prompts/", 6), ("/prompts/choose/", 3)])
def test_a_longer_list_takes_no_more_queries(
    ada: User,
    bob_client: Client,
    team: Group,
    count: int,
    address: str,
    queries: int,
    django_assert_num_queries,
) -> None:
    for number in range(count):
        factories.prompt(ada, f"Prompt {number}", groups=(team,))
    bob_client.get(address)

    with django_assert_num_queries(queries):
        html = bob_client.get(address).content.decode()

    assert f"Prompt {count - 1}" in html


def test_made_up_ids_are_nobodys(ada_client: Client) -> None:
    for verb in ("edit", "delete", "restore", "copy"):
        assert ada_client.post(f"/prompts/{uuid.uuid4()}/{verb}/").status_code == 404
