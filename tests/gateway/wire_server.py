"""A PortOne made of bare sockets: it can break HTTP in every way a real server or the network between does."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\n"
TOKEN = "canary-token-0123456789abcdef"


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[socket.socket, "WireServer"], None]


class WireServer:
    """Answers calls from `answers` in turn (then 404 in the envelope) and getToken from `tokens` (then a fresh one)."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: deque[Answer] = deque()
        self.tokens: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self.token_count = 0
        self._tls = tls
        self._lock = threading.Lock()
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    @property
    def base(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[Request]:
        """The requests but those for a token."""
        return [request for request in self.requests if request.path != "/users/getToken"]

    @property
    def token_calls(self) -> list[Request]:
        return [request for request in self.requests if request.path == "/users/getToken"]

    def close(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            self._spawn(self._serve, connection, self._connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self._open.add(connection)
            while not self.stopping.is_set():
                request = self._read(connection, number)
                if request is None:
                    break
                self._answer_to(request)(connection, self)
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _answer_to(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            if request.path == "/users/getToken":
                self.token_count += 1
                return self.tokens.popleft() if self.tokens else token_answer()
            return self.answers.popleft() if self.answers else reply(404, envelope(-1, "존재하지 않는 결제정보입니다."))

    def _read(self, connection: socket.socket, number: int) -> Request | None:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            if not chunk:
                return None
            data += chunk
            if data.startswith(b"\x16\x03"):  # a TLS greeting to a server that speaks none
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return None
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", "0")):
            chunk = connection.recv(65536)
            if not chunk:
                return None
            body += chunk
        method, target, _ = lines[0].split(" ")
        return Request(method, target, headers, body, number)


def envelope(code: int, message: str | None = None, response: Any = None) -> dict[str, Any]:
    return {"code": code, "message": message, "response": response}


def reply(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """A well-formed HTTP answer; `body` is sent as it is when bytes, else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(connection: socket.socket, _: WireServer) -> None:
        fields = {"Content-Length": str(len(data)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection.sendall(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data)

    return answer


def ok(response: Any) -> Answer:
    return reply(200, envelope(0, None, response))


def token_answer(value: str = TOKEN, life: int = 1800, now: int = 1_785_985_200) -> Answer:
    return ok({"access_token": value, "now": now, "expired_at": now + life})


def raw(data: bytes) -> Answer:
    """These bytes, then the end of the connection."""

    def answer(connection: socket.socket, _: WireServer) -> None:
        connection.sendall(data)
        raise OSError

    return answer


def reset() -> Answer:
    """The connection is torn down after the request was read."""

    def answer(connection: socket.socket, _: WireServer) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OSError

    return answer


def hang() -> Answer:
    """No byte, for as long as the server lives."""

    def answer(_: socket.socket, server: WireServer) -> None:
        server.stopping.wait()

    return answer


def drip(start: bytes, endless: bytes) -> Answer:
    """`start` at once, then `endless` over and over, a piece at a time, faster than any read times out."""

    def answer(connection: socket.socket, server: WireServer) -> None:
        connection.sendall(start)
        while not server.stopping.wait(0.05):
            connection.sendall(endless)

    return answer


def then_close(inner: Answer) -> Answer:
    """The answer, then the end of the connection without a word about it."""

    def answer(connection: socket.socket, server: WireServer) -> None:
        inner(connection, server)
        raise OSError

    return answer
