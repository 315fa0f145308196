"""Promise 19: nobody holds up the others; what is too much is refused in words."""

from __future__ import annotations

import threading
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.generation.relay import hub
from conversations.models import Attachment, Generation, User
from conversations.services import pictures, taking_turns
from conversations.services.errors import Refused
from tests import factories
from tests.services.pictures import picture

HTMX = {"HX-Request": "true"}


def events_of(client: Client, owner: User) -> object:
    return client.get(f"{factories.ask(owner).conversation.get_absolute_url()}events/")


# --- Streams ------------------------------------------------------------------------------------------


def test_too_many_streams_of_one_person_are_refused_in_words_and_hold_up_nobody(
    streams: None,
    ada: User,
    eve: User,
    ada_client: Client,
    eve_client: Client,
    settings: pytest.FixtureRequest,
) -> None:
    settings.STREAMS_MAX_PER_PERSON = 2
    opened = [events_of(ada_client, ada) for _ in range(2)]
    for answer in opened:
        next(answer._iterator)

    refused = events_of(ada_client, ada)
    other = events_of(eve_client, eve)

    assert refused.status_code == 503
    assert refused.content == b"Too many live pages are open."
    assert int(refused["Retry-After"]) > 0
    assert refused["Content-Type"].startswith("text/plain")
    assert other.status_code == 200
    # Whoever closes a page may open another one.
    opened[0]._iterator.close()
    again = events_of(ada_client, ada)
    assert again.status_code == 200
    opened[1]._iterator.close()
    for answer in (again, other):
        answer.close()
    assert hub.admitted == 0


def test_all_streams_together_leave_threads_for_everything_else(
    streams: None,
    ada: User,
    eve: User,
    ada_client: Client,
    eve_client: Client,
    settings: pytest.FixtureRequest,
) -> None:
    assert settings.WEB_THREADS - settings.STREAMS_MAX >= 20
    settings.STREAMS_MAX = 1
    opened = events_of(ada_client, ada)
    next(opened._iterator)

    assert events_of(eve_client, eve).status_code == 503
    assert eve_client.get("/").status_code == 200
    opened._iterator.close()


def test_a_stream_counts_from_the_moment_in_which_it_is_let_in(
    streams: None, ada: User, ada_client: Client, settings: pytest.FixtureRequest
) -> None:
    """Two hundred at once must not all find that there is room."""
    settings.STREAMS_MAX_PER_PERSON = 2

    answers = [events_of(ada_client, ada) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 503, 503]
    for answer in answers[:2]:
        # A page that went before its first byte: the server closes the answer.
        answer.close()
    assert hub.admitted == 0


# --- Waiting answers --------------------------------------------------------------------------------------


def test_too_many_waiting_answers_are_refused_in_words_by_every_door(
    ada: User, eve: User, ada_client: Client, eve_client: Client, settings: pytest.FixtureRequest
) -> None:
    settings.ENGINE_QUEUE_PER_PERSON = 2
    first, _ = factories.ask(ada), factories.ask(ada)
    Generation.objects.filter(message=first.answer).update(state="waiting")
    body = {"text": "One more", "model": ""}

    sent = ada_client.post("/send/", body | {"send_id": str(uuid.uuid4())}, headers=HTMX)
    other = eve_client.post("/send/", body | {"send_id": str(uuid.uuid4())})

    assert sent.status_code == 422
    assert "Too many of your answers are still being written" in sent.content.decode()
    assert "One more" in sent.content.decode()
    assert other.status_code == 302
    settings.ENGINE_QUEUE_PER_PERSON = 1
    Generation.objects.filter(message=first.answer).update(state="stopped", ended_at=first.answer.created_at)
    for verb in ("retry", "regenerate"):
        again = ada_client.post(
            f"/m/{first.answer.public_id}/{verb}/", {"send_id": str(uuid.uuid4())}, headers=HTMX
        )
        assert again.status_code == 422
        assert "Too many of your answers" in again.content.decode()


# --- Pictures -----------------------------------------------------------------------------------------------


def test_full_storage_and_too_many_drafts_are_refused_in_words_through_the_page(
    ada: User, ada_client: Client, eve_client: Client, settings: pytest.FixtureRequest, tmp_path: object
) -> None:
    settings.MEDIA_ROOT = tmp_path

    def upload(client: Client) -> object:
        return client.post("/attachments/", {"file": SimpleUploadedFile("a.png", picture())})

    settings.STORAGE_MAX_BYTES_PER_PERSON = 1
    full = upload(ada_client)
    settings.STORAGE_MAX_BYTES_PER_PERSON = 1_000_000
    settings.ATTACHMENT_MAX_DRAFTS = 2
    taken = [upload(ada_client) for _ in range(2)]
    too_many = upload(ada_client)
    by_address = ada_client.post("/attachments/address/", {"url": "https://example.com/a.png"})

    assert full.status_code == 422
    assert full.content.decode().endswith("that each person has.")
    assert [answer.status_code for answer in taken] == [201, 201]
    for answer in (too_many, by_address):
        assert answer.status_code == 422
        assert answer.content.decode().endswith(".")
    assert upload(eve_client).status_code == 201
    assert Attachment.objects.filter(owner=ada).count() == 2


def test_one_person_s_pictures_wait_for_each_other_and_for_nobody_else() -> None:
    release, entered = threading.Event(), threading.Event()

    def busy() -> None:
        with taking_turns.turn_of(1):
            entered.set()
            release.wait(10)

    thread = threading.Thread(target=busy)
    thread.start()
    assert entered.wait(10)

    with taking_turns.turn_of(2):
        pass
    release.set()
    thread.join(10)
    assert not taking_turns._busy


def test_what_is_no_picture_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_draw", None)

    with pytest.raises(Refused):
        pictures.clean(b"no picture")


# --- Messages -----------------------------------------------------------------------------------------------


def test_more_attachments_than_a_message_carries_are_refused_in_words(
    ada: User, ada_client: Client, settings: pytest.FixtureRequest
) -> None:
    factories.model(is_default=True)
    settings.ATTACHMENT_MAX_PER_MESSAGE = 2
    drafts = [
        Attachment.objects.create(owner=ada, source_url=f"https://example.com/{number}.png")
        for number in range(3)
    ]

    answer = ada_client.post(
        "/send/",
        {"send_id": str(uuid.uuid4()), "text": "Look", "attachments": [d.public_id for d in drafts]},
        headers=HTMX,
    )

    assert answer.status_code == 422
    assert "at most 2 pictures" in answer.content.decode()
