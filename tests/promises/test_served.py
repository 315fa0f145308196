"""The site as it is really served: promises 5, 6, 19, 20 and 22 over the wire, and what its log says then."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

from tests.site import ROOT, Browser, Site, free_port

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.usefixtures("wire")]

KEY = "sk-planted-0123456789abcdef"
WORDS = "planted words of a message"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`make run` on a fresh machine, without a password of its own."""
    made = Site(
        tmp_path_factory.mktemp("served") / "data",
        ADMIN_USERNAME="",
        ADMIN_PASSWORD="",
        STREAMS_MAX_PER_PERSON="3",
        CHAINHUB_API_KEY=KEY,
        CHAINHUB_BASE_URL="http://127.0.0.1:9",
    )
    with_umask = os.umask(0o022)
    yield made.start()
    os.umask(with_umask)
    made.close()


@pytest.fixture(scope="module")
def printed(site: Site) -> dict[str, str]:
    return dict(re.findall(r"^(Chat|Username|Password): (.*)$", site.log(), re.MULTILINE))


@pytest.fixture(scope="module")
def session(site: Site, printed: dict[str, str]) -> Browser:
    return Browser(site, printed["Username"], printed["Password"])


def raw(site: Site, request: bytes) -> bytes:
    """Send bytes as they are; return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as sock:
        sock.sendall(request)
        return sock.makefile("rb").readline()


# --- Secrets -----------------------------------------------------------------------------------------


def test_the_password_is_printed_once_and_stands_nowhere(
    site: Site, printed: dict[str, str], session: Browser
) -> None:
    assert printed["Chat"] == f"{site.url}/"
    assert printed["Username"] == "admin"
    assert len(printed["Password"]) >= 16
    assert site.log().count(printed["Password"]) == 1
    for path in site.data_dir.rglob("*"):
        if path.is_file():
            assert printed["Password"].encode() not in path.read_bytes(), path
            assert KEY.encode() not in path.read_bytes(), path


def test_the_data_directory_is_for_its_owner_alone(site: Site) -> None:
    assert stat.S_IMODE(site.data_dir.stat().st_mode) == 0o700
    for name in ("secret_key", "encryption_keys"):
        assert stat.S_IMODE((site.data_dir / name).stat().st_mode) == 0o600


# --- Requests that no browser makes ------------------------------------------------------------------


REQUESTS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "another host": b"GET /login/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "two hosts": b"GET /login/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "a broken content type": b"GET /login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: a/b; x*=nope''y\r\n\r\n",
    "no text charset": b"GET /login/?q=%ff HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: a/b; charset=hex\r\n\r\n",
    "a broken form": b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
    b"Content-Type: multipart/form-data; boundary=b; charset=bz2\r\n\r\n--b",
    "a cookie with NUL": b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    b'Cookie: sessionid="\\000aaaaaaaaaaaaaa"; x=\xff\r\n\r\n',
    "raw bytes": b"GET /search/?q=\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "raw bytes in the path": b"GET /\xff%ff%00/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a fragment": b"GET /sidebar/ HTTP/1.1\r\nHost: localhost\r\nHX-Request: true\r\nHX-Current-URL: http://[\r\n\r\n",
    "a long line": b"GET /?q=" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 500 + b"\r\n",
    "a broken length": b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    "two lengths": b"POST /login/ HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a forwarded address": b"GET /login/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ''\r\n"
    b"X-Forwarded-Proto: https\r\nX_Forwarded_For: 1\r\n\r\n",
    "no method": b"\xff\xfe / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "another address": b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no address": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_no_request_breaks_the_server(site: Site, name: str) -> None:
    line = raw(site, REQUESTS[name])

    # An empty line: the connection was closed without a word, as a server may.
    assert not line or re.match(rb"HTTP/1\.[01] [234]", line), line


def test_forms_beyond_all_bounds_get_their_answer(site: Site, session: Browser) -> None:
    token = session.cookies["csrftoken"]
    page = {"Content-Type": "application/x-www-form-urlencoded"}

    for path, body in (
        ("/send/", f"csrfmiddlewaretoken={token}&text=".encode() + b"x" * 50_000_000),
        ("/login/", b"x=1&" * 10_000),
    ):
        answer = session.post(f"{site.url}{path}", data=body, headers=page, allow_redirects=False)
        assert answer.status_code == 413
        assert "too large" in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
    assert session.get(f"{site.url}/healthz").status_code == 200


def test_nothing_of_the_server_is_served(site: Site, session: Browser) -> None:
    for path in (
        "/static/../chainhub_web/settings.py", "/static/%2e%2e/manage.py", "/media/", "/data/secret_key",
        "/static/%2e%2e%2fdata/secret_key", "/.git/config", "/.env", "/chat.sqlite3", "/static/",
    ):  # fmt: skip
        line = raw(site, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert re.match(rb"HTTP/1\.1 (30[12]|40[04])", line), (path, line)


# --- Streams -----------------------------------------------------------------------------------------


def test_a_burst_of_streams_is_refused_in_words_and_everything_else_goes_on(
    site: Site, session: Browser
) -> None:
    ((key,),) = site.rows("SELECT id FROM conversations_gatewaykey")
    model = {
        "name": "gpt-4o",
        "is_enabled": "on",
        "order": "1",
        "served_by": str(key),
        "wire": "chat_completions",
    }
    added = session.send_form("/admin/conversations/model/add/", **model)
    assert added.status_code == 302, re.findall(r"errorlist.*?</ul>", added.text, re.DOTALL)
    # Its gateway refuses the connection: what is written of that is looked at below.
    address = f"{site.url}{session.ask(WORDS, 'gpt-4o')}"

    opened = [session.get(f"{address}events/", stream=True, timeout=20) for _ in range(5)]
    began = [answer.status_code for answer in opened]

    assert sorted(began) == [200, 200, 200, 503, 503]
    assert session.get(address).status_code == 200
    for answer in opened:
        answer.close()


# --- The log -----------------------------------------------------------------------------------------


def test_after_all_that_the_log_holds_nothing_of_anybody(site: Site, session: Browser) -> None:
    session.send_form("/send/", send_id=str(uuid.uuid4()), text=WORDS, model=KEY)
    session.get(f"{site.url}/search/", params={"q": WORDS})
    requests.post(f"{site.url}/login/", data={"username": "admin", "password": WORDS}, timeout=20)

    log = site.log()

    for secret in (WORDS, KEY, session.cookies["sessionid"], session.cookies["csrftoken"]):
        assert secret not in log
    for name in ("secret_key", "encryption_keys"):
        assert (site.data_dir / name).read_text().strip() not in log
    # Another host's name is told of with its way through the code; nothing else broke.
    assert "Internal Server Error" not in log
    assert "ERROR gunicorn" not in log


# --- The Procfile ------------------------------------------------------------------------------------


def test_the_procfile_serves_with_its_secrets_given(tmp_path: Path) -> None:
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = kept | {
        "SECRET_KEY": "not a secret of any site, but fifty characters long, as one must be",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DATA_DIR": str(tmp_path),
        "PORT": str(port),
        "PRACTICE_GATEWAY": "false",
        "HTTPS": "true",
    }
    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines["web"] == "gunicorn --config chainhub_web/gunicorn_conf.py chainhub_web.wsgi"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--noinput", "-v0"],
        cwd=ROOT, env=environment, check=True, timeout=60,
    )  # fmt: skip
    log = (tmp_path / "log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", *lines["web"].split()],
        cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:
        answer = None
        deadline = time.monotonic() + 60
        while answer is None:
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            try:
                answer = requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.05)
        page = requests.get(f"http://127.0.0.1:{port}/login/", timeout=5, allow_redirects=False)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        log.close()

    assert json.loads(answer.text) == {"status": "up"}
    assert page.headers["Location"].startswith("https://")
    # The secrets that were given are written nowhere, and none is made up.
    assert not list(tmp_path.glob("*key*"))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert environment["SECRET_KEY"].encode() not in path.read_bytes()
            assert environment["ENCRYPTION_KEYS"].encode() not in path.read_bytes()
