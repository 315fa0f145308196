"""No key, cookie or message text in logs, error pages or reports, DEBUG on or off."""

from __future__ import annotations

import io
import logging
import threading
import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings as real_settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.test import Client

from chainhub_web import server
from conversations.generation.answering import Answering
from conversations.models import GatewayKey, User
from conversations.services import catalog
from conversations.views.reporting import QuietLines, QuietRecords, summary
from tests import factories
from tests.chainhub.loopback import Connection, gateway

KEY = "sk-planted-0123456789abcdef"
PLAIN_KEY = "PlantedKeyWithoutAnyPrefix0123456789"
WORDS = "planted words of a message"
COOKIE = "plantedcookie0123456789abcdefghi"
PLANTED = (KEY, PLAIN_KEY, WORDS, COOKIE, "planted")
EXCEPTIONS = [
    RuntimeError, ValueError, KeyError, IntegrityError, SuspiciousOperation, RequestDataTooBig, UnicodeError,
    LookupError, Exception, PermissionError,
]  # fmt: skip


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site writes to its log, written as the site writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(QuietLines())
    handler.addFilter(QuietRecords())
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def break_with(error: BaseException) -> object:
    def broken(*args: object, **fields: object) -> None:
        try:
            raise KeyError(f"{WORDS} {PLAIN_KEY}")
        except KeyError as cause:
            # What it came from may quote as much as it does itself.
            raise error from cause

    return broken


def quoting(kind: type[BaseException]) -> BaseException:
    told = f"{WORDS} {KEY} {PLAIN_KEY} sessionid={COOKIE}"
    error = kind(told)
    error.add_note(f"{WORDS} {PLAIN_KEY}")
    return error


def ask(person: User, *, accept: str = "text/html") -> object:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    client.cookies["extra"] = COOKIE
    return client.post(
        f"/send/?q={WORDS}",
        {"send_id": str(uuid.uuid4()), "text": WORDS, "model": KEY},
        headers={
            "Accept": accept,
            "Authorization": f"Bearer {PLAIN_KEY}",
            "Referer": f"http://testserver/search/?q={WORDS}",
            "HX-Current-URL": f"http://testserver/search/?q={WORDS}",
            "X-CSRFToken": COOKIE,
        },
    )


# --- A view that breaks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EXCEPTIONS)
@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_a_view_that_breaks_tells_nothing(
    ada: User, settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, log: io.StringIO,
    kind: type[BaseException], debug: bool, accept: str,
) -> None:  # fmt: skip
    settings.DEBUG = debug
    # Addresses with a password in them, as a deployment has them.
    settings.EMAIL_URL = settings.REDIS_URL = settings.GATEWAY_PROXY = f"x://u:{PLAIN_KEY}@h"
    settings.CHAINHUB_API_KEY = KEY
    # Deep inside of it: every frame above holds the words, too.
    monkeypatch.setattr("conversations.services.sending.store_question", break_with(quoting(kind)))

    answer = ask(ada, accept=accept)

    assert answer.status_code in (400, 413, 500)
    page, told = answer.content.decode(), log.getvalue()
    for word in PLANTED:
        assert word not in page, word
        assert word not in told, word
    assert kind.__name__ in told
    if answer.status_code == 500:
        # What an admin needs is there: the kind, where, and the way through the code.
        assert "/send/" in told
        assert "conversations/views/messages.py" in told
        assert "conversations/services/lines.py" in told
        assert (kind.__name__ in page) == debug


@pytest.mark.parametrize("debug", [True, False])
def test_a_template_that_breaks_tells_nothing(
    ada: User, settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, debug: bool
) -> None:
    settings.DEBUG = debug
    monkeypatch.setattr("conversations.models.User.shown_name", property(break_with(quoting(ValueError))))
    client = Client(raise_request_exception=False)
    client.force_login(ada)

    answer = client.get("/")

    assert answer.status_code == 500
    for word in PLANTED:
        assert word not in answer.content.decode()
        assert word not in log.getvalue()


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_not_found_or_not_understood_tells_nothing(
    ada: User, settings: pytest.FixtureRequest, log: io.StringIO, debug: bool
) -> None:
    settings.DEBUG = debug
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(ada)
    client.cookies["extra"] = COOKIE
    # Django's own page for developers repeats the address to whoever asked for it.
    asked = {} if debug else {"q": WORDS}
    answers = [
        client.get("/nowhere/", asked),
        client.get(f"/c/{uuid.uuid4()}/", asked),
        client.post("/send/", {"text": WORDS, "model": KEY}),
        client.get("/search/", {"q": WORDS, "page": "x"}, headers={"Host": f"{PLAIN_KEY}!"}),
        Client(raise_request_exception=False).post("/login/", {"username": "ada", "password": PLAIN_KEY}),
        client.post(
            "/send/", b"text=" + WORDS.encode() * 2_000_000, content_type="application/x-www-form-urlencoded"
        ),
    ]

    for answer in answers:
        for word in (KEY, WORDS, COOKIE) if answer is answers[3] else PLANTED:
            assert word not in answer.content.decode(), word
    for word in (KEY, WORDS, COOKIE):
        assert word not in log.getvalue(), word


