"""Decides how long a call may hold a thread, and knows whether a byte of it has left this machine.

`requests` bounds each socket read but not their sum: a server that sends one byte every ten seconds holds a worker for
hours. Here every read, of headers and body alike, gets what is left of one deadline. Name resolution alone is bounded
by the system's resolver.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

CONNECT_SECONDS = 10.0


class Deadline:
    """A point in monotonic time; `seconds` from now."""

    __slots__ = ("_at",)

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._at - time.monotonic())


class Attempt:
    """One try of one request: its deadline, and what the connection saw of it."""

    __slots__ = ("deadline", "is_tracked", "is_written")

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.is_tracked = False
        self.is_written = False


_current: ContextVar[Attempt | None] = ContextVar("portone_attempt", default=None)


@contextmanager
def attempting(deadline: Deadline) -> Iterator[Attempt]:
    """Everything that this thread sends inside the block belongs to the attempt."""
    attempt = Attempt(deadline)
    token = _current.set(attempt)
    try:
        yield attempt
    finally:
        _current.reset(token)


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter with connections that obey the attempt's deadline; it repeats nothing by itself."""

    def __init__(self) -> None:
        # One connection is kept for each thread that charges, however many a project asks for.
        super().__init__(pool_connections=4, pool_maxsize=256, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def send(self, *args: Any, **kwargs: Any) -> Any:
        attempt = _current.get()
        if attempt is not None:
            attempt.is_tracked = True
        return super().send(*args, **kwargs)


class _Timed(HTTPConnection):
    """What both connections share. `debuglevel` here outranks a global one, which would print headers and bodies."""

    debuglevel = 0

    def _new_conn(self) -> socket.socket:
        attempt = _current.get()
        if attempt is None:
            return super()._new_conn()
        return _connect(self, attempt.deadline)

    def send(self, data: Any) -> None:
        attempt = _current.get()
        if attempt is not None:
            if self.sock is None and self.auto_open:
                self.connect()
            self.sock.settimeout(_left(attempt.deadline))
            attempt.is_written = True
        super().send(data)


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        attempt = _current.get()
        source = _TimedSocket(sock, attempt.deadline) if attempt is not None else sock
        super().__init__(cast(socket.socket, source), *args, **kwargs)


class _TimedSocket:
    """Hands http.client a reader in place of the socket."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._deadline))


class _TimedReader(io.RawIOBase):
    """Reads a socket; each read waits no longer than what is left of the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        # The real file object keeps the socket open for as long as this one is read.
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._deadline))
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _Connection(_Timed):
    response_class = _TimedResponse


class _TLSConnection(_Timed, HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Quiet(logging.Filter):
    """Drops urllib3's own lines about our calls: they carry whole URLs, and one query holds a merchant's API key."""

    def filter(self, record: logging.LogRecord) -> bool:
        return _current.get() is None


for _name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_Quiet())


def _connect(connection: HTTPConnection, deadline: Deadline) -> socket.socket:
    """Tries the addresses of the host in turn, all of them together no longer than CONNECT_SECONDS or the deadline."""
    host = connection.host
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameResolutionError(host, connection, cast(socket.gaierror, error)) from None
    budget = Deadline(min(CONNECT_SECONDS, deadline.remaining()))
    failure: Exception = ConnectTimeoutError(connection, "no time left")
    for *_, address in found:
        if not budget.remaining():
            break
        try:
            numeric = (str(address[0]), connection.port or 0)
            return create_connection(numeric, budget.remaining(), socket_options=connection.socket_options)
        except TimeoutError:
            failure = ConnectTimeoutError(connection, "timed out")
        except OSError:
            failure = NewConnectionError(connection, "failed")
    raise failure


def _left(deadline: Deadline) -> float:
    left = deadline.remaining()
    if not left:
        raise TimeoutError("the deadline of the call has passed")
    return left
