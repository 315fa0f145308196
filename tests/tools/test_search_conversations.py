"""The search of a model finds what the person who asks may read, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from conversations.models import User
from conversations.services.errors import Refused
from conversations.tools import search_conversations
from conversations.tools.search_conversations import TOOL
from tests import factories
from tests.tools.making import asked, run


def search(person: User, text: str, **fields: Any) -> dict[str, Any]:
    return search_conversations.search(asked(TOOL, text, person=person, **fields))


def test_it_finds_what_the_person_said_with_its_address(ada: User) -> None:
    ada.time_zone = "Asia/Tokyo"
    turn = factories.ask(ada, "Where does the *quokka* live?")
    factories.ask(ada, "How deep is the sea?")

    said = search(ada, '{"query": "QUOKKA live"}')

    (found,) = said["found"]
    assert not said["there_are_more"]
    conversation = turn.question.conversation
    assert found["title"] == conversation.title
    assert found["snippet"] == "Where does the quokka live?"
    assert found["address"] == f"/c/{conversation.public_id}/#message-{turn.question.public_id}"
    assert found["date"].endswith("+09:00")
    assert "is_this_conversation" not in found


def test_another_persons_conversations_are_never_found(ada: User, bob: User, eve: User) -> None:
    factories.ask(ada, "The lighthouse keeper's diary")
    own = factories.ask(eve, "Something about a lighthouse")

    for query in ("lighthouse", "keeper", "diary", "%", "_", ada.username):
        said = search(eve, json.dumps({"query": query}))
        assert {found["address"].split("/")[2] for found in said["found"]} <= {
            str(own.question.conversation.public_id)
        }
    assert search(bob, '{"query": "lighthouse"}') == {"found": [], "there_are_more": False}


def test_a_model_cannot_name_the_person_to_search_as(ada: User, eve: User) -> None:
    factories.ask(ada, "The lighthouse keeper's diary")
    sent = {"query": "lighthouse", "user": ada.pk, "person": ada.username, "owner_id": ada.pk}

    assert search(eve, json.dumps(sent))["found"] == []


def test_what_was_deleted_is_not_found(ada: User) -> None:
    conversation = factories.ask(ada, "lighthouse").question.conversation
    conversation.deleted_at = timezone.now()
    conversation.save()

    assert search(ada, '{"query": "lighthouse"}')["found"] == []


def test_the_conversation_that_asks_is_marked(ada: User) -> None:
    here = factories.ask(ada, "Find the lighthouse").question.conversation

    (found,) = search(ada, '{"query": "lighthouse"}', conversation=here)["found"]

    assert found["is_this_conversation"] is True


def test_it_returns_no_more_than_asked_for(ada: User) -> None:
    for number in range(12):
        factories.ask(ada, f"Lighthouse {number}")

    five = search(ada, '{"query": "lighthouse"}')
    ten = search(ada, '{"query": "lighthouse", "limit": 10}')

    assert len(five["found"]) == 5
    assert len(ten["found"]) == 10
    assert five["there_are_more"]
    assert five["found"][0]["title"] == "Lighthouse 11"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{}", "`query` is missing."),
        ('{"query": 5}', "`query` must be text, not an integer."),
        ('{"query": "  "}', "`query` must hold a word."),
        ('{"query": "%s"}' % ("x" * 501), "`query` must have at most 500 characters. Send a few words."),
        ('{"query": "x", "limit": 11}', "`limit` must be at most 10."),
        ('{"query": "x", "limit": 0}', "`limit` must be at least 1."),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_in_words(ada: User, text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        search(ada, text)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("query", ["'", '"', "NEAR(", "a:b", "-x", "%", "\\", "\0", "a\u0000b", "*", "😀"])
def test_no_word_makes_it_break(ada: User, query: str) -> None:
    factories.ask(ada, "Nothing of that kind")

    assert search(ada, json.dumps({"query": query}))["found"] == []


@pytest.mark.django_db(transaction=True)
def test_it_searches_from_a_thread_of_its_own() -> None:
    ada = factories.person("ada")
    here = factories.ask(ada, "Where does the quokka live?").question.conversation

    outcome = run(TOOL, '{"query": "quokka"}', person=ada, conversation=here)

    assert json.loads(outcome.result)["found"][0]["title"] == "Where does the quokka live?"
