"""The web process: gunicorn's options, the engine inside it, and an end within three seconds."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger

from conversations.generation.engine import Engine
from conversations.generation.relay import hub
from conversations.services import connections
from conversations.views.reporting import QuietLines, QuietRecords

logger = logging.getLogger(__name__)

# The master kills what is still there after this long; the worker is gone a little earlier by itself.
GRACE = 2
_LAST_MOMENT = 1.8


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own log, as quiet as the site's: a stream that breaks is told of here."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(QuietLines())
            handler.addFilter(QuietRecords())


def log_broken_threads() -> None:
    """Have a thread that breaks tell so in the log; Python would print all that the exception says."""
    threading.excepthook = _log_broken_thread


def _log_broken_thread(broken: threading.ExceptHookArgs) -> None:
    name = broken.thread.name if broken.thread else "?"
    kind, error, way = broken.exc_type, broken.exc_value, broken.exc_traceback
    logger.error("Thread %s broke", name, exc_info=(kind, error, way) if error else None)


def options() -> dict[str, Any]:
    """Return gunicorn's settings, for `manage.py serve` and for gunicorn_conf.py alike."""
    return {
        "bind": f"{settings.HOST}:{settings.PORT}",
        "worker_class": "gthread",
        "workers": settings.WEB_PROCESSES,
        "threads": settings.WEB_THREADS,
        "worker_connections": max(1000, settings.WEB_THREADS * 2),
        "keepalive": 15,
        "graceful_timeout": GRACE,
        # A thread that streams for an hour is no hung worker; gthread itself beats every second.
        "timeout": 60,
        # A worker that is replaced takes its running answers along.
        "max_requests": 0,
        "preload_app": True,
        "control_socket_disable": True,
        # Forwarded headers are the business of conversations.middleware.TrustedProxy alone.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "accesslog": None,
        "errorlog": "-",
        "logger_class": _Log,
        "loglevel": "warning",
        "post_worker_init": begin,
        "pre_fork": close_connections,
    }


def close_connections(server: Any, worker: Any) -> None:
    connections.close_before_a_fork()


def begin(worker: Any) -> None:
    """Start the engine where it is embedded, and take over the worker's signals."""
    # A thread that renders a page gives way to one that has a token to pass on after 1 ms instead of 5.
    sys.setswitchinterval(0.001)
    log_broken_threads()
    engine = Engine() if settings.ENGINE == "embedded" else None
    if engine:
        engine.start()
    ending = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        # Ctrl+C reaches this process twice: from the terminal, and from the master.
        if not ending.is_set():
            ending.set()
            # In a thread: the handler interrupts the main thread anywhere, perhaps under a lock of ours.
            threading.Thread(target=_end, args=(engine,), name="ending", daemon=True).start()
            worker.handle_exit(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, end)


def _end(engine: Engine | None) -> None:
    began = time.monotonic()
    hub.close()
    if engine:
        engine.stop()
    time.sleep(max(0.0, _LAST_MOMENT - (time.monotonic() - began)))
    # A thread that hangs in a connect or a slow disk must not keep the port.
    os._exit(0)
