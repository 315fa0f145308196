"""The practice gateway as a child of the engine: a process of its own that ends with its parent."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from conversations.models import GatewayKey, KeySource

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parent.parent.parent


def is_wanted() -> bool:
    """Whether no other key is enabled, and the setting allows practice."""
    others = GatewayKey.objects.filter(is_enabled=True).exclude(source=KeySource.PRACTICE)
    return settings.PRACTICE_GATEWAY and not settings.CHAINHUB_API_KEY and not others.exists()


class PracticeProcess:
    """Starts and stops `python -m conversations.practice`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start it on a free port; return its address once it listens."""
        # It ends when its standard input does: also when this process is killed and can say nothing more.
        # -S: it needs the standard library alone, and so stays small and starts fast.
        command = [
            sys.executable,
            "-S",
            "-m",
            "conversations.practice",
            "--port",
            "0",
            "--until-stdin-closes",
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no text of anybody
            command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        address = line.rpartition(" ")[2].strip()
        if not address.startswith("http://127.0.0.1:"):
            self.stop()
            raise RuntimeError("the practice gateway did not start")
        logger.info("The practice gateway answers at %s", address)
        return address

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process = None
