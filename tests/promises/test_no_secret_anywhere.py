"""A stored key stands nowhere in clear text: in no file, no log, no page, with DEBUG on or off.

The gateway of this test repeats the key wherever it can: in errors, in answers, in names, in headers.
"""

from __future__ import annotations

import base64
import html
import itertools
import json
import re
import sqlite3
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.urls import URLPattern, URLResolver, get_resolver

from tests.chainhub.loopback import Connection, Gateway, gateway
from tests.site import Browser, Site
from tests.waiting import until

pytestmark = [
    pytest.mark.xdist_group("no_secret"),
    pytest.mark.usefixtures("wire"),
    pytest.mark.timeout(240),
]

# One that looks like a key, with what URLs and base64 change; and one that looks like nothing.
SECRETS = ["sk-Any+where/0123456789=abcdefghWXYZ", "PlainAnywhere0123456789abcdefghWXYZ"]
KEYS = "/admin/conversations/gatewaykey/"
# What would end the walk itself.
LEFT_OUT = re.compile(r"^(logout/|admin/logout/|account/.*end)")


class Echo:
    """A gateway that says the key of each request back, whatever was asked."""

    def __init__(self) -> None:
        self.is_refusing = False

    def play(self, connection: Connection) -> None:
        connection.read_request()
        line, _, rest = connection.head.decode().partition("\r\n")
        secret = re.search(r"^authorization: Bearer (.*)$", rest, re.IGNORECASE | re.MULTILINE)
        key = secret[1].strip() if secret else "nobody"
        path = line.split()[1]
        if path.startswith("/v1/models") and not self.is_refusing:
            reply(connection, key, {"data": [{"id": "echo"}, {"id": f"of-{key}", "owned_by": key}]})
        elif path.startswith("/v1/chat/completions"):
            answer(connection, key)
        elif path.startswith("/api/pricing"):
            row = {"model_name": f"priced-{key}", "quota_type": 0, "model_ratio": 1, "completion_ratio": 1,
                "enable_groups": ["default", key], "tags": key, "description": key}  # fmt: skip
            table = {
                "success": True,
                "data": [row, row | {"model_name": "echo"}],
                "group_ratio": {"default": 1},
            }
            reply(connection, key, table | {"usable_group": {"default": key}})
        else:
            refuse(connection, key, "401 Unauthorized")


def reply(connection: Connection, key: str, values: object, status: str = "200 OK") -> None:
    body = json.dumps(values).encode()
    connection.send(
        f"HTTP/1.1 {status}\r\nX-Oneapi-Request-Id: {key}\r\nX-Echo: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def refuse(connection: Connection, key: str, status: str) -> None:
    told = f"Invalid token {key} (Authorization: Bearer {key}) (request id: {key})"
    reply(connection, key, {"error": {"message": told, "type": key, "code": key, "param": key}}, status)


def answer(connection: Connection, key: str) -> None:
    question = connection.body.decode()
    if "refuse with" in question:
        refuse(connection, key, question.rpartition("refuse with ")[2][:3] + " Refused")
        return
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Oneapi-Request-Id: {key}\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    connection.send(head.encode())
    half = len(key) // 2
    deltas = [
        {"role": "assistant", "reasoning_content": f"The key is {key[:half]}"},
        {"reasoning_content": f"{key[half:]} and I think of it."},
        {"content": f"Your key is {key}, in two parts {key[:half]}"},
        {"content": f"{key[half:]}, in code `{key}` and [linked](https://example.com/?key={key})."},
        *({"content": letter} for letter in f" Letter by letter: {key}. "),
    ]
    for delta in deltas:
        chunk(connection, key, {"delta": delta})
    if "break in the middle" in question:
        error = {"error": {"message": f"upstream failed for {key}", "type": key, "code": key}}
        connection.chunk(f"data: {json.dumps(error)}\n\n")
    else:
        chunk(connection, key, {"delta": {}, "finish_reason": "stop"})
        usage = {"prompt_tokens": 5, "completion_tokens": 7, key: key, "note": [key]}
        connection.chunk(f"data: {json.dumps({'choices': [], 'model': key, 'usage': usage})}\n\n")
        connection.chunk("data: [DONE]\n\n")
    connection.end()


def chunk(connection: Connection, key: str, choice: dict[str, object]) -> None:
    data = {"id": key, "model": f"echo-{key}", "choices": [{"index": 0, **choice}]}
    connection.chunk(f"data: {json.dumps(data)}\n\n")


# --- What is looked for -------------------------------------------------------------------------------


def forms_of(secret: str) -> dict[str, bytes]:
    """Return all that would give `secret` away: it, its halves, and how they are written elsewhere."""
    half = len(secret) // 2
    found = {}
    for name, piece in {"whole": secret, "first half": secret[:half], "second half": secret[half:]}.items():
        raw = piece.encode()
        found |= {
            name: raw,
            f"{name}, in a URL": urllib.parse.quote(piece, safe="").encode(),
            f"{name}, in HTML": html.escape(piece).encode(),
            f"{name}, in JSON": json.dumps(piece).encode()[1:-1],
            f"{name}, backwards": raw[::-1],
            f"{name}, in hex": raw.hex().encode(),
        }
        for shift in range(3):
            # Wherever it stands in what is encoded: without the letters that its neighbours share.
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                text = encode(b"\0" * shift + raw)
                found[f"{name}, {encode.__name__} {shift}"] = text[4 if shift else 0 : -4]
    return found


class Seen:
    """Everything that left the site, by where it came from."""

    def __init__(self, secret: str) -> None:
        self._forms = forms_of(secret)
        self.places = 0
        self.leaks: list[str] = []

    def look(self, place: str, data: bytes) -> None:
        self.places += 1
        self.leaks += [f"{place}: {name}" for name, form in self._forms.items() if form in data]

    def answer(self, got: requests.Response) -> requests.Response:
        told = f"{got.request.method} {got.request.path_url} {got.status_code}"
        self.look(told, str(got.headers).encode() + got.content)
        return got

    def files(self, site: Site) -> None:
        for path in [*site.data_dir.rglob("*"), site.log_path]:
            if path.is_file():
                self.look(str(path), path.read_bytes())


# --- Every address ------------------------------------------------------------------------------------


def routes(patterns: list[object], before: str = "") -> Iterator[str]:
    """Yield every address of the site from its URL table, as it is written there."""
    for pattern in patterns:
        whole = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, whole)
        elif isinstance(pattern, URLPattern):
            yield whole


