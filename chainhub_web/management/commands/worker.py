"""`manage.py worker`: the engine in a process of its own, for ENGINE=separate."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from chainhub_web import server
from conversations.generation.engine import Engine


class Command(BaseCommand):
    help = "Make answers until SIGTERM. Web processes with ENGINE=separate leave that to workers."

    def handle(self, *args: Any, **options: Any) -> None:
        server.log_broken_threads()
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        engine = Engine()
        engine.start()
        self.stdout.write("The engine runs.")
        ending.wait()
        engine.stop()
