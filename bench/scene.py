"""The stage: a practice gateway in a process of its own, and the site that asks it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.site import PASSWORD, ROOT, Browser, Site


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gateway_process: subprocess.Popen[str] | None = None
        self.gateway = ""

    def __enter__(self) -> Self:
        self.gateway_process = subprocess.Popen(
            [sys.executable, "-S", "-m", "conversations.practice", "--port", "0", "--until-stdin-closes"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.gateway_process.stdout
        self.gateway = self.gateway_process.stdout.readline().split()[-1]
        self.site = Site(
            self.folder / "data", CHAINHUB_BASE_URL=self.gateway, CHAINHUB_API_KEY="sk-for-the-benchmark"
        ).start()
        while not self.site.rows("SELECT 1 FROM conversations_model WHERE name = 'practice-steady'"):
            time.sleep(0.05)
        self.browser = Browser(self.site)
        return self

    def people(self, count: int) -> list[Browser]:
        """Make members and sign them in: what is fair to one person is not what a team does."""
        names = [f"member{number}" for number in range(count)]
        script = "from conversations.models import User\n" + "".join(
            f"User.objects.create_user('{name}', password='{PASSWORD}')\n" for name in names
        )
        subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
            cwd=ROOT,
            env=self.site.environment(),
            check=True,
        )
        return [Browser(self.site, name) for name in names]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.site.close()
        assert self.gateway_process
        self.gateway_process.kill()
        self.gateway_process.wait()
