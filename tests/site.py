"""The site as its users start it: a process of its own, with a data directory of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
USERNAME, PASSWORD = "admin", "correct horse battery staple"
# Variables of the machine that would lead the site somewhere else.
_OURS = re.compile(
    r"^(SECRET_KEY|ENCRYPTION_KEYS|CHAINHUB_|DATA_DIR|DATABASE_URL|REDIS_URL|DJANGO_|PORT|HOST|DEBUG)"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """`manage.py serve` on a free port. Start, stop and kill it as often as a test likes."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.variables = {"ADMIN_USERNAME": USERNAME, "ADMIN_PASSWORD": PASSWORD} | variables
        self.process: subprocess.Popen[str] | None = None
        self.log_path = data_dir.parent / f"{data_dir.name}.log"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
        return kept | {"DATA_DIR": str(self.data_dir), "PORT": str(self.port)} | self.variables

    def start(self, *, seconds: float = 60) -> Site:
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self.is_ready():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return self

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            return False

    def log(self) -> str:
        return self.log_path.read_text()

    def interrupt(self) -> float:
        """Press Ctrl+C; return after how many seconds everything was gone."""
        assert self.process
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(timeout=20)
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9 all of it at once, as a power cut would."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=20)

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.interrupt()

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.data_dir / "chat.sqlite3", timeout=20)

    def rows(self, statement: str, *values: Any) -> list[Any]:
        connection = self.database()
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


class Browser(requests.Session):
    """What a browser does of HTTP: sign in, send, follow the stream."""

    def __init__(self, site: Site, username: str = USERNAME, password: str = PASSWORD) -> None:
        super().__init__()
        self.trust_env = False
        self.site = site
        self.get(f"{site.url}/login/")
        answer = self.send_form("/login/", username=username, password=password)
        assert answer.status_code == 302, answer.text

    def send_form(self, path: str, **fields: Any) -> requests.Response:
        fields["csrfmiddlewaretoken"] = self.cookies["csrftoken"]
        return self.post(f"{self.site.url}{path}", data=fields, allow_redirects=False)

    def ask(self, text: str, model: str, *, path: str = "/send/") -> str:
        """Send a question; return the address of its conversation."""
        answer = self.send_form(path, send_id=str(uuid.uuid4()), text=text, model=model)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def page(self, path: str) -> str:
        answer = self.get(f"{self.site.url}{path}")
        assert answer.status_code == 200, answer.status_code
        return answer.text

    def open_stream(self, path: str) -> requests.Response:
        """Open the live stream of a conversation from what its page shows."""
        address = re.search(r'data-events="([^"]+)"', self.page(path))
        assert address
        return self.get(f"{self.site.url}{address[1].replace('&amp;', '&')}", stream=True, timeout=30)
