"""Sends that met an ended sign-in: only for their author, once, and never lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core import signing
from django.utils import timezone

from conversations.models import (
    Attachment,
    Conversation,
    Message,
    PendingSend,
    Role,
    Send,
    User,
)
from conversations.services import drafts, lines, organising, pending_sends
from conversations.services.errors import Refused
from tests import factories
from tests.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


def keep(author: User, text: str = "Kept", **given: Any) -> None:
    fields = {"conversation_id": None, "send_id": uuid.uuid4(), "model_name": "", "tools": None}
    pending_sends.keep(author, text=text, **(fields | {"attachment_ids": ()} | given))


def asked() -> list[str]:
    questions = Message.objects.filter(role=Role.USER).order_by("id")
    return [message.parts.get().text for message in questions]


# --- The signed field -----------------------------------------------------------------------------------


def test_the_field_names_its_author(ada: User, eve: User) -> None:
    signed = pending_sends.sign(ada)

    assert pending_sends.author_of(signed) == ada
    assert pending_sends.names_another(eve, signed)
    assert not pending_sends.names_another(ada, signed)


def test_a_forged_field_names_nobody(ada: User) -> None:
    for forged in ("", "x", "x:y:z", signing.dumps("a"), signing.dumps(["a", "b"])):
        assert pending_sends.author_of(forged) is None
        assert not pending_sends.names_another(ada, forged)


def test_a_field_of_another_shape_names_nobody() -> None:
    for value in ("ab", ["a"], ["a", "b", "c"], 5, None, {"a": 1}, [[], {}]):
        signed = signing.dumps(value, salt="conversations.pending_sends")
        assert pending_sends.author_of(signed) is None


def test_a_new_password_and_a_deactivation_end_the_field(ada: User) -> None:
    signed = pending_sends.sign(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert pending_sends.author_of(signed) is None
    User.objects.filter(pk=ada.pk).update(is_active=True)

    ada.set_password("another horse")
    ada.save()

    assert pending_sends.author_of(signed) is None


# --- Once, and only for its author ------------------------------------------------------------------------


def test_what_was_kept_is_sent_once(ada: User) -> None:
    keep(ada)

    outcome = pending_sends.carry_out(ada)

    assert outcome.conversation
    assert outcome.conversation.owner == ada
    assert asked() == ["Kept"]
    assert not pending_sends.carry_out(ada).is_any
    assert asked() == ["Kept"]


def test_the_same_send_kept_five_times_is_one(ada: User) -> None:
    send_id = uuid.uuid4()
    for _ in range(5):
        keep(ada, send_id=send_id)

    pending_sends.carry_out(ada)

    assert asked() == ["Kept"]


def test_what_got_through_in_the_end_is_not_sent_again(ada: User) -> None:
    send_id = uuid.uuid4()
    keep(ada, send_id=send_id)
    lines.send(None, author=ada, send_id=send_id, text="Kept", model_name="")

    outcome = pending_sends.carry_out(ada)

    assert outcome.conversation == Conversation.objects.get()
    assert Send.objects.count() == 1


def test_several_are_sent_in_their_order_behind_one_another(ada: User) -> None:
    conversation = factories.ask(ada, "First").conversation
    for text in ("Second", "Third"):
        keep(ada, text, conversation_id=conversation.public_id)

    pending_sends.carry_out(ada)

    assert [waiting.text for waiting in lines.of(conversation).entries] == ["Second", "Third"]


@pytest.mark.django_db(transaction=True)
def test_two_sign_ins_at_once_send_it_once(ada: User) -> None:
    keep(ada)
    keep(ada, "Refused", model_name="gone")

    side_by_side(*[partial(pending_sends.carry_out, ada)] * 4)

    assert asked() == ["Kept"]
    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == "Refused"
    assert not PendingSend.objects.exists()


def test_somebody_else_s_sign_in_neither_sends_nor_sees_it(ada: User, eve: User) -> None:
    keep(ada)

    assert not pending_sends.carry_out(eve).is_any
    assert asked() == []
    assert PendingSend.objects.get().author == ada


def test_another_person_s_conversation_and_picture_are_not_reached(ada: User, eve: User) -> None:
    hers = factories.ask(ada, "Hers").conversation
    picture = Attachment.objects.create(owner=ada, source_url="https://example.com/a.png")
    keep(eve, "In there", conversation_id=hers.public_id)
    keep(eve, "With that", attachment_ids=[picture.public_id])

    outcome = pending_sends.carry_out(eve)

    assert len(outcome.problems) == 2
    assert asked() == ["Hers"]
    picture.refresh_from_db()
    assert (picture.message, picture.draft, picture.waiting) == (None, None, None)
    draft = drafts.of(eve, None)
    assert draft
    assert draft.text == "In there\n\nWith that"


def test_the_draft_of_what_is_sent_goes_with_it(ada: User) -> None:
    drafts.save(ada, None, text="Kep")
    keep(ada)

    pending_sends.carry_out(ada)

    assert drafts.of(ada, None) is None


# --- What can't be sent -----------------------------------------------------------------------------------


def test_what_is_refused_becomes_the_draft_with_the_sentence(ada: User) -> None:
    conversation = factories.ask(ada).conversation
    keep(ada, conversation_id=conversation.public_id, model_name="gone")

    outcome = pending_sends.carry_out(ada)

    assert outcome.conversation == conversation
    assert "gone is not offered" in outcome.problems[0]
    draft = drafts.of(ada, conversation)
    assert draft
    assert draft.text == "Kept"


def test_a_draft_that_holds_the_text_already_does_not_get_it_twice(ada: User) -> None:
    drafts.save(ada, None, text="Kept")
    keep(ada, model_name="gone")

    pending_sends.carry_out(ada)

    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == "Kept"


def test_a_conversation_that_was_deleted_meanwhile_leaves_the_text_at_the_empty_page(ada: User) -> None:
    conversation = factories.ask(ada).conversation
    keep(ada, conversation_id=conversation.public_id)
    organising.delete(conversation)

    outcome = pending_sends.carry_out(ada)

    assert "deleted" in outcome.problems[0]
    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == "Kept"


def test_a_message_whose_files_were_lost_is_not_sent_without_them(ada: User) -> None:
    keep(ada, lost_files=True)

    outcome = pending_sends.carry_out(ada)

    assert "Attach them again" in outcome.problems[0]
    assert asked() == []


def test_ten_wait_for_one_person_and_the_eleventh_is_refused_in_words(ada: User, bob: User) -> None:
    send_id = uuid.uuid4()
    keep(ada, "Zero", send_id=send_id)
    for number in range(pending_sends.PER_PERSON - 1):
        keep(ada, f"Text {number}")

    with pytest.raises(Refused, match="10 messages wait"):
        keep(ada, "One more")
    keep(ada, "Zero, changed", send_id=send_id)
    keep(bob, "His own")

    assert PendingSend.objects.filter(author=ada).count() == 10


def test_what_nobody_calls_for_becomes_a_draft_and_a_deactivated_person_s_is_removed(
    ada: User, bob: User
) -> None:
    for person in (ada, bob):
        keep(person)
    User.objects.filter(pk=bob.pk).update(is_active=False)

    assert pending_sends.expire(timezone.now() - timedelta(days=7)) == 0
    assert pending_sends.expire(timezone.now()) == 1

    assert drafts.of(ada, None)
    assert drafts.of(bob, None) is None
    assert asked() == []
    assert not PendingSend.objects.exists()
