"""A warm `make run`, and what it keeps in memory."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time

import requests

from bench import processes
from bench.scene import Scene
from tests.site import ROOT, Site


def measure(scene: Scene, *, runs: int) -> list[tuple[str, str, str]]:
    """Measure on a site of its own, with the practice gateway inside: what a new user starts."""
    site = Site(scene.folder / "warm")
    site.start()
    site.close()
    seconds, memory = [], []
    for _ in range(runs):
        took, used = _once(site)
        seconds.append(took)
        memory.append(used)
    return [
        ("warm `make run` to the first 200, s", f"{statistics.median(seconds):.2f}", "1.5"),
        ("PSS of all processes, MB", f"{statistics.median(memory):.0f}", "150"),
    ]


def _once(site: Site) -> tuple[float, float]:
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "--silent", "run"],
        cwd=ROOT,
        env=site.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not _answers(f"{site.url}/login/"):
        time.sleep(0.01)
    took = time.monotonic() - began
    time.sleep(2)
    used = processes.pss_megabytes(processes.tree(process.pid))
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=20)
    return took, used


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False
