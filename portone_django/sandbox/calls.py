"""One request and one answer, free of any web framework: Django, the server and the in-process adapter share them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .refusals import Refused, bad_request

if TYPE_CHECKING:
    from .ledger import Sandbox

MAX_BODY = 2 * 1024 * 1024


@dataclass
class Call:
    """`path` is still quoted, so that a quoted slash stays inside its part. `patience` is the client's read timeout
    where it is known (in process): what takes longer need not be slept through."""

    sandbox: Sandbox
    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names
    raw_body: bytes = b""
    patience: float | None = None
    prefix: str = "/"  # where the sandbox is mounted
    params: dict[str, str] = field(default_factory=dict)  # of the route
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> list[str]:
        """The path's parts, unquoted; empty ones (doubled and trailing slashes) do not count."""
        return [unquote(part) for part in self.path.split("/") if part]

    def text(self, name: str) -> str | None:
        """A parameter of the body, else of the query, as text; None when it is missing or empty."""
        value = self.body.get(name)
        if value in (None, ""):
            value = self.query.get(name)
        return None if value in (None, "") or isinstance(value, dict | list) else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise bad_request(f"{name} 파라미터가 누락되었습니다.")
        return value

    def texts(self, source: dict[str, Any], name: str) -> list[str]:
        """A parameter that may be one value or several."""
        value = source.get(name)
        values = value if isinstance(value, list) else [value]
        return [str(one) for one in values if one not in (None, "") and not isinstance(one, dict | list)]

    def flag(self, name: str) -> bool:
        value = self.body.get(name, self.query.get(name))
        return value is True or str(value).lower() in ("true", "1", "y")


@dataclass(frozen=True)
class Wire:
    """What happens to the answer on its way: send, hang, drop, refuse, no_connect, cut (half of it), long
    (Content-Length too large) or drip (a byte every `seconds`)."""

    kind: str = "send"
    seconds: float = 0.0


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]
    wire: Wire = field(default_factory=Wire)


def as_json(content: Any, status: int = 200) -> Reply:
    body = json.dumps(content, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": "application/json; charset=UTF-8"})


def as_html(page: str, status: int = 200) -> Reply:
    return Reply(status, page.encode(), {"Content-Type": "text/html; charset=UTF-8"})


def envelope(response: Any, status: int = 200, *, code: int = 0, message: str | None = None) -> Reply:
    """PortOne's ResponseAnnotation."""
    return as_json({"code": code, "message": message, "response": response}, status)


def refusal(refused: Refused) -> Reply:
    return envelope(None, refused.http_status, code=refused.code, message=refused.message)


def within_limit(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise Refused(-1, "Request Entity Too Large", 413)
    return body
