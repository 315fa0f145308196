"""Drafts: kept as they are typed, lost by no tab, gone with the send."""

from __future__ import annotations

import uuid
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from conversations.models import Attachment, Draft, GenerationState, User
from conversations.services import drafts, files, lines
from conversations.services.errors import Refused
from tests import factories
from tests.side_by_side import side_by_side


def picture(owner: User) -> Attachment:
    return Attachment.objects.create(owner=owner, source_url="https://example.com/a.png", name="a")


@pytest.fixture(autouse=True)
def offered(db: None) -> None:
    factories.model("gpt-4o", is_default=True)


def test_a_draft_is_kept_for_each_conversation_and_for_the_empty_page(ada: User) -> None:
    conversation = factories.ask(ada).conversation

    drafts.save(ada, None, text="New", model_name="gpt-4o")
    drafts.save(ada, conversation, text="There")

    new, there = drafts.of(ada, None), drafts.of(ada, conversation)
    assert new
    assert (new.text, new.model_name) == ("New", "gpt-4o")
    assert there
    assert there.text == "There"


def test_a_draft_is_only_its_owner_s(ada: User, eve: User) -> None:
    drafts.save(ada, None, text="Secret")

    assert drafts.of(eve, None) is None
    drafts.save(eve, None, text="Hers")
    assert [draft.text for draft in Draft.objects.order_by("id")] == ["Secret", "Hers"]


def test_an_empty_draft_is_no_row(ada: User) -> None:
    saved = drafts.save(ada, None, text="Something")
    assert saved

    assert drafts.save(ada, None, text=" \n", known=saved.revision) is None
    assert drafts.save(ada, None, text="") is None
    assert not Draft.objects.exists()


def test_a_draft_beyond_the_limit_is_refused_in_words(ada: User, settings: pytest.FixtureRequest) -> None:
    settings.MESSAGE_MAX_CHARACTERS = 10

    with pytest.raises(Refused, match="10 characters"):
        drafts.save(ada, None, text="eleven char")


def test_the_same_again_changes_nothing(ada: User) -> None:
    first = drafts.save(ada, None, text="One")
    assert first

    again = drafts.save(ada, None, text="One", known=first.revision)

    assert again
    assert again.revision == first.revision


# --- Two tabs -------------------------------------------------------------------------------------------


def test_the_later_tab_wins_and_is_told_of_the_text_that_it_replaced(ada: User) -> None:
    drawn = drafts.save(ada, None, text="Both")
    assert drawn
    drafts.save(ada, None, text="Both, and a long thought", known=drawn.revision)

    later = drafts.save(ada, None, text="Both, otherwise", known=drawn.revision)

    assert later
    assert (later.text, later.other_text) == ("Both, otherwise", "Both, and a long thought")


def test_to_take_the_other_text_keeps_ones_own(ada: User) -> None:
    drafts.save(ada, None, text="One")
    drafts.save(ada, None, text="Two")

    taken = drafts.save(ada, None, text="One")

    assert taken
    assert (taken.text, taken.other_text) == ("One", "Two")


def test_the_other_text_can_be_put_away(ada: User) -> None:
    drafts.save(ada, None, text="One")
    second = drafts.save(ada, None, text="Two")
    assert second

    kept = drafts.save(ada, None, text="Two", known=second.revision, forget_other=True)

    assert kept
    assert kept.other_text == ""


def test_who_goes_on_from_the_other_s_text_is_told_nothing(ada: User) -> None:
    drafts.save(ada, None, text="Hel")

    saved = drafts.save(ada, None, text="Hello")

    assert saved
    assert (saved.text, saved.other_text) == ("Hello", "")


def test_a_tab_that_knew_an_earlier_draft_does_not_take_a_new_one_for_it(ada: User) -> None:
    old = drafts.save(ada, None, text="Old")
    assert old
    drafts.save(ada, None, text="", known=old.revision)
    drafts.save(ada, None, text="New")

    saved = drafts.save(ada, None, text="Old and more", known=old.revision)

    assert saved
    assert saved.other_text == "New"


@pytest.mark.django_db(transaction=True)
def test_tabs_that_save_at_once_make_one_row_and_lose_no_text(ada: User) -> None:
    written = [f"Text {number} of a tab" for number in range(6)]

    side_by_side(*[partial(drafts.save, ada, None, text=text) for text in written])

    draft = Draft.objects.get()
    assert all(text in draft.text + draft.other_text for text in written)


