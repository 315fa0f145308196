#!/usr/bin/env python
"""The project's commands. `manage.py serve` is what `make run` starts."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    from chainhub_web import start  # noqa: PLC0415 - its syntax needs the version that was just checked

    start.run(sys.argv)


if __name__ == "__main__":
    main()
