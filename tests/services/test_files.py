"""Drafts, their limits, and whose they are."""

from __future__ import annotations

import base64
import io
import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conversations.models import Attachment, MadeBy
from conversations.services import files, pictures, taking_turns
from conversations.services.errors import Refused
from tests import factories
from tests.services.pictures import animation, bytes_of, opened, picture, store, written


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def test_a_picture_becomes_a_draft_with_its_bytes_and_thumbnail(ada, media):
    draft = store(ada, picture("JPEG", (900, 600)), name="holiday.jpg")

    assert (draft.owner, draft.message, draft.made_by) == (ada, None, MadeBy.PERSON)
    assert draft.name == "holiday.jpg"
    stored = draft.file
    content = bytes_of(stored.file)
    assert (stored.media_type, stored.width, stored.height) == ("image/jpeg", 900, 600)
    assert stored.size == len(content)
    assert stored.file.name.startswith(f"files/{stored.sha256[:2]}/{stored.sha256}")
    assert opened(bytes_of(stored.thumbnail)).size == (640, 427)
    assert len(written(media)) == 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.png", "photo.png"),
        ("photo.exe", "photo.png"),
        ("C:\\pictures\\photo.jpeg", "photo.png"),
        ("../../etc/passwd", "passwd.png"),
        ("a\u202egnp.exe\x00\r\n", "agnp.png"),
        ("Plan für Öl 2.0.jpg", "Plan für Öl 2.0.png"),
        ("", "picture.png"),
        (".png", "png.png"),
        ("x" * 500 + ".png", "x" * 120 + ".png"),
    ],
)
def test_a_name_keeps_what_is_readable_and_gets_the_ending_of_its_bytes(ada, name, shown):
    assert store(ada, name=name).name == shown


def test_a_file_over_the_limit_is_refused_with_the_limit(ada, settings):
    settings.ATTACHMENT_MAX_BYTES = 2_500_000

    with pytest.raises(Refused, match=r"at most 2\.5 MB"):
        store(ada, picture() + bytes(2_500_000))


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html></html>", b"", b"%PDF-1.7"]
)
def test_a_lying_name_helps_nobody(ada, content, media):
    with pytest.raises(Refused, match="no picture"):
        files.store_picture(ada, upload=io.BytesIO(content), name="photo.png")

    assert not Attachment.objects.exists()
    assert not written(media)


def test_drafts_are_limited(ada, bob, settings):
    settings.ATTACHMENT_MAX_DRAFTS = 2
    store(ada)
    files.store_address(ada, "https://example.com/a.png")

    for attempt in (lambda: store(ada), lambda: files.store_address(ada, "https://example.com/b.png")):
        with pytest.raises(Refused, match="2 of your pictures wait to be sent"):
            attempt()
    assert store(bob)


def test_storage_is_limited_by_what_each_person_uses(ada, bob, settings):
    first = store(ada)
    settings.STORAGE_MAX_BYTES_PER_PERSON = first.file.size + 10

    store(ada)  # the same bytes are counted once
    with pytest.raises(Refused, match=r"more than the [\d.]+ MB that each person has"):
        store(ada, picture("PNG", (60, 50)))
    assert store(bob)


@pytest.mark.django_db(transaction=True)
def test_one_person_cannot_slip_under_a_limit_by_uploading_at_once(settings):
    settings.ATTACHMENT_MAX_DRAFTS = 2
    ada = factories.person("ada")
    outcomes: list[str] = []

    def upload(side: int) -> None:
        try:
            store(ada, picture("PNG", (side, side)))
            outcomes.append("kept")
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=upload, args=[side]) for side in (20, 30, 40, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["kept", "kept", "refused", "refused"]


def test_one_person_has_one_picture_in_hand_and_few_waiting(monkeypatch):
    monkeypatch.setattr(taking_turns, "_WAITING_PER_PERSON", 0)
    with pytest.raises(Refused, match="Several of your pictures"), taking_turns.turn_of(1):
        pass

    monkeypatch.setattr(taking_turns, "_WAITING_PER_PERSON", 4)
    monkeypatch.setattr(taking_turns, "_PATIENCE", 0.05)
    with (
        taking_turns.turn_of(1),
        taking_turns.turn_of(2),
        pytest.raises(Refused, match="still being prepared"),
        taking_turns.turn_of(1),
    ):
        pass
    with taking_turns.turn_of(1):
        assert not taking_turns._waiting


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "http://example.com:8080/a b".replace(" ", "%20") + "?x=1&y=2#z",
        "HTTPS://Example.COM/A.png",
        "https://[2001:db8::1]/a.png",
        "https://example.com/bild-für-alle.png",
    ],
)
def test_an_address_is_kept_as_it_is_and_never_fetched(ada, url):
    draft = files.store_address(ada, url)

    assert (draft.source_url, draft.file, draft.message) == (url, None, None)
    assert draft.name in ("example.com", "2001:db8::1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a.png",
        "ftp://example.com/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//example.com/a.png",
        "https://",
        "https:///a.png",
        "https://user@example.com/a.png",
        "https://user:secret@example.com/a.png",
        "https://@example.com/a.png",
        "https://example.com/a b.png",
        "https://example.com/a\nb.png",
        "https://example.com/a\tb.png",
        "https://example.com/\x00",
        "https://example.com/\u202egnp.exe",
        "https://example.com/\u2028",
        "http://127.0.0.1\\@example.com/",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://[::1/a.png",
        "https://exаmple.com/a.png",  # a Cyrillic а
        "https://.../a.png",
        'https://example.com/"onload="x',
        "https://example.com/" + "a" * 2000,
    ],
)
def test_a_doubtful_address_is_refused_in_words(ada, url):
    with pytest.raises(Refused, match=r"^[A-Z].+\.$"):
        files.store_address(ada, url)

    assert not Attachment.objects.exists()


