"""Whom a cash receipt is issued to: a number that is checked, passed to PortOne and kept nowhere."""

from __future__ import annotations

import re

from ..gateway.discretion import discreet

# A telephone has 10 or 11 digits, a business 10, a card of the tax office 13 to 19. Thirteen is also the length of a
# resident registration number, which nobody here may hold (개인정보 보호법 §24-2), so no number of thirteen is taken.
_DIGITS = re.compile(r"[0-9]{10,11}|[0-9]{14,19}")


class ReceiptNumber:
    """The number of a telephone, a business or a cash receipt card; hyphens and spaces are dropped. Raises ValueError.

    No error and no repr shows it.
    """

    __slots__ = ("_digits",)

    @discreet
    def __init__(self, identifier: str) -> None:
        if not isinstance(identifier, str):
            raise TypeError("identifier must be a str of digits")
        digits = re.sub(r"[\s-]", "", identifier)
        if re.fullmatch(r"[0-9]{13}", digits):
            raise ValueError(
                "identifier has thirteen digits, as a resident registration number (주민등록번호) has: that is never "
                "taken. Write: identifier=… (a telephone, a business number or a cash receipt card)"
            )
        if not _DIGITS.fullmatch(digits):
            raise ValueError(
                "identifier must be a telephone's 10 or 11 digits, a business's 10 or a cash receipt card's 14 to 19"
            )
        self._digits = digits

    def __repr__(self) -> str:
        return "<ReceiptNumber: hidden>"

    def as_field(self) -> str:
        """`identifier` of POST /receipts. Only the call to PortOne takes it."""
        return self._digits
