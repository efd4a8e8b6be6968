"""Decides which bytes count as an answer: strict JSON, and strict types for every field that decides about money.

Fields that decide (ids, status, amounts, currency, test flag, times) raise Unreadable on a wrong type.
Fields that are only shown (names, addresses, card labels) become None instead: a strange name must not hide a payment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from .redaction import mask_numbers

T = TypeVar("T")

# Far above any real payment, far below what a database integer or a careless exponent could break.
LARGEST_WON = 10**12
LARGEST_TIME = 253_402_300_799


class Unreadable(ValueError):
    """The answer cannot be believed; the text names the field and the fault, never the value."""


def loads(body: bytes) -> Any:
    """JSON of an answer. Refuses bad UTF-8, double keys, NaN, Infinity and bottomless nesting with Unreadable."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_not_a_number, parse_float=Decimal
        )
    except Unreadable:
        raise
    except UnicodeDecodeError:
        fault = "not UTF-8"
    except RecursionError:
        fault = "nested too deeply"
    except (ValueError, ArithmeticError):
        fault = "not JSON"
    # Raised here and not in the except block, so that the body in the decoder's exception is not chained.
    raise Unreadable(fault)


class Fields:
    """Reads one JSON object field by field; unknown fields are never looked at."""

    __slots__ = ("_data", "_what")

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{what} is not an object")
        self._data: dict[str, Any] = value
        self._what = what

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def identifier(self, name: str) -> str:
        """A text that must be there and not be empty."""
        value = self.word(name)
        if not value:
            self._fault(name, "is missing")
        return value

    def word(self, name: str) -> str | None:
        """A text that decides something, or None."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self._fault(name, "is not a text")
        return clean(value)

    def text(self, name: str) -> str | None:
        """A text that is only shown; anything that is not one becomes None."""
        value = self._data.get(name)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            value = str(value)
        return clean(value) if isinstance(value, str) else None

    def remark(self, name: str) -> str | None:
        """A text in which PortOne or a card company may have written a whole card number."""
        value = self.text(name)
        return None if value is None else as_shown(value)

    def contact(self, name: str) -> str | None:
        """A text about a person, an account or a place; a number in its stead is not taken for one."""
        value = self._data.get(name)
        return clean(value) if isinstance(value, str) else None

    def json_text(self, name: str) -> str | None:
        """A text that holds JSON of the merchant's; an object in its place is written as text."""
        value = self._data.get(name)
        if isinstance(value, dict | list):
            return clean(json.dumps(value, ensure_ascii=False, default=str))
        return clean(value) if isinstance(value, str) else None

    def won(self, name: str) -> int:
        """A whole amount, 0 or more. 9900.0 is 9900; true, "9900" and 9900.5 are refused."""
        value = self._data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._fault(name, "is not a number")
        # The bound comes before int(): 1e999999999 would fill the memory.
        if not 0 <= value <= LARGEST_WON:
            self._fault(name, "is out of range")
        if value != int(value):
            self._fault(name, "is not a whole amount")
        return int(value)

    def won_or_none(self, name: str) -> int | None:
        return self.won(name) if self.has(name) else None

    def moment(self, name: str) -> int | None:
        """Seconds since 1970 (UTC); 0, null and times outside the calendar are None: "did not happen"."""
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self._fault(name, "is not a time")
        return int(value) if 0 < value <= LARGEST_TIME else None

    def moment_known(self, name: str) -> int:
        """A time that must be there; the token's life is computed from two of them."""
        value = self.moment(name)
        if value is None:
            self._fault(name, "is missing")
        return value

    def number(self, name: str) -> int | None:
        """A small integer that is only shown (instalment months, card type)."""
        value = self._data.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None

    def flag(self, name: str) -> bool | None:
        """A yes/no that is only shown."""
        value = self._data.get(name)
        return value if isinstance(value, bool) else None

    def strict_flag(self, name: str) -> bool | None:
        """A yes/no that decides; None when absent (PortOne's answers before 2026-01 had no `sandbox`)."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, bool):
            self._fault(name, "is not true or false")
        return value

    def items(self, name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
        """A list of objects; null and absent are empty."""
        value = self._data.get(name)
        return () if value is None else tuple(read(item) for item in as_list(value, f"{self._what}.{name}"))

    def raw_items(self, name: str) -> Sequence[Any]:
        value = self._data.get(name)
        return () if value is None else as_list(value, f"{self._what}.{name}")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._data.get(name)
        return tuple(clean(item) for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def each(self, read: Callable[[str], Any], names: str) -> dict[str, Any]:
        """Several fields of one kind, their names parted by spaces, as keyword arguments."""
        return {name: read(name) for name in names.split()}

    def object(self, name: str) -> Fields:
        return Fields(self._data.get(name), f"{self._what}.{name}")

    def _fault(self, name: str, fault: str) -> NoReturn:
        raise Unreadable(f"{self._what}.{name} {fault}")


def as_list(value: Any, what: str) -> list[Any]:
    """The value if it is a JSON array, else Unreadable."""
    if not isinstance(value, list):
        raise Unreadable(f"{what} is not a list")
    return value


def as_shown(remark: str) -> str:
    """A remark as it is read back from PortOne's record: what we wrote compares equal to that, and to nothing else."""
    return mask_numbers(clean(remark)).strip()


def clean(value: str) -> str:
    """The text without what no database stores: lone surrogates (a pair cut in half by a length limit) and NUL."""
    if not value.isascii():
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value.replace("\x00", "\ufffd")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Unreadable("the same key twice in one object")
    return result


def _not_a_number(_: str) -> NoReturn:
    raise Unreadable("not JSON (NaN or Infinity)")
