"""What a step of the tour expects, and what it says when that does not hold."""

from __future__ import annotations

from .pages import Page


class Unexpected(Exception):
    """A step ended otherwise than promised."""


def expect(holds: bool, otherwise: str) -> None:
    """Raise Unexpected with the sentence unless it holds."""
    if not holds:
        raise Unexpected(otherwise)


def source_of(page: Page, kind: str) -> str:
    """Which door an event of the order came in by."""
    return dict(page.events).get(kind, "nobody")
