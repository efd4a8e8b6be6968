"""Decides which ids may be put into a path or a body; everything in a path is quoted, dots and all.

Ids arrive from browsers and webhooks, and go out with our token: `../users/getToken` must never become a path.
"""

from __future__ import annotations

import re
from urllib.parse import quote

__all__ = ["InvalidIdentifier", "code", "customer_uid", "imp_uid", "merchant_uid", "path"]

# Lengths: PortOne V1 OpenAPI file (PaymentAnnotation, CustomerAnnotation).
# A word without a digit would be another path of the API: /payments/prepare, /payments/cancel.
_IMP_UID = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]{1,32}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9]{1,10}", re.ASCII)


class InvalidIdentifier(ValueError):
    """The id cannot be PortOne's or ours; nothing was sent. The text names the rule, never the value."""


def imp_uid(value: str) -> str:
    """PortOne's payment id, 1 to 32 of A-Z a-z 0-9 _ - with a digit among them; else InvalidIdentifier."""
    if not isinstance(value, str) or not _IMP_UID.fullmatch(value):
        raise InvalidIdentifier("imp_uid must be 1 to 32 characters of A-Z, a-z, 0-9, _ and -, one a digit.")
    return value


def merchant_uid(value: str) -> str:
    """An order id, 1 to 40 printable characters (PortOne documents no character set); else InvalidIdentifier."""
    return _printable(value, "merchant_uid", 40)


def customer_uid(value: str) -> str:
    """A billing key's id, 1 to 80 printable characters; else InvalidIdentifier."""
    return _printable(value, "customer_uid", 80)


def code(value: str) -> str:
    """A card or bank code, 1 to 10 letters and digits; else InvalidIdentifier."""
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise InvalidIdentifier("A card or bank code must be 1 to 10 letters and digits.")
    return value


def path(*parts: str) -> str:
    """The parts as one path, each quoted whole, so that no part can become two or climb."""
    return "".join("/" + quote(part, safe="") for part in parts)


def _printable(value: str, name: str, longest: int) -> str:
    good = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable() and value.strip(" .") != ""
    if not good:
        raise InvalidIdentifier(f"{name} must be 1 to {longest} printable characters and more than dots.")
    return value