# --- Sending --------------------------------------------------------------------------------------------


def send(author: User, text: str, **given: object) -> object:
    fields = {"conversation": None, "send_id": uuid.uuid4(), "model_name": ""} | given
    return lines.send(fields.pop("conversation"), author=author, text=text, **fields)


def test_a_send_takes_its_text_out_of_the_draft(ada: User) -> None:
    drafts.save(ada, None, text="Hello")

    send(ada, "Hello there")

    assert not Draft.objects.exists()


def test_what_was_typed_after_the_send_stays(ada: User) -> None:
    drafts.save(ada, None, text="Hello\nAnd something else")

    send(ada, "Hello")

    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == "And something else"


def test_another_text_than_the_one_that_was_sent_stays(ada: User) -> None:
    drafts.save(ada, None, text="For later")

    send(ada, "Hello")

    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == "For later"


def test_a_refused_send_leaves_the_draft(ada: User) -> None:
    drafts.save(ada, None, text="Hello")

    with pytest.raises(Refused):
        send(ada, "Hello", model_name="gone")

    assert drafts.of(ada, None)


def test_a_save_that_comes_after_its_send_brings_nothing_back(ada: User) -> None:
    send_id = uuid.uuid4()
    turn = send(ada, "Hello there", send_id=send_id)

    assert drafts.save(ada, None, text="Hello", send_id=send_id) is None
    later = drafts.save(ada, None, text="Hello there, and more", send_id=send_id)

    assert later
    assert later.text == ", and more"
    waiting_id = uuid.uuid4()
    send(ada, "In line", send_id=waiting_id, conversation=turn.conversation)
    assert drafts.save(ada, turn.conversation, text="In li", send_id=waiting_id) is None


def test_a_question_that_goes_in_line_leaves_the_draft_and_its_promotion_leaves_the_next(ada: User) -> None:
    turn = factories.ask(ada)
    drafts.save(ada, turn.conversation, text="Second")
    send(ada, "Second", conversation=turn.conversation)
    assert drafts.of(ada, turn.conversation) is None
    drafts.save(ada, turn.conversation, text="Second")
    factories.end(turn, GenerationState.SUCCEEDED)

    assert lines.send_next(turn.conversation.pk)

    draft = drafts.of(ada, turn.conversation)
    assert draft
    assert draft.text == "Second"


# --- Pictures -------------------------------------------------------------------------------------------


def test_pictures_stay_with_their_draft_in_order_and_are_not_tidied_away(ada: User) -> None:
    one, two = picture(ada), picture(ada)
    loose = picture(ada)
    draft = drafts.save(ada, None, text="", attachment_ids=[two.public_id, one.public_id])
    assert draft
    later = timezone.now() + timedelta(days=3)

    assert files.remove_stale_drafts(later) == 1

    assert drafts.attachments_of(draft) == [two, one]
    assert not Attachment.objects.filter(pk=loose.pk).exists()


def test_somebody_else_s_picture_is_not_kept_at_ones_draft(ada: User, eve: User) -> None:
    foreign = picture(eve)

    assert drafts.save(ada, None, text="", attachment_ids=[foreign.public_id]) is None
    drafts.save(ada, None, text="Words", attachment_ids=[foreign.public_id])

    foreign.refresh_from_db()
    assert foreign.draft is None


def test_a_picture_that_was_sent_leaves_the_draft_and_the_others_stay(ada: User) -> None:
    sent, kept = picture(ada), picture(ada)
    drafts.save(ada, None, text="Look", attachment_ids=[sent.public_id, kept.public_id])

    send(ada, "Look", attachment_ids=(sent.public_id,))

    draft = drafts.of(ada, None)
    assert draft
    assert draft.text == ""
    assert drafts.attachments_of(draft) == [kept]


@pytest.mark.parametrize("count", [1, 10])
def test_a_draft_is_read_and_saved_with_the_same_queries_however_many_pictures(
    ada: User, count: int, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    ids = [picture(ada).public_id for _ in range(count)]
    saved = drafts.save(ada, None, text="Look", attachment_ids=ids)
    assert saved

    with django_assert_num_queries(2):
        draft = drafts.of(ada, None)
        assert draft
        assert len(drafts.attachments_of(draft)) == count
    with django_assert_num_queries(6):  # begin, the person, draft, pictures, write, end
        drafts.save(ada, None, text="Look here", attachment_ids=ids, known=saved.revision)
