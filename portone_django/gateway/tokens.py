"""Decides when an access token is fetched: once per process and life, by one thread, never by this machine's clock.

PortOne has one live token per key pair: asking again returns the same one, and extends it by five minutes only in its
last minute. So it is renewed when under 45 s are left, and not more often than every 15 s; a token that PortOne refuses
is dropped at once, but only by the first caller who saw it refused.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from .errors import NotSent
from .parsing import Fields
from .wire import Deadline

RENEW_UNDER_SECONDS = 45.0
RENEW_PAUSE_SECONDS = 15.0


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Token:
    """An access token, its life in seconds and PortOne's time (unix seconds), both at the moment of the answer."""

    value: str
    life: float
    now: int = 0

    def __repr__(self) -> str:
        return "<Token: hidden>"

    @classmethod
    def parse(cls, value: Any) -> Token:
        fields = Fields(value, "token")
        now = fields.moment_known("now")
        return cls(fields.identifier("access_token"), float(fields.moment_known("expired_at") - now), now)


class TokenSource:
    """Keeps the token of one key pair for all threads of this process. `fetch` calls getToken."""

    def __init__(self, fetch: Callable[[Deadline], Token], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._fetched_at = 0.0
        self._flight: Future[Token] | None = None

    def get(self, deadline: Deadline) -> Token:
        """A token to use now. Threads that need a new one wait for the same fetch and share its result or error."""
        with self._lock:
            if self._token is not None and self._is_good_enough(self._token):
                return self._token
            flight, is_mine = self._flight, self._flight is None
            if flight is None:
                flight = self._flight = Future()
        if is_mine:
            self._fly(flight, deadline)
        try:
            return flight.result(timeout=deadline.remaining())
        except FutureTimeout:
            pass
        raise NotSent(call="getToken", reason="no token before the deadline")

    def reject(self, token: Token) -> None:
        """PortOne refused this token. A newer one that another thread fetched meanwhile stays."""
        with self._lock:
            if self._token is token:
                self._token = None

    def _is_good_enough(self, token: Token) -> bool:
        age = self._clock() - self._fetched_at
        return token.life - age >= RENEW_UNDER_SECONDS or age < RENEW_PAUSE_SECONDS

    def _fly(self, flight: Future[Token], deadline: Deadline) -> None:
        try:
            token = self._fetch(deadline)
        except BaseException as failure:
            with self._lock:
                self._flight = None
            is_ours = isinstance(failure, Exception)
            flight.set_exception(failure if is_ours else NotSent(call="getToken", reason="interrupted"))
            if not is_ours:
                raise
            return
        with self._lock:
            self._token, self._fetched_at, self._flight = token, self._clock(), None
        flight.set_result(token)
