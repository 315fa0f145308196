"""Promise 6: personal answers are kept by no cache and no script, and signing out clears the rest."""

from __future__ import annotations

import uuid

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from conversations.models import User
from conversations.services import files
from tests import factories
from tests.services.pictures import picture
from tests.test_doors import NAMES, PANEL, address_of

SCRIPTS = sorted((django_settings.BASE_DIR / "static" / "js").glob("*.js"))


@pytest.mark.parametrize("name", NAMES)
def test_every_answer_says_that_it_is_kept_by_nobody(
    name: str, of_ada: dict[str, uuid.UUID], ada_client: Client, eve_client: Client
) -> None:
    address = address_of(name, of_ada)

    for client in (ada_client, eve_client, Client()):
        for method in ("GET", "HEAD", "POST", "PUT"):
            for headers in ({}, {"HX-Request": "true"}):
                answer = client.generic(method, address, headers=headers)
                assert "no-store" in answer["Cache-Control"], (method, answer.status_code)


def test_so_do_pictures_streams_refusals_and_failures(
    ada: User,
    ada_client: Client,
    settings: pytest.FixtureRequest,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MEDIA_ROOT = tmp_path
    draft = files.store_picture(ada, upload=SimpleUploadedFile("a", picture()), name="a.png")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    ada_client.raise_request_exception = False
    conversation = factories.ask(ada).conversation.get_absolute_url()

    answers = [
        ada_client.get(f"/attachments/{draft.public_id}/"),
        ada_client.get(f"/attachments/{draft.public_id}/thumbnail/"),
        ada_client.get(f"{conversation}events/"),
        ada_client.get(f"/c/{uuid.uuid4()}/"),
        ada_client.get("/nowhere/"),
        ada_client.get("/login"),
        strict.post("/send/", {"text": "x"}),
        ada_client.post("/send/", {"text": "x"}),
        ada_client.get("/search/?q=%00"),
    ]
    monkeypatch.setattr("conversations.views.pages.composing", None)
    answers.append(ada_client.get("/"))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404, 301, 403, 422, 200, 500]
    for answer in answers:
        assert "no-store" in answer["Cache-Control"]
    for answer in answers[:2]:
        assert b"".join(answer.streaming_content)


@pytest.mark.parametrize("name", PANEL)
def test_so_does_the_panel(name: str, staff_client: Client) -> None:
    from django.urls import reverse  # noqa: PLC0415

    assert "no-store" in staff_client.get(reverse(f"admin:{name}"))["Cache-Control"]


def test_signing_out_has_the_browser_forget_pages_and_drafts(ada_client: Client) -> None:
    assert ada_client.post("/logout/")["Clear-Site-Data"] == '"cache", "storage"'


def test_no_script_keeps_pages() -> None:
    text = {path.name: path.read_text() for path in SCRIPTS}

    assert len(text) > 5
    for word in ("sessionStorage", "localStorage", "indexedDB", "caches.", "serviceWorker", "cookieStore"):
        assert [name for name, script in text.items() if word in script] == []


def test_htmx_keeps_no_history_of_pages() -> None:
    (script,) = (django_settings.BASE_DIR / "static" / "vendor" / "htmx").glob("*.js")
    source = script.read_text()

    for word in ("sessionStorage", "localStorage", "indexedDB", "caches.open"):
        assert word not in source
