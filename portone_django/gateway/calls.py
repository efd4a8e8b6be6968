"""Decides what every noun's calls share: the transport, and how optional parameters become fields of a body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from .answers import Call, Query
from .errors import MalformedAnswer, NotFound
from .transport import Transport
from .wire import Deadline

T = TypeVar("T")

LIST_BYTES = 4 * 1024 * 1024
# A list takes at most so many ids (PortOne V1 OpenAPI file).
MOST_IDS = 100
# A look-up that needs more pages than this is not about one order; better an error than half an answer.
MOST_PAGES = 50

# PortOne V1's lengths of texts that only describe; longer ones are cut, so that a long name never stops a sale.
TEXT_LIMITS = {
    "name": 40,
    "buyer_name": 16,
    "buyer_email": 64,
    "buyer_tel": 16,
    "buyer_addr": 128,
    "buyer_postcode": 8,
    "customer_name": 20,
    "customer_tel": 20,
    "customer_email": 200,
    "customer_addr": 200,
    "customer_postcode": 8,
}


class Calls:
    """Base of the nouns; only `client.Client` is made."""

    _transport: Transport

    def _get(
        self,
        name: str,
        path: str,
        read: Callable[[Any], T],
        deadline: Deadline,
        query: Query = (),
        **options: Any,
    ) -> T:
        return self._transport.call(Call(name, "GET", path, query, **options), read, deadline)

    def _every(
        self,
        name: str,
        path: str,
        read_page: Callable[..., tuple[list[T], int | None]],
        deadline: Deadline,
        before: Query = (),
        after: Query = (),
        **options: Any,
    ) -> Iterator[T]:
        """The items of every page, asked for between `before` and `after`. A later one that is gone ends it.

        More than MOST_PAGES is MalformedAnswer.
        """
        page = 1
        for _ in range(MOST_PAGES):
            asked = (*before, ("page", str(page)), *after)
            read = partial(read_page, page=page)
            try:
                items, following = self._get(name, path, read, deadline, asked, most_bytes=LIST_BYTES, **options)
            except NotFound:
                if page == 1:
                    raise
                return
            yield from items
            if following is None:
                return
            page = following
        raise MalformedAnswer(call=name, reason=f"more than {MOST_PAGES} pages")

    def _known(
        self,
        name: str,
        path: str,
        read: Callable[[Any], list[T]],
        deadline: Deadline,
        query: Sequence[tuple[str, str]],
        **options: Any,
    ) -> Iterator[T]:
        """What PortOne knows of many ids, asked about MOST_IDS at a time; that it knows none of them is no error."""
        for start in range(0, len(query), MOST_IDS):
            some = tuple(query[start : start + MOST_IDS])
            try:
                found = self._get(name, path, read, deadline, some, most_bytes=LIST_BYTES, **options)
            except NotFound:
                continue
            yield from found

    def _deadline(self, seconds: float | None) -> Deadline:
        return self._transport.deadline(seconds)


class Body(dict[str, Any]):
    """A request body; its repr shows nothing, because error reporters write down the variables of every frame."""

    def __repr__(self) -> str:
        return "<Body: hidden>"


def body(**fields: Any) -> Body:
    """The fields that were given, descriptive texts cut to PortOne's lengths."""
    return Body({name: _cut(name, value) for name, value in fields.items() if value is not None})


def won(name: str, value: object, *, least: int = 1) -> int:
    """The amount if it is a whole number of won, `least` or more; else ValueError before anything is sent."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of won, {least} or more.")
    return value


def won_or_none(name: str, value: object) -> int | None:
    """As `won` from 0; None stays None."""
    return None if value is None else won(name, value, least=0)


def seconds(name: str, value: object) -> int:
    """A time on the wire: whole seconds since 1970 (UTC), not a datetime; else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be whole seconds since 1970 (int(moment.timestamp())).")
    return value


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """The value if it is allowed; else ValueError. It goes into a path or query."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}.")
    return value


def _cut(name: str, value: Any) -> Any:
    limit = TEXT_LIMITS.get(name)
    return value[:limit] if limit and isinstance(value, str) else value
