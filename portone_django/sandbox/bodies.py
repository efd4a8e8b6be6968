"""Where one request's body ends on the socket: by Content-Length or in chunks, so that the next request is found."""

from __future__ import annotations

from email.message import Message
from io import BufferedIOBase

from .calls import MAX_BODY

_MAX_LINE = 8 * 1024


class Unreadable(Exception):
    """A body without an end; the connection cannot be used any further. `status` is the HTTP answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def read_from(stream: BufferedIOBase, headers: Message) -> bytes:
    """The whole body, empty when none was announced; Unreadable with 400 (malformed) or 413 (over 2 MiB)."""
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return _chunks(stream)
    announced = headers.get("Content-Length", "0").strip()
    if not (announced.isascii() and announced.isdigit()):
        raise Unreadable(400)
    return _exactly(stream, int(announced))


def _chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while size := _size(stream):
        body += _exactly(stream, size)
        if stream.readline(_MAX_LINE).strip():
            raise Unreadable(400)
        if len(body) > MAX_BODY:
            raise Unreadable(413)
    while stream.readline(_MAX_LINE).strip():  # trailers
        continue
    return bytes(body)


def _size(stream: BufferedIOBase) -> int:
    """A chunk's length in hexadecimal digits; what follows a semicolon are extensions."""
    digits = stream.readline(_MAX_LINE).partition(b";")[0].strip()
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise Unreadable(400)
    return int(digits, 16)


def _exactly(stream: BufferedIOBase, size: int) -> bytes:
    if size > MAX_BODY:
        raise Unreadable(413)
    body = stream.read(size)
    if len(body) < size:
        raise Unreadable(400)
    return body
