"""Decides what one HTTP answer of PortOne means: the content of its envelope, or an error of the table in errors.py."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3

from .errors import MalformedAnswer, Misconfigured, NotFound, RateLimited, Refused, ServerTrouble, Unauthorized
from .parsing import Unreadable, loads
from .redaction import safe_message

Query = tuple[tuple[str, str], ...]

LONGEST_WAIT = 3600.0
_CHUNK = 64 * 1024
# PortOne words it so for billing keys, with HTTP 404 by its schema and HTTP 200 in practice (facts A12).
_UNKNOWN_OBJECT = ("찾을 수 없", "존재하지 않", "등록되지 않은")


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """One call to PortOne, whole. Its repr is its name only: path, query and body may hold what nobody should read."""

    name: str
    method: str
    path: str
    query: Query = ()
    body: Mapping[str, Any] | None = None
    most_bytes: int = 1024 * 1024
    is_lookup_by_text: bool = False

    def __repr__(self) -> str:
        return f"<Call {self.name}>"

    @property
    def is_repeatable(self) -> bool:
        return self.method == "GET"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One HTTP answer, read to its end and unpacked. Its repr is the status only."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<Answer {self.status}>"


def content(call: Call, answer: Answer, secrets: Sequence[str]) -> Any:
    """The envelope's `response` of an answer with code 0; raises the matching PortOneError for every other answer.

    `secrets` are the values that must not come back in the error's message.
    """
    status = answer.status
    if status == 429:
        raise RateLimited(call=call.name, http_status=status, retry_after=wait_of(answer.headers))
    if status >= 500:
        raise ServerTrouble(call=call.name, http_status=status, retry_after=wait_of(answer.headers))
    if 300 <= status < 400:
        raise MalformedAnswer(call=call.name, http_status=status, reason="a redirect, which is never followed")
    try:
        code, message, response = _envelope(answer.body)
    except Unreadable as fault:
        code, message, response, unreadable = None, None, None, str(fault)
    else:
        unreadable = ""
    if status >= 400:
        raise _refusal(call, status, code, safe_message(message, secrets))
    if unreadable or status < 200:
        raise MalformedAnswer(call=call.name, http_status=status, reason=unreadable or "not an answer")
    if code != 0:
        raise _refusal(call, status, code, safe_message(message, secrets))
    return response


def read_answer(call: Call, response: requests.Response) -> Answer:
    """The whole answer, at most `call.most_bytes` long; raises MalformedAnswer beyond or when it cannot be unpacked.

    Unpacking is bounded too: a few kilobytes of gzip can hold gigabytes. Transport errors pass through.
    """
    return Answer(response.status_code, response.headers, _read_body(call, response))


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, 0 to 3600; both of HTTP's spellings; None when absent or nonsense."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0), LONGEST_WAIT)
    except (ValueError, OverflowError):
        return None


def _envelope(body: bytes) -> tuple[int, Any, Any]:
    """PortOne's {code, message, response}; Unreadable when it is anything else."""
    envelope = loads(body)
    if not isinstance(envelope, dict):
        raise Unreadable("not an envelope")
    code = envelope.get("code")
    if isinstance(code, bool) or not isinstance(code, int):
        raise Unreadable("an envelope without a code")
    return code, envelope.get("message"), envelope.get("response")


def _refusal(call: Call, status: int, code: int | None, text: str) -> Refused:
    if status == 401:
        return Unauthorized(code, text, status, call.name)
    if status == 403 or code is None:
        return Misconfigured(code, text, status, call.name, reason="" if text else "no envelope of PortOne's")
    is_unknown = call.is_lookup_by_text and any(words in text for words in _UNKNOWN_OBJECT)
    kind = NotFound if status == 404 or is_unknown else Refused
    return kind(code, text, status, call.name)


def _read_body(call: Call, response: requests.Response) -> bytes:
    if not isinstance(response.raw, urllib3.HTTPResponse):
        return _bounded(call, response.content)  # an in-process adapter: the body is in memory already
    packed = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        packed += chunk
        _bounded(call, packed)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    return bytes(packed) if encoding in ("", "identity") else _unpacked(call, encoding, bytes(packed))


def _bounded(call: Call, body: bytes | bytearray) -> bytes:
    if len(body) > call.most_bytes:
        raise MalformedAnswer(call=call.name, reason=f"longer than {call.most_bytes} bytes")
    return bytes(body)


def _unpacked(call: Call, encoding: str, packed: bytes) -> bytes:
    if encoding not in ("gzip", "x-gzip"):
        raise MalformedAnswer(call=call.name, reason="an encoding that was not asked for")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        body = unpacker.decompress(packed, call.most_bytes + 1)
    except zlib.error:
        body = None
    if body is None or not (unpacker.eof or len(body) > call.most_bytes):
        raise MalformedAnswer(call=call.name, reason="gzip that cannot be unpacked")
    return _bounded(call, body)
