"""Ctrl-C, a closed terminal and SIGTERM end the demo alike, but never between starting a process and knowing it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Somebody asked the demo to end."""


class Interrupts:
    """Turns the signals into Stop, raised wherever the demo is."""

    def __init__(self) -> None:
        self._is_held = self._is_pending = False
        for each in SIGNALS:
            signal.signal(each, self._arrived)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, a signal waits; it is raised at the end."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_pending:
            raise Stop

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Inside, signals do nothing: the demo is ending already."""
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        yield

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        self._is_pending = True
        if not self._is_held:
            raise Stop