def addresses(site: Site) -> Iterator[str]:
    """Yield every address with the ids of what is there."""
    known = list(dict.fromkeys(ids(site)))
    for route in sorted(set(routes(get_resolver().url_patterns))):
        if LEFT_OUT.match(route):
            continue
        plain = re.sub(r"\^|\$|\\Z", "", route)
        plain = re.sub(r"\(\?P<app_label>[^)]*\)", "conversations", plain)
        plain = re.sub(r"\(\?P<[^)]*\)", "nowhere", plain)
        places = re.findall(r"<[^>]+>", plain)
        choices = [known if "uuid" in place else ["1", "2"] for place in places]
        for chosen in itertools.product(*choices):
            filled = plain
            for place, value in zip(places, chosen, strict=True):
                filled = filled.replace(place, value, 1)
            yield f"/{filled}"


def ids(site: Site) -> Iterator[str]:
    """Yield a few public ids of each table that has some."""
    connection = site.database()
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            try:
                found = connection.execute(f"SELECT public_id FROM {table} ORDER BY 1 LIMIT 2")  # noqa: S608
            except sqlite3.OperationalError:
                continue
            yield from (str(uuid.UUID(value)) for (value,) in found)
    finally:
        connection.close()


def walk(site: Site, browser: Browser, seen: Seen) -> set[str]:
    """Open every address, then press every button with an empty form; return what was really shown."""
    shown, buttons = set(), []
    for address in list(addresses(site)):
        if address.endswith("/events/"):
            continue
        got = browser.get(f"{site.url}{address}", allow_redirects=False, timeout=30)
        status = seen.answer(got).status_code
        if status == 200:
            shown.add(address)
        elif status == 405:
            buttons.append(address)
    for address in buttons:
        if seen.answer(browser.send_form(address)).status_code == 200:
            shown.add(address)
    seen.answer(browser.get(f"{site.url}/admin/"))
    return shown


# --- The test -----------------------------------------------------------------------------------------


@pytest.fixture(params=zip(SECRETS, ["true", "false"], strict=True), ids=["DEBUG", "no DEBUG"])
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Site, Gateway, Echo]]:
    secret, debug = request.param
    echo = Echo()
    with gateway(echo.play) as hub:
        site = Site(
            tmp_path / "data",
            DEBUG=debug,
            PRACTICE_GATEWAY="false",
            GATEWAY_RETRY_SCALE="0.05",
            LOG_LEVEL="DEBUG",
        )
        try:
            yield secret, site.start(), hub, echo
        finally:
            site.close()


def form(hub: Gateway, secret: str, **fields: str) -> dict[str, str]:
    return {
        **{"name": "Team", "base_url": hub.url, "secret": secret, "is_enabled": "on"},
        **{"priority": "100", "weight": "1", "price_group": "default"},
    } | fields


