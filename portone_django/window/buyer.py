"""Who pays, cut to PortOne's columns: a long name or address never stops a sale."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.views.decorators.debug import sensitive_variables

__all__ = ["NAME_LENGTH", "Buyer", "cut"]

NAME_LENGTH = 40
# PortOne V1's columns, in characters; whether Korean ones count in bytes is undocumented.
_LENGTHS = {"name": 16, "email": 64, "tel": 16, "addr": 128, "postcode": 8}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Buyer:
    """What is known of the buyer, of any length; "" = unknown. The Inicis window does not open without `tel`."""

    name: str = ""
    email: str = ""
    tel: str = ""
    addr: str = ""
    postcode: str = ""

    def __repr__(self) -> str:
        return "<Buyer: hidden>"

    @sensitive_variables()
    def params(self) -> dict[str, str]:
        """`buyer_name`, … for IMP.request_pay, without what is unknown."""
        texts = {f"buyer_{field}": cut(getattr(self, field), length) for field, length in _LENGTHS.items()}
        return {key: text for key, text in texts.items() if text}


@sensitive_variables()
def cut(text: str, length: int) -> str:
    """The first characters of a text on one line; composed first, so that no Korean syllable is cut in half."""
    composed = unicodedata.normalize("NFC", text)
    printable = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in composed)
    return printable.strip()[:length]
