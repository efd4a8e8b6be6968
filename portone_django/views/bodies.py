"""One parser for what comes from outside: size first, then JSON or a form, strings only, never a stack trace."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.request import RawPostDataException

MAX_BODY_BYTES = 16 * 1024


class BadBody(ValueError):
    """`status` is the HTTP status to answer with."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


def read_body(request: HttpRequest) -> dict[str, Any]:
    """The body as a dict, from JSON or a form; {} when empty. Raises BadBody (400, 413, 415)."""
    raw = _read_raw(request)
    if not raw:
        return {}
    kind = (request.content_type or "").lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _from_json(raw)
    if kind == "application/x-www-form-urlencoded":
        return _from_form(raw)
    raise BadBody(415, "Send application/json or application/x-www-form-urlencoded.")


def text(body: dict[str, Any], key: str, limit: int = 200) -> str:
    """The value as a clean string; "" when it is absent, not a string, or longer than `limit`."""
    value = body.get(key)
    if not isinstance(value, str) or len(value) > limit or "\x00" in value:
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value


def _read_raw(request: HttpRequest) -> bytes:
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise BadBody(400, "Content-Length is not a number.") from None
    if declared > MAX_BODY_BYTES:
        raise BadBody(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        raw = request.body
    except (RawPostDataException, OSError):
        raise BadBody(400, "The body could not be read.") from None
    if len(raw) > MAX_BODY_BYTES:
        raise BadBody(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return raw


def _from_json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadBody(400, "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise BadBody(400, "The body is not a JSON object.")
    return value


def _from_form(raw: bytes) -> dict[str, Any]:
    try:
        return QueryDict(raw.decode("utf-8"), encoding="utf-8").dict()
    except (ValueError, UnicodeError):
        raise BadBody(400, "The body is not a form.") from None
