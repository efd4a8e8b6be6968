"""Requests byte by byte, as HTTP clients of other languages write them."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from portone_django.sandbox.ledger import Sandbox, use_sandbox
from portone_django.sandbox.server import SandboxServer

LOGIN = b'{"imp_key": "sandbox-key", "imp_secret": "sandbox-secret"}'
TOKEN = b"/users/getToken"


class Wire:
    """One connection, kept open."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.answers = connection, connection.makefile("rb")

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        status = int(self.answers.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.answers.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def answer(self) -> tuple[int, int]:
        """(HTTP status, code of the envelope)"""
        status, headers = self.head()
        return status, json.loads(self.answers.read(int(headers["content-length"])))["code"]

    def is_closed(self) -> bool:
        try:
            return self.answers.read(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    server = SandboxServer(sandbox)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with socket.create_connection((str(server.server_address[0]), server.server_address[1]), timeout=5) as connection:
        yield Wire(connection)
    server.shutdown()
    server.server_close()
    sandbox.close()
    use_sandbox(None)


def request(head: str, body: bytes = b"", target: bytes = TOKEN, method: bytes = b"POST") -> bytes:
    lines = f"Host: sandbox\r\n{head}\r\n" if head else "Host: sandbox\r\n"
    return method + b" " + target + b" HTTP/1.1\r\n" + lines.encode() + b"\r\n" + body


def in_chunks(body: bytes, size: int = 7) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%X;ignored=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


CHUNKED = request("Transfer-Encoding: chunked\r\nContent-Type: application/json", in_chunks(LOGIN))
PLAIN = request(f"content-length: {len(LOGIN)}\r\nCONTENT-TYPE: application/json", LOGIN)


def test_a_chunked_body_is_read_whole_and_the_next_request_found(wire: Wire) -> None:
    wire.send(CHUNKED + PLAIN + CHUNKED)
    assert [wire.answer() for _ in range(3)] == [(200, 0)] * 3


def test_a_client_that_expects_100_is_told_to_continue(wire: Wire) -> None:
    wire.send(request(f"Expect: 100-continue\r\nContent-Length: {len(LOGIN)}"))
    assert wire.head() == (100, {})
    wire.send(LOGIN)
    assert wire.answer() == (200, 0)


def test_a_client_that_takes_the_sandbox_for_its_proxy_is_served(wire: Wire) -> None:
    length = f"Content-Length: {len(LOGIN)}"
    wire.send(request(length, LOGIN, b"http://api.iamport.kr/users/getToken"))
    assert wire.answer() == (200, 0)
    wire.send(request("", target=b"http://api.iamport.kr/cards?x=1", method=b"GET"))
    assert wire.answer() == (401, -1)


@pytest.mark.parametrize("content_type", ["", "Content-Type: text/plain", "Content-Type: application/octet-stream"])
def test_a_json_body_needs_no_content_type(wire: Wire, content_type: str) -> None:
    wire.send(request("\r\n".join(filter(None, [f"Content-Length: {len(LOGIN)}", content_type])), LOGIN))
    assert wire.answer() == (200, 0)


def test_a_get_may_carry_an_empty_json_body(wire: Wire) -> None:
    head = "Content-Type: application/json\r\nContent-Length: 2\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br"
    wire.send(request(head, b"[]", b"/cards", b"GET") + PLAIN)
    assert [wire.answer(), wire.answer()] == [(401, -1), (200, 0)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("Content-Length: ten", LOGIN), 400),
        (request("Content-Length: -1", LOGIN), 400),
        (request("Content-Length: 99999999999", LOGIN), 413),
        (request("Transfer-Encoding: chunked", b"zz\r\n"), 400),
        (request("Transfer-Encoding: chunked", b"2\r\nabc\r\n0\r\n\r\n"), 400),
        (request("Transfer-Encoding: chunked", b"fffffff\r\n"), 413),
        (request("Transfer-Encoding: chunked", (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 3), 413),
    ],
)
def test_a_body_without_an_end_is_refused_and_ends_the_connection(wire: Wire, data: bytes, status: int) -> None:
    wire.send(data)
    assert wire.answer() == (status, -1)
    assert wire.is_closed()


def test_a_body_that_stops_short_performs_nothing(wire: Wire) -> None:
    wire.send(request("Content-Length: 1000", LOGIN))
    wire.connection.shutdown(socket.SHUT_WR)
    assert wire.answer() == (400, -1)
