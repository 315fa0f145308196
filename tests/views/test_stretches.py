"""A long conversation on the page: a part at a time, at the same cost wherever one is in it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conversations.models import Conversation, Message, User
from conversations.services import stretches, tree, versions
from tests import factories, long_conversations


@pytest.fixture
def conversation(ada: User) -> Conversation:
    """Fifty turns: messages of the depths 0 to 99."""
    return long_conversations.make(ada, factories.model(is_default=True), turns=50)


def at(conversation: Conversation, depth: int) -> Message:
    found = Message.objects.filter(conversation=conversation, depth=depth)
    return found.select_related("conversation").order_by("id")[0]


def shown(html: str) -> list[int]:
    """The depths of the messages that a page has."""
    found = re.findall(r"<p>(Question|Answer) (\d{4})\.", html)
    return [int(number) * 2 + (kind == "Answer") for kind, number in found]


def link(html: str, name: str) -> str:
    """The address that the page fetches its next part from."""
    found = re.search(rf'<div id="{name}".*?hx-get="([^"]+)"', html)
    assert found
    return found[1].replace("&amp;", "&")


def page(conversation: Conversation) -> str:
    return conversation.get_absolute_url()


def earlier(conversation: Conversation) -> str:
    return f"{page(conversation)}earlier/?before={at(conversation, 12).public_id}"


def redrawn(conversation: Conversation) -> str:
    return f"{page(conversation)}messages/"


@pytest.mark.parametrize("address", [page, redrawn])
def test_turn_1000_makes_the_queries_of_turn_20_and_sends_a_page_of_the_same_size(
    ada: User, ada_client: Client, address: Callable[[Conversation], str]
) -> None:
    conversation = long_conversations.make(ada, factories.model(is_default=True), turns=20)
    ada_client.get(address(conversation))
    found = []
    for turns in (20, 1000):
        if turns > 20:
            long_conversations.extend(conversation, turns=turns)
        with CaptureQueriesContext(connection) as queries:
            answer = ada_client.get(address(conversation))
        assert answer.status_code == 200
        found.append((len(queries), len(answer.content)))

    (few, small), (many, large) = found
    assert few == many
    assert abs(large - small) < small * 0.02


def test_a_send_at_turn_1000_makes_the_queries_of_turn_10_and_answers_as_much(
    ada: User, ada_client: Client
) -> None:
    model = factories.model(is_default=True)
    found = []
    for turns in (10, 1000):
        conversation = long_conversations.make(ada, model, turns=turns)
        body = {"send_id": str(uuid.uuid4()), "text": "And now?", "model": model.name}
        with CaptureQueriesContext(connection) as queries:
            answer = ada_client.post(f"{page(conversation)}send/", body, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        found.append((len(queries), len(answer.content)))

    (few, small), (many, large) = found
    assert few == many
    assert abs(large - small) < small * 0.05


def test_the_page_has_the_end_and_a_link_to_what_is_above(
    ada_client: Client, conversation: Conversation
) -> None:
    html = ada_client.get(page(conversation)).text

    assert shown(html) == list(range(70, 100))
    assert ">Earlier messages</a>" in html
    assert f"?m={at(conversation, 70).public_id}" in html
    assert "Later messages" not in html


def test_scrolling_up_brings_part_after_part_until_the_first_message(
    ada_client: Client, conversation: Conversation
) -> None:
    html = ada_client.get(page(conversation)).text
    parts = []
    while '<div id="earlier"' in html:
        html = ada_client.get(link(html, "earlier"), headers={"HX-Request": "true"}).text
        parts.append(shown(html))

    assert parts == [list(range(40, 70)), list(range(10, 40)), list(range(10))]


def test_a_link_to_an_old_message_opens_the_part_around_it(
    ada_client: Client, conversation: Conversation
) -> None:
    html = ada_client.get(f"{page(conversation)}?m={at(conversation, 35).public_id}").text

    assert shown(html) == list(range(25, 55))
    assert ">Earlier messages</a>" in html
    assert ">Later messages</a>" in html
    # What draws this page anew draws the same part.
    again = re.search(r'data-url="([^"]+/messages/[^"]*)"', html)
    assert again
    assert 35 in shown(ada_client.get(again[1]).text)


def test_reading_on_from_there_leads_to_the_end(ada_client: Client, conversation: Conversation) -> None:
    html = ada_client.get(f"{page(conversation)}?m={at(conversation, 20).public_id}").text
    parts = [shown(html)]
    while '<div id="later"' in html:
        html = ada_client.get(link(html, "later"), headers={"HX-Request": "true"}).text
        parts.append(shown(html))

    assert sum(parts, []) == list(range(10, 100))


@pytest.mark.parametrize("depth", [0, 29, 79, 80, 99])
def test_a_message_near_an_end_opens_a_full_page(
    ada_client: Client, conversation: Conversation, depth: int
) -> None:
    html = ada_client.get(f"{page(conversation)}?m={at(conversation, depth).public_id}").text

    assert depth in shown(html)
    assert len(shown(html)) == stretches.PAGE


def test_a_page_that_was_opened_further_up_still_offers_to_stop_the_running_answer(
    ada: User, ada_client: Client, conversation: Conversation
) -> None:
    turn = factories.ask(ada, "And now?", conversation=conversation)

    html = ada_client.get(f"{page(conversation)}?m={at(conversation, 5).public_id}").text

    assert f'formaction="/m/{turn.answer.public_id}/stop/"' in html
    assert f".{0}" in re.findall(r'data-events="[^"]*cursor=([^"]*)"', html)[0]


def test_a_message_of_another_version_is_offered_and_not_switched_to(
    ada: User, ada_client: Client, conversation: Conversation
) -> None:
    old = at(conversation, 60)
    versions.edit_question(at(conversation, 40), author=ada, send_id=uuid.uuid4(), text="Otherwise")
    leaf = Conversation.objects.get().current_leaf_id

    html = ada_client.get(f"{page(conversation)}?m={old.public_id}").text

    assert "This message is in another version." in html
    assert f'hx-post="/m/{old.public_id}/show/"' in html
    assert Conversation.objects.get().current_leaf_id == leaf


def test_another_version_far_up_is_shown_where_it_stands(
    ada: User, ada_client: Client, conversation: Conversation
) -> None:
    versions.edit_question(at(conversation, 20), author=ada, send_id=uuid.uuid4(), text="Otherwise")

    answer = ada_client.post(f"/m/{at(conversation, 20).public_id}/show/", headers={"HX-Request": "true"})

    assert 20 in shown(answer.text)
    assert 99 not in shown(answer.text)


@pytest.mark.parametrize("name", ["earlier/?before=", "later/?after="])
@pytest.mark.parametrize("whose", ["nobodys", "of_another_conversation", "nonsense"])
def test_a_part_beside_a_message_that_is_not_of_this_conversation_is_not_found(
    ada: User, ada_client: Client, conversation: Conversation, name: str, whose: str
) -> None:
    other = long_conversations.make(ada, conversation.model, turns=2)  # type: ignore[arg-type]
    named: dict[str, Any] = {
        "nobodys": uuid.uuid4(),
        "of_another_conversation": at(other, 1).public_id,
        "nonsense": "x",
    }

    assert ada_client.get(f"{page(conversation)}{name}{named[whose]}").status_code == 404
    # A page that is opened at such a message opens at its end.
    assert shown(ada_client.get(f"{page(conversation)}?m={named[whose]}").text)[-1] == 99


def test_what_follows_a_message_that_is_not_shown_any_more_is_nothing(
    ada: User, ada_client: Client, conversation: Conversation
) -> None:
    left = at(conversation, 60)
    versions.edit_question(at(conversation, 40), author=ada, send_id=uuid.uuid4(), text="Otherwise")

    answer = ada_client.get(f"{page(conversation)}later/?after={left.public_id}")

    assert answer.status_code == 200
    assert shown(answer.text) == []


def test_a_deep_link_reads_no_more_messages_than_a_page_has(
    ada_client: Client, conversation: Conversation
) -> None:
    address = f"{page(conversation)}?m={at(conversation, 5).public_id}"
    with CaptureQueriesContext(connection) as few:
        ada_client.get(address)
    long_conversations.extend(conversation, turns=300)

    with CaptureQueriesContext(connection) as many:
        answer = ada_client.get(address)

    assert len(shown(answer.text)) == stretches.PAGE
    assert len(many) == len(few)


def test_the_ids_of_a_branch_are_cut_at_so_many(conversation: Conversation) -> None:
    leaf = conversation.current_leaf
    assert leaf

    found = Message.objects.filter(pk__in=tree.branch_ids(leaf.pk, most=3)).order_by("depth")

    assert [message.depth for message in found] == [97, 98, 99]
