"""Where the money of a deposited virtual account goes: typed by somebody, passed to PortOne, kept nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..gateway.codes import REFUND_BANKS, refund_bank_code

_DIGITS = re.compile(r"[0-9]{6,20}")
_TEL = re.compile(r"[0-9]{8,12}")


@dataclass(frozen=True, slots=True, repr=False)
class RefundAccount:
    """A bank account: KFTC's three-digit code of the bank ("088"), the number, its holder, a telephone if known.

    Hyphens and spaces in the numbers are dropped. Raises ValueError; no error and no repr shows the number.
    """

    bank: str
    number: str
    holder: str
    tel: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", re.sub(r"[\s-]", "", self.number))
        object.__setattr__(self, "tel", re.sub(r"[\s-]", "", self.tel))
        object.__setattr__(self, "holder", self.holder.strip())
        if self.bank not in REFUND_BANKS:
            raise ValueError(
                'bank must be KFTC\'s code of a bank that KG Inicis refunds to. Write: bank="088" (Shinhan)'
            )
        if not _DIGITS.fullmatch(self.number):
            raise ValueError("number must be 6 to 20 digits of a bank account")
        if not 1 <= len(self.holder) <= 30:
            raise ValueError("holder must be the account's holder, 1 to 30 characters")
        if self.tel and not _TEL.fullmatch(self.tel):
            raise ValueError("tel must be 8 to 12 digits")

    def __repr__(self) -> str:
        return "<RefundAccount: hidden>"

    def as_fields(self) -> dict[str, Any]:
        """The fields of POST /payments/cancel; the bank by Inicis' two-digit code."""
        return {
            "refund_bank": refund_bank_code(self.bank),
            "refund_account": self.number,
            "refund_holder": self.holder,
            "refund_tel": self.tel or None,
        }