def test_what_has_no_word_of_anybody_is_told_whole() -> None:
    assert summary(OperationalError("database is locked\nDETAIL: x")) == (
        "django.db.utils.OperationalError: database is locked"
    )
    assert summary(FileNotFoundError(2, "No such file or directory", WORDS)) == (
        "FileNotFoundError: No such file or directory"
    )
    assert summary(ValueError(WORDS)) == "ValueError"
    assert summary(TypeError(f"got {KEY}")) == "TypeError: got [removed]"


# --- The configuration that is really used -----------------------------------------------------------


def test_every_handler_of_the_site_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for handler in real_settings.LOGGING["handlers"].values():
        assert handler["filters"] == ["quiet"]
        assert handler["formatter"] == "line"
    assert real_settings.LOGGING["formatters"]["line"] == {"()": "conversations.views.reporting.QuietLines"}
    assert real_settings.LOGGING["loggers"]["django"]["handlers"] == []
    # LOG_LEVEL=DEBUG writes no statements, which hold messages and session keys.
    assert real_settings.LOGGING["loggers"]["django.db.backends"]["level"] == "INFO"
    assert real_settings.DEFAULT_EXCEPTION_REPORTER.endswith("QuietReporter")
    assert not real_settings.ADMINS


def test_gunicorn_s_own_log_is_quiet_too() -> None:
    from gunicorn.config import Config  # noqa: PLC0415

    chosen = Config()
    for name, value in server.options().items():
        chosen.set(name, value)
    log = chosen.logger_class(chosen)
    written = io.StringIO()
    (handler,) = log.error_log.handlers
    handler.stream = written

    try:
        raise quoting(ValueError)
    except ValueError:
        log.exception("Error handling request %s", f"/x sessionid={COOKIE}")

    log.error_log.handlers.clear()
    assert chosen.accesslog is None
    assert "ValueError" in written.getvalue()
    for word in PLANTED:
        assert word not in written.getvalue()


def test_a_thread_that_breaks_tells_where_and_nothing_else(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    server.log_broken_threads()
    thread = threading.Thread(target=break_with(quoting(RuntimeError)), name="engine-claims")

    thread.start()
    thread.join()

    told = log.getvalue() + capfd.readouterr().err
    assert "Thread engine-claims broke" in told
    assert "RuntimeError" in told
    for word in PLANTED:
        assert word not in told


# --- The engine and the gateway ----------------------------------------------------------------------


class _NoWriter:
    """Where an answer tells what is new; nobody looks."""

    def __getattr__(self, name: str) -> object:
        return lambda *args, **fields: None


def test_an_answer_that_breaks_tells_nothing(
    ada: User, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = factories.ask(ada, WORDS)
    generation = turn.generation
    monkeypatch.setattr("conversations.generation.requests.fitted", break_with(quoting(ValueError)))

    Answering(generation, _NoWriter()).run()

    assert "ValueError" in log.getvalue()
    for word in PLANTED:
        assert word not in log.getvalue()


@pytest.mark.parametrize("secret", [KEY, PLAIN_KEY])
@pytest.mark.parametrize("status", ["401 No", "400 Bad", "500 Broken", "403 No"])
def test_a_gateway_that_quotes_the_key_is_not_repeated(
    wire: None, db: None, staff_client: Client, log: io.StringIO, secret: str, status: str
) -> None:
    def play(connection: Connection) -> None:
        connection.read_request()
        told = f"Bad key {secret}, seen in Authorization: Bearer {secret}; {WORDS}"
        body = f'{{"error": {{"message": "{told}", "type": "{secret}", "code": "{secret}"}}}}'.encode()
        head = f"HTTP/1.1 {status}\r\nX-Oneapi-Request-Id: {secret}\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.send(head.encode() + body)

    with gateway(play) as hub:
        key = factories.gateway_key("Team", base_url=hub.url, secret=secret)
        catalog.sync_key(key)
        pages = [
            staff_client.post(f"/admin/conversations/gatewaykey/{key.pk}/test/", follow=True),
            staff_client.get("/admin/"),
            staff_client.get("/admin/conversations/gatewaykey/"),
        ]

    assert len(pages) == 3
    for page in pages:
        assert secret not in page.content.decode()
    assert secret not in log.getvalue()
    assert WORDS not in log.getvalue()
    stored = str(list(GatewayKey.objects.values())) + str(list(key.calls.values()))
    assert secret not in stored
