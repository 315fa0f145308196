"""What `make run` installs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bench.scene import Scene
from tests.site import ROOT


def measure(scene: Scene) -> list[tuple[str, str, str]]:
    """Install the run-time packages into an empty folder, and weigh it."""
    target = scene.folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-compile"]
    requirements = ROOT / "requirements.txt"
    subprocess.run(
        [*command, "--target", str(target), "-r", str(requirements)],
        check=True,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    packages = len(re.findall(r"^[a-z0-9].*==", requirements.read_text(), re.MULTILINE))
    size = sum(path.stat().st_size for path in Path(target).rglob("*") if path.is_file())
    return [
        ("packages", str(packages), "40"),
        ("size, MB", f"{size / 1_000_000:.0f}", "120"),
    ]
