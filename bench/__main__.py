"""`make bench`: one run, medians, each beside what it aims for."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import answers, installed, long, page, start, usage
from bench.scene import Scene

Measured = list[tuple[str, str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each short measurement is made")
    parser.add_argument("only", nargs="?", choices=["usage"], help="a part that needs no site, by itself")
    options = parser.parse_args()
    if options.only:
        _print("Usage over a million calls", usage.measure())
        return
    parts: list[tuple[str, Callable[[Scene], Measured]]] = [
        ("Start and memory", lambda scene: start.measure(scene, runs=options.runs)),
        ("One answer", lambda scene: answers.measure_one(scene, runs=options.runs)),
        ("100 streams of 200 tokens at 20 ms", answers.measure_many),
        ("First page", page.measure),
        ("Long conversations", long.measure),
        ("Usage over a million calls", usage.measure),
        ("Installed", installed.measure),
    ]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chat-bench-") as folder, Scene(Path(folder)) as scene:
        for title, measure in parts:
            _print(title, measure(scene))
    sys.stdout.write(f"\nTook {time.monotonic() - began:.0f} s.\n")


def _print(title: str, measured: Measured) -> None:
    sys.stdout.write(f"\n{title}\n")
    for name, value, aim in measured:
        sys.stdout.write(f"  {name:<58} {value:>14}   aim {aim}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
