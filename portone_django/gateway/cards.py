"""Decides how card data passes through our hands: one opaque object that shows, stores and pickles nothing."""

from __future__ import annotations

import re
from typing import NoReturn

from .discretion import discreet

_EXPIRY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])", re.ASCII)


class CardData:
    """A card typed in by its holder, on its way to PortOne. Never log, store, cache or queue it: it refuses to pickle.

    `number`: 13 to 19 digits, spaces and dashes allowed. `expiry`: "YYYY-MM". `birth`: "YYMMDD", or the ten digits of a
    business number for a corporate card. `pwd_2digit`: the first two digits of the card's password. The last three may
    be empty where the contract does not ask for them. Raises ValueError, without the value, when one cannot be right.
    """

    __slots__ = ("_birth", "_cvc", "_expiry", "_number", "_pwd_2digit")

    @discreet
    def __init__(self, number: str, expiry: str, birth: str = "", pwd_2digit: str = "", cvc: str = "") -> None:
        digits = re.sub(r"[ -]", "", number)
        _check(re.fullmatch(r"[0-9]{13,19}", digits), "The card number must have 13 to 19 digits.")
        _check(_EXPIRY.fullmatch(expiry), 'The expiry must be "YYYY-MM".')
        # Thirteen digits would be a resident registration number, which nobody here may hold.
        _check(re.fullmatch(r"|[0-9]{6}|[0-9]{10}", birth), "The birth date must have 6 digits, a business number 10.")
        _check(re.fullmatch(r"|[0-9]{2}", pwd_2digit), "Only the first two digits of the card's password are asked.")
        _check(re.fullmatch(r"|[0-9]{3,4}", cvc), "The card verification code must have 3 or 4 digits.")
        self._number = "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))
        self._expiry = expiry
        self._birth = birth
        self._pwd_2digit = pwd_2digit
        self._cvc = cvc

    def wire_fields(self) -> dict[str, str]:
        """The request fields of PortOne V1, empty ones left out. Only the gateway calls this."""
        fields = {
            "card_number": self._number,
            "expiry": self._expiry,
            "birth": self._birth,
            "pwd_2digit": self._pwd_2digit,
            "cvc": self._cvc,
        }
        return {name: value for name, value in fields.items() if value}

    def __repr__(self) -> str:
        return "<CardData: hidden>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("CardData cannot be pickled or copied: card data must not leave this call.")

    def __getstate__(self) -> NoReturn:
        raise TypeError("CardData has no state to show: card data must not leave this call.")


def _check(good: object, fault: str) -> None:
    if not good:
        raise ValueError(fault)
