"""A wrong option is said to the developer in one sentence: its name, what is wrong, the line to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["InvalidOption", "nearest"]


class InvalidOption(ValueError):
    """A window option, or a parameter of the window, that would fail at KG Inicis or lose money; `option` names it."""

    def __init__(self, option: str, problem: str, *, write: str = "") -> None:
        self.option = option
        super().__init__(f"{option}: {problem}." + (f" Write: {write}" if write else ""))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, whatever the case and the underscores; None when none is near."""
    plain = {_plain(each): each for each in known}
    found = difflib.get_close_matches(_plain(word), plain, n=1)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.casefold().replace("_", "").replace("-", "")
