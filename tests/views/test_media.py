"""Pictures come in as drafts, and go out to those who may read what carries them."""

from __future__ import annotations

import uuid
from http import HTTPStatus

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from conversations.models import Attachment, Message, User
from conversations.services import files
from tests import factories
from tests.services.pictures import opened, picture, png_bomb

UPLOAD = "/attachments/"
ADDRESS = "/attachments/address/"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def upload(client: Client, content: bytes, name: str = "cat.png", media_type: str = "image/png", **options):
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, content, media_type)}, **options)


def sent_picture(owner: User) -> tuple[Attachment, Message]:
    """A picture in a question of `owner`."""
    question = factories.ask(owner).question
    draft = files.store_picture(owner, upload=SimpleUploadedFile("cat.png", picture()), name="cat.png")
    files.attach(question, owner=owner, attachment_ids=[draft.public_id])
    draft.refresh_from_db()
    return draft, question


def addresses(attachment: Attachment) -> list[str]:
    return [
        reverse(f"conversations:{name}", args=[attachment.public_id]) for name in ("attachment", "thumbnail")
    ]


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def test_an_upload_answers_a_chip(ada, ada_client):
    response = upload(ada_client, picture("PNG", (300, 200)), name="<cat>.png")

    draft = Attachment.objects.get()
    page = response.content.decode()
    assert response.status_code == HTTPStatus.CREATED
    assert draft.owner == ada
    assert f'<input type="hidden" name="attachments" value="{draft.public_id}">' in page
    assert 'aria-label="Remove &lt;cat&gt;.png"' in page
    assert f'src="/attachments/{draft.public_id}/thumbnail/"' in page
    assert "300 × 200" in page
    assert "style=" not in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (b"<script>alert(1)</script>", "no picture"),
        (picture()[:60], "damaged"),
        (png_bomb(), "at most 50 million"),
        (b"", "empty"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(ada_client, content, sentence):
    response = upload(ada_client, content)

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert sentence in response.content.decode()
    assert not Attachment.objects.exists()


def test_a_file_over_the_limit_is_refused_wherever_it_is_cut(ada_client, settings):
    settings.ATTACHMENT_MAX_BYTES = 100_000
    ours = "conversations.views.uploads.BoundedUpload"
    for handlers in (settings.FILE_UPLOAD_HANDLERS, [ours, *settings.FILE_UPLOAD_HANDLERS]):
        settings.FILE_UPLOAD_HANDLERS = handlers

        response = upload(ada_client, picture() + bytes(5_000_000))

        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "at most 0.1 MB" in response.content.decode()
        assert upload(ada_client, picture()).status_code == HTTPStatus.CREATED


def test_an_upload_ends_where_the_limit_does(rf, settings):
    settings.ATTACHMENT_MAX_BYTES = 100_000
    settings.ATTACHMENT_MAX_PER_MESSAGE = 2
    settings.FILE_UPLOAD_HANDLERS = [
        "conversations.views.uploads.BoundedUpload",
        *settings.FILE_UPLOAD_HANDLERS,
    ]
    huge = [SimpleUploadedFile(f"{number}.png", bytes(3_000_000)) for number in range(5)]

    request = rf.post(UPLOAD, {"file": huge})

    kept = [file.size for file in request.FILES.getlist("file")]
    request.close()
    assert max(kept) < 300_000
    assert sum(kept) < 400_000


@pytest.mark.parametrize("data", [{}, {"file": "no file"}, {"other": "x"}])
def test_an_upload_without_a_file_is_refused(ada_client, data):
    response = ada_client.post(UPLOAD, data)

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.content.decode() == "No picture arrived. Choose it again."


def test_an_address_answers_a_card_that_names_the_host_and_loads_nothing(ada, ada_client):
    response = ada_client.post(ADDRESS, {"url": "  https://example.com/a.png?x=<b> ".replace("<b>", "1")})

    page = response.content.decode()
    draft = Attachment.objects.get()
    assert response.status_code == HTTPStatus.CREATED
    assert draft.source_url == "https://example.com/a.png?x=1"
    assert "<img" not in page
    assert 'aria-label="Remove example.com"' in page


@pytest.mark.parametrize(
    "url", ["", "   ", "javascript:alert(1)", "https://a b.example/", "x" * 5000, "\x00"]
)
def test_a_doubtful_address_is_refused_in_words(ada_client, url):
    response = ada_client.post(ADDRESS, {"url": url})

    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.content.decode().endswith(".")
    assert not Attachment.objects.exists()


def test_bytes_go_out_with_headers_that_let_no_browser_take_them_for_a_page(ada, ada_client):
    draft = files.store_picture(ada, upload=SimpleUploadedFile("a", picture("JPEG")), name='Öl "1".jpg')

    full, small = (ada_client.get(address) for address in addresses(draft))

    assert full["Content-Type"] == "image/jpeg"
    assert small["Content-Type"] == "image/webp"
    assert opened(body(full)).format == "JPEG"
    assert opened(body(small)).format == "WEBP"
    for response in (full, small):
        assert response.status_code == HTTPStatus.OK
        assert response["Content-Disposition"].startswith("inline; filename")
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert response["Cache-Control"] == "no-store, private"
    assert "filename*=utf-8''%C3%96l" in full["Content-Disposition"]


def test_the_owner_reads_a_draft_and_what_was_sent(ada, ada_client):
    sent, _ = sent_picture(ada)

    for address in addresses(sent):
        response = ada_client.get(address)
        assert response.status_code == HTTPStatus.OK
        assert body(response)


def test_a_stranger_gets_404(ada, eve_client):
    draft = files.store_picture(ada, upload=SimpleUploadedFile("a", picture()), name="a.png")
    sent, _ = sent_picture(ada)

    for attachment in (draft, sent):
        for address in addresses(attachment):
            assert eve_client.get(address).status_code == HTTPStatus.NOT_FOUND
        removal = reverse("conversations:remove_attachment", args=[attachment.public_id])
        assert eve_client.post(removal).status_code == HTTPStatus.NOT_FOUND
    assert Attachment.objects.count() == 2


def test_nobody_signs_in_first(ada, client):
    sent, _ = sent_picture(ada)
    removal = reverse("conversations:remove_attachment", args=[sent.public_id])

    for address in addresses(sent):
        response = client.get(address)
        assert response.status_code == HTTPStatus.FOUND
        assert response["Location"].startswith("/login/")
    for address in (UPLOAD, ADDRESS, removal):
        assert client.post(address).status_code == HTTPStatus.UNAUTHORIZED


def test_a_conversation_that_was_deleted_takes_its_pictures_along(ada, ada_client):
    sent, question = sent_picture(ada)
    conversation = question.conversation
    conversation.deleted_at = conversation.created_at
    conversation.save(update_fields=["deleted_at"])

    for address in addresses(sent):
        assert ada_client.get(address).status_code == HTTPStatus.NOT_FOUND


def test_what_is_not_there_is_404(ada, ada_client, media, caplog):
    lost, _ = sent_picture(ada)
    elsewhere = files.store_address(ada, "https://example.com/a.png")
    for path in media.rglob("*.*"):
        path.unlink()

    for address in [*addresses(lost), *addresses(elsewhere), f"/attachments/{uuid.uuid4()}/"]:
        assert ada_client.get(address).status_code == HTTPStatus.NOT_FOUND
    assert f"Stored file {lost.file.file.name} cannot be opened" in caplog.text


def test_a_draft_is_removed_and_a_sent_picture_stays(ada, ada_client):
    sent, _ = sent_picture(ada)
    draft = files.store_picture(ada, upload=SimpleUploadedFile("a", picture()), name="a.png")

    answers = [
        ada_client.post(reverse("conversations:remove_attachment", args=[attachment.public_id]))
        for attachment in (draft, sent)
    ]

    assert [answer.status_code for answer in answers] == [HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY]
    assert answers[1].content.decode() == "This picture was sent already. It stays with its message."
    assert list(Attachment.objects.all()) == [sent]


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_only_post_changes_anything(ada_client, method):
    for address in (UPLOAD, ADDRESS, f"/attachments/{uuid.uuid4()}/remove/"):
        assert getattr(ada_client, method)(address).status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_a_request_of_another_site_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)

    assert upload(client, picture()).status_code == HTTPStatus.FORBIDDEN
    assert client.post(ADDRESS, {"url": "https://example.com/"}).status_code == HTTPStatus.FORBIDDEN


def test_a_picture_of_a_message_has_its_size_and_an_address_never_loads(ada):
    sent, question = sent_picture(ada)
    elsewhere = files.store_address(ada, "https://example.com/a.png?a=1&b=2")
    elsewhere.message = question
    elsewhere.save(update_fields=["message"])

    page = render_pictures([sent, elsewhere])

    assert 'width="32" height="20" alt="cat.png"' in page
    assert f'href="/attachments/{sent.public_id}/" target="_blank"' in page
    assert page.count("<img") == 1
    assert 'href="https://example.com/a.png?a=1&amp;b=2"' in page
    assert 'rel="noopener noreferrer nofollow" referrerpolicy="no-referrer"' in page
    assert ">example.com<" in page


def render_pictures(attachments: list[Attachment]) -> str:
    return render_to_string("conversations/partials/_pictures.html", {"attachments": attachments})
