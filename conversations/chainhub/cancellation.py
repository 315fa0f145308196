"""One switch that stops a request from another thread, in whatever phase it is."""

import threading
from collections.abc import Callable

from conversations.chainhub.errors import Cancelled


class Cancellation:
    """Thread-safe. `cancel()` returns at once; the reading thread raises Cancelled within a moment.

    One switch may serve several requests, one after the other (retries, tool rounds) or side by side.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        self._event.set()
        with self._lock:
            cuts = list(self._cuts)
        for cut in cuts:
            cut()

    def wait(self, seconds: float) -> bool:
        """Sleep before a retry; return True at once when it is cancelled."""
        return self._event.wait(seconds)

    def raise_if_cancelled(self) -> None:
        if self._event.is_set():
            raise Cancelled("stopped")

    def watch(self, cut: Callable[[], None]) -> None:
        """Have `cut` called by cancel(). It may be called twice, and from another thread."""
        with self._lock:
            self._cuts.append(cut)
        # cancel() may have copied the list just before.
        if self._event.is_set():
            cut()

    def forget(self, cut: Callable[[], None]) -> None:
        with self._lock:
            if cut in self._cuts:
                self._cuts.remove(cut)
