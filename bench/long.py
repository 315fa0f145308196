"""Opening a conversation of a thousand turns, and one of ten: what the server takes for the page."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from bench.scene import Scene
from tests.site import ROOT, USERNAME

TURNS = (10, 1000)
_WORDS = "Some words of **an answer**, as long as most of them are. " * 8


def measure(scene: Scene, *, runs: int = 15) -> list[tuple[str, str, str]]:
    """Open each over loopback, one after the other: a request alone, so that its time is the server's."""
    script = "\n".join(
        (
            "from conversations.models import Model, User",
            "from tests import long_conversations",
            f"owner = User.objects.get(username={USERNAME!r})",
            "model = Model.objects.get(name='practice-steady')",
            f"for turns in {TURNS!r}:",
            f"    made = long_conversations.make(owner, model, turns=turns, words={_WORDS!r})",
            "    print('made', made.public_id)",
        )
    )
    seeding = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=ROOT,
        env=scene.site.environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    made = [line.split()[1] for line in seeding.stdout.splitlines() if line.startswith("made ")]
    measured = []
    for turns, public_id in zip(TURNS, made, strict=True):
        took, size = _open(scene, f"{scene.site.url}/c/{public_id}/", runs)
        aim = "60" if turns == max(TURNS) else "-"
        measured.append((f"page at turn {turns:,}, server ms", f"{took * 1000:.0f}", aim))
        measured.append((f"page at turn {turns:,}, KB", f"{size / 1000:.0f}", "-"))
    return measured


def _open(scene: Scene, address: str, runs: int) -> tuple[float, int]:
    seconds, size = [], 0
    for _ in range(runs + 1):
        began = time.perf_counter()
        answer = scene.browser.get(address)
        seconds.append(time.perf_counter() - began)
        assert answer.status_code == 200
        size = len(answer.content)
    # The first one warms what is compiled once.
    return statistics.median(seconds[1:]), size
