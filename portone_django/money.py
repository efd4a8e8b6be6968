"""Amounts of money: integer won, nothing else."""

from __future__ import annotations

from typing import Any


def require_won(value: Any, name: str) -> int:
    """The value as won; raises TypeError unless it is an int (True, "9900" and 9900.0 are not)."""
    if type(value) is not int:
        raise TypeError(f"{name} must be an int of won, not {value!r}. Write: {name}=9900")
    return value


def format_won(amount: int, language: str = "ko") -> str:
    """12900 → "12,900원" or "KRW 12,900"."""
    return f"{amount:,}원" if language.startswith("ko") else f"KRW {amount:,}"
