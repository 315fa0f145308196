"""Temporary conversations on the page."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, User
from conversations.services import site_settings, temporary
from tests import factories


@pytest.fixture
def offered(db: None) -> None:
    factories.model(is_default=True)


def send(client: Client, **fields: object) -> object:
    return client.post("/send/", {"send_id": uuid.uuid4(), "text": "Hello", **fields})


@pytest.mark.usefixtures("offered")
def test_a_conversation_begun_as_temporary_ends_in_a_day_and_says_so(ada_client: Client) -> None:
    before = timezone.now()

    send(ada_client, temporary="on")

    conversation = Conversation.objects.get()
    assert conversation.expires_at is not None
    assert before + temporary.LIFE <= conversation.expires_at <= timezone.now() + temporary.LIFE
    page = ada_client.get(conversation.get_absolute_url()).content.decode()
    assert "Temporary: erased tomorrow" in page
    assert "Keep this conversation" in page


@pytest.mark.usefixtures("offered")
def test_an_ordinary_conversation_is_kept(ada_client: Client) -> None:
    send(ada_client)

    conversation = Conversation.objects.get()
    assert conversation.expires_at is None
    assert "Keep this conversation" not in ada_client.get(conversation.get_absolute_url()).content.decode()


@pytest.mark.usefixtures("offered")
def test_it_can_be_kept_after_all(ada_client: Client) -> None:
    send(ada_client, temporary="on")
    conversation = Conversation.objects.get()

    answer = ada_client.post(f"/c/{conversation.public_id}/keep/")

    assert answer.status_code == 302
    conversation.refresh_from_db()
    assert conversation.expires_at is None


@pytest.mark.usefixtures("offered")
def test_where_admins_do_not_allow_it_nothing_is_offered_and_nothing_is_sent(ada_client: Client) -> None:
    site_settings.save({site_settings.TEMPORARY.name: False})

    assert 'name="temporary"' not in ada_client.get("/").content.decode()
    answer = send(ada_client, temporary="on")

    assert answer.status_code == 422
    assert "Hello" in answer.content.decode()
    assert not Conversation.objects.exists()


def test_the_empty_page_offers_it(ada_client: Client) -> None:
    assert 'name="temporary"' in ada_client.get("/").content.decode()


def test_what_has_ended_is_gone_before_it_is_erased(ada: User, ada_client: Client) -> None:
    turn = factories.ask(ada)
    Conversation.objects.filter(pk=turn.conversation.pk).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )

    assert ada_client.get(turn.conversation.get_absolute_url()).status_code == 404
    assert "What is a monad" not in ada_client.get("/").content.decode()
