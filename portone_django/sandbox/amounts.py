"""What the sandbox takes for an amount: whole won, written as a number or, in forms, as digits."""

from __future__ import annotations

import re
from typing import Any

from .refusals import bad_request

_DIGITS = re.compile(r"-?\d{1,15}(\.0+)?")


def whole(raw: Any) -> int | None:
    """The integer that `raw` writes, or None: True, NaN, fractions and text with other signs are none."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float):
        return int(raw) if raw == raw and abs(raw) < 1e15 and raw.is_integer() else None
    if isinstance(raw, str) and _DIGITS.fullmatch(raw.strip()):
        return int(raw.strip().split(".")[0])
    return None


def required(raw: Any, name: str) -> int:
    """`raw` as an integer; Refused with HTTP 400 when it is missing or none."""
    number = whole(raw)
    if number is None:
        raise bad_request(f"{name} 파라미터가 누락되었거나 숫자가 아닙니다.")
    return number


def optional(raw: Any, name: str) -> int | None:
    return None if raw is None or raw == "" else required(raw, name)
