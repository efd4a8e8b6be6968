"""PortOne's pages: numbers from 1, `previous` and `next` 0 where there is none."""

from __future__ import annotations

from typing import Any

from ..amounts import whole
from ..calls import Call
from ..records import Record
from ..refusals import bad_request

DEFAULT_LIMIT = 20
MAX_LIMIT = 1_000


def page_of(call: Call) -> int:
    return _bounded(call, "page", 1, None)


def limit_of(call: Call) -> int:
    return _bounded(call, "limit", DEFAULT_LIMIT, MAX_LIMIT)


def paged(items: list[Any], total: int, page: int, limit: int) -> Record:
    """`items` is the page itself."""
    following = page + 1 if page * limit < total else 0
    return {"total": total, "previous": page - 1, "next": following, "list": items}


def slice_of(items: list[Any], page: int, limit: int) -> Record:
    """`items` is everything."""
    return paged(items[(page - 1) * limit : page * limit], len(items), page, limit)


def number(call: Call, name: str, default: int | None = None) -> int:
    """A time of the query in unix seconds; Refused (400) when it is unreadable, or missing without a default."""
    raw = call.query.get(name)
    if raw in (None, "") and default is not None:
        return default
    value = whole(raw)
    if value is None:
        raise bad_request(f"{name} 파라미터가 누락되었거나 숫자가 아닙니다.")
    return value


def _bounded(call: Call, name: str, default: int, maximum: int | None) -> int:
    value = number(call, name, default)
    if value < 1 or (maximum is not None and value > maximum):
        raise bad_request(f"{name} 값이 올바르지 않습니다.")
    return value