def test_a_stored_key_stands_nowhere(started: tuple[str, Site, Gateway, Echo]) -> None:
    secret, site, hub, echo = started
    seen = Seen(secret)
    browser = Browser(site)

    put_in(site, browser, hub, secret, seen)
    use(site, browser, seen)
    seen.files(site)
    press_and_provoke(site, browser, hub, echo, secret, seen)
    shown = walk(site, browser, seen)
    seen.files(site)

    assert seen.leaks == []
    for address in (
        "/admin/",
        "/admin/audit/",
        "/admin/audit/export/",
        "/admin/usage/table.csv",
        "/usage/table.csv",
        f"{KEYS}1/history/",
        f"{KEYS}1/health/",
    ):
        assert address in shown
    assert len(shown) > 45
    # It was really there to be found: the key went out with every call.
    assert any(secret in connection.head.decode() for connection in hub.connections)
    # What an admin sees of it, to tell keys apart.
    assert f"…{secret[-4:]}" in browser.page(f"{KEYS}1/change/")


def put_in(site: Site, browser: Browser, hub: Gateway, secret: str, seen: Seen) -> None:
    # Refused first: the form comes back, without what was typed.
    seen.answer(browser.send_form(f"{KEYS}add/", **form(hub, secret, weight="0", note="x")))
    seen.answer(browser.send_form(f"{KEYS}add/", **form(hub, f"{secret}\x07")))
    assert seen.answer(browser.send_form(f"{KEYS}add/", **form(hub, secret))).status_code == 302
    until(lambda: site.rows("SELECT 1 FROM conversations_model WHERE name = 'echo'"), seconds=30)


def use(site: Site, browser: Browser, seen: Seen) -> None:
    questions = [
        "say it",
        "break in the middle",
        *(f"refuse with {n}" for n in (400, 401, 403, 429, 500, 503)),
    ]
    for number, question in enumerate(questions, 1):
        address = browser.ask(question, "echo")
        stream = browser.open_stream(address)
        try:
            for line in stream.iter_lines(chunk_size=1):
                seen.look(f"stream of “{question}”", line)
                if is_over(site, number):
                    break
        except requests.RequestException:
            pass
        finally:
            stream.close()
        until(lambda number=number: is_over(site, number), seconds=60)
        # So that the key is asked for the next question too.
        rest(site)


def is_over(site: Site, number: int) -> bool:
    states = site.rows("SELECT state FROM conversations_generation")
    return len(states) == number and not {state for (state,) in states} & {"queued", "running"}


def rest(site: Site) -> None:
    connection = site.database()
    with connection:
        connection.execute("DELETE FROM conversations_keycooldown")
    connection.close()


def press_and_provoke(
    site: Site, browser: Browser, hub: Gateway, echo: Echo, secret: str, seen: Seen
) -> None:
    for press in ("test", "sync", "balance", "disable", "enable"):
        seen.answer(browser.send_form(f"{KEYS}1/{press}/"))
        seen.answer(browser.get(f"{site.url}{KEYS}1/change/"))
    echo.is_refusing = True
    for press in ("test", "sync"):
        seen.answer(browser.send_form(f"{KEYS}1/{press}/"))
        seen.answer(browser.get(f"{site.url}/admin/"))
        seen.files(site)
    # Errors of every kind, with the secret in what was posted.
    page = f"{site.url}{KEYS}1/change/"
    assert seen.answer(browser.post(page, data=form(hub, secret))).status_code == 403
    long = form(hub, secret, note="x" * 40_000_000)
    assert seen.answer(browser.send_form(f"{KEYS}1/change/", **long)).status_code in (400, 413)
    with broken(site):
        for fields in (form(hub, secret, note="Broken"), form(hub, secret, name="Another", weight="2")):
            assert seen.answer(browser.send_form(f"{KEYS}1/change/", **fields)).status_code == 500
        assert (
            seen.answer(browser.send_form(f"{KEYS}add/", **form(hub, secret, name="New"))).status_code == 500
        )
        seen.answer(browser.get(f"{site.url}{KEYS}"))
    assert browser.send_form(f"{KEYS}1/change/", **form(hub, secret, note="Mended")).status_code == 302


class broken:
    """The database lacks a table for a while: whatever saves a key breaks in the middle."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __enter__(self) -> None:
        self._rename("conversations_keycooldown", "conversations_elsewhere")

    def __exit__(self, *ended: object) -> None:
        self._rename("conversations_elsewhere", "conversations_keycooldown")

    def _rename(self, name: str, to: str) -> None:
        connection = self._site.database()
        with connection:
            connection.execute(f"ALTER TABLE {name} RENAME TO {to}")
        connection.close()
