"""How PortOne reads parameters: JSON, form bodies and queries, with name[], name[0] and name[key] as PHP does; and
name[][key] as Ruby and JavaScript clients write a list of objects."""

from __future__ import annotations

import email
import json
import re
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from .refusals import bad_request

_PART = re.compile(r"\[([^\]]*)\]")


def read_query(query: str) -> dict[str, Any]:
    """Nested dicts and lists of text; a plain key that is repeated becomes a list."""
    return _tree(parse_qsl(query, keep_blank_values=True))


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in pairs:
        name, rest = _split(key)
        if not rest and name in tree:
            before = tree[name]
            tree[name] = [*before, value] if isinstance(before, list) else [before, value]
        else:
            _put(tree, [name, *rest], value)
    listed = _lists(tree)
    return listed if isinstance(listed, dict) else {}


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """The body of a request, whatever its declared type; Refused (400) when it is no object."""
    if not body.strip():
        return {}
    if content_type.lower().startswith("multipart/form-data"):
        return _tree(_multipart(body, content_type))
    text = body.decode("utf-8-sig", "replace")
    if "json" not in content_type.lower() and text.lstrip()[:1] != "{":
        return read_query(text.strip())
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise bad_request("요청 본문을 해석할 수 없습니다.") from None
    if content is None or content == []:  # how a client in PHP or Python writes that it has no parameters
        return {}
    if not isinstance(content, dict):
        raise bad_request("요청 본문을 해석할 수 없습니다.")
    return content


def _multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return [(str(part.get_param("name", "", "content-disposition")), _content(part)) for part in parts]


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _split(key: str) -> tuple[str, list[str]]:
    name, bracket, _ = key.lstrip().partition("[")  # PHP drops the blanks; the Go client sends some
    return name, _PART.findall(key) if bracket else []


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    *parents, last = path
    for part, following in zip(parents, path[1:], strict=True):
        inner = tree.setdefault(part or _open_element(tree, following), {})
        if not isinstance(inner, dict):
            return
        tree = inner
    tree[last or str(len(tree))] = value


def _open_element(tree: dict[str, Any], key: str) -> str:
    """The number of the list's last element while it lacks `key`, else of a new one."""
    newest = str(len(tree) - 1)
    last = tree.get(newest)
    return newest if key and isinstance(last, dict) and key not in last else str(len(tree))


def _lists(tree: Any) -> Any:
    """Dicts whose keys are 0, 1, 2 … become lists."""
    if not isinstance(tree, dict):
        return tree
    inner = {key: _lists(value) for key, value in tree.items()}
    if inner and list(inner) == [str(number) for number in range(len(inner))]:
        return list(inner.values())
    return inner