def test_drafts_are_bound_in_the_order_given(ada):
    question = factories.ask(ada).question
    first, second = store(ada), files.store_address(ada, "https://example.com/a.png")

    files.attach(question, owner=ada, attachment_ids=[second.public_id, first.public_id, second.public_id])

    bound = list(question.attachments.order_by("position"))
    assert bound == [second, first]
    assert [attachment.position for attachment in bound] == [0, 1]


def test_nothing_is_bound_if_one_draft_is_not_to_be_had(ada, bob):
    question = factories.ask(ada).question
    own, sent, foreign = store(ada), store(ada), store(bob)
    files.attach(question, owner=ada, attachment_ids=[sent.public_id])
    other_question = factories.ask(ada).question

    for missing in (sent.public_id, foreign.public_id, uuid.uuid4()):
        with pytest.raises(Refused, match="no longer there"):
            files.attach(other_question, owner=ada, attachment_ids=[own.public_id, missing])

    assert not other_question.attachments.exists()
    foreign.refresh_from_db()
    assert foreign.message is None


def test_one_message_carries_a_limited_number(ada, settings):
    settings.ATTACHMENT_MAX_PER_MESSAGE = 1
    question = factories.ask(ada).question

    with pytest.raises(Refused, match="at most 1 pictures"):
        files.attach(question, owner=ada, attachment_ids=[store(ada).public_id, store(ada).public_id])


def test_drafts_are_found_again_in_the_order_given(ada, bob, django_assert_num_queries):
    first, second, foreign = store(ada), store(ada), store(bob)
    ids = [second.public_id, uuid.uuid4(), foreign.public_id, first.public_id, second.public_id]

    with django_assert_num_queries(1):
        found = files.drafts_of(ada, ids)
        assert [draft.file.width for draft in found] == [32, 32]

    assert found == [second, first]


def test_a_draft_can_be_removed_by_its_owner_until_it_is_sent(ada, bob):
    draft, sent = store(ada), store(ada)
    files.attach(factories.ask(ada).question, owner=ada, attachment_ids=[sent.public_id])

    files.remove_draft(ada, draft.public_id)

    assert list(Attachment.objects.all()) == [sent]
    for owner, attachment in ((ada, sent), (bob, sent)):
        with pytest.raises(Refused):
            files.remove_draft(owner, attachment.public_id)


def test_stale_drafts_go_and_the_others_stay(ada):
    old, sent, fresh = store(ada), store(ada), store(ada)
    files.attach(factories.ask(ada).question, owner=ada, attachment_ids=[sent.public_id])
    long_ago = timezone.now() - timedelta(days=8)
    Attachment.objects.exclude(pk=fresh.pk).update(created_at=long_ago)

    assert files.remove_stale_drafts(timezone.now() - timedelta(days=7)) == 1

    assert not Attachment.objects.filter(pk=old.pk).exists()
    assert Attachment.objects.count() == 2


def test_a_data_uri_carries_the_stored_bytes(ada):
    stored = store(ada).file

    head, _, payload = files.data_uri(stored).partition(",")

    assert head == "data:image/png;base64"
    assert base64.b64decode(payload) == bytes_of(stored.file)


def test_a_data_uri_of_an_animation_is_its_first_frame(ada):
    stored = store(ada, animation("GIF")).file

    payload = files.data_uri(stored).partition(",")[2]

    assert getattr(opened(base64.b64decode(payload)), "n_frames", 1) == 1


def test_a_picture_that_the_disk_lost_is_refused_in_words(ada, media, caplog):
    stored = store(ada).file
    for path in written(media):
        path.unlink()

    with pytest.raises(Refused, match="missing on the server"):
        files.data_uri(stored)
    assert stored.file.name in caplog.text


def test_a_picture_of_a_model_is_attached_to_its_answer(ada):
    answer = factories.ask(ada).answer

    first = files.keep_picture_of_model(answer, picture("JPEG"), "image/png")
    second = files.keep_picture_of_model(answer, picture("PNG"), "image/png")

    assert (first.owner, first.message, first.made_by) == (ada, answer, MadeBy.MODEL)
    assert (first.name, first.file.media_type) == ("picture-1.jpg", "image/jpeg")
    assert [first.position, second.position] == [0, 1]


def test_a_picture_of_a_model_is_cleaned_and_bounded_too(ada, settings, monkeypatch):
    answer = factories.ask(ada).answer

    with pytest.raises(Refused, match="no picture"):
        files.keep_picture_of_model(answer, b"<svg/>", "image/svg+xml")
    settings.ATTACHMENT_MAX_BYTES = 10
    with pytest.raises(Refused, match="too large"):
        files.keep_picture_of_model(answer, picture(), "image/png")
    monkeypatch.setattr(files, "_PICTURES_PER_ANSWER", 0)
    with pytest.raises(Refused, match="at most 0 pictures"):
        files.keep_picture_of_model(answer, picture(), "image/png")


def test_a_picture_that_was_paid_for_is_kept_over_the_quota(ada, settings):
    settings.STORAGE_MAX_BYTES_PER_PERSON = 1
    settings.ATTACHMENT_MAX_DRAFTS = 0

    assert files.keep_picture_of_model(factories.ask(ada).answer, picture(), "image/png")


def test_cleaning_is_what_every_picture_meets(ada, monkeypatch):
    def refuse(content):
        raise Refused("No.")

    monkeypatch.setattr(pictures, "clean", refuse)

    with pytest.raises(Refused, match=r"No\."):
        store(ada)
    with pytest.raises(Refused, match=r"No\."):
        files.keep_picture_of_model(factories.ask(ada).answer, picture(), "image/png")
