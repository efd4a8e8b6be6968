"""Which texts every database can hold: PostgreSQL refuses NUL, all of them refuse half of a surrogate pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["is_storable", "storable"]


def is_storable(value: Any) -> bool:
    """Whether a text, or every key and text of a JSON value, can be stored and sent as it is."""
    return not any("\x00" in text or any("\ud800" <= each <= "\udfff" for each in text) for text in _texts(value))


def storable(text: str) -> str:
    """The text without NUL, half surrogates replaced: what a page or a column can show of it."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from (text for each in pair for text in _texts(each))
    elif isinstance(value, list | tuple):
        yield from (text for each in value for text in _texts(each))
