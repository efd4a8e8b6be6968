"""Decides what a sender's or receiver's address is: four texts that pass through our hands and show in no repr."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Body
from .discretion import discreet

# PortOne documents no lengths here; nothing longer is an address.
_LONGEST = {"name": 50, "tel": 30, "addr": 300, "postcode": 10}


@dataclass(frozen=True, slots=True, init=False, repr=False)
class PostalAddress:
    """Where goods come from or go to; KG Inicis needs all four. Raises ValueError that names the field only."""

    name: str
    tel: str
    addr: str
    postcode: str

    @discreet
    def __init__(self, *, name: str, tel: str, addr: str, postcode: str) -> None:
        given = {"name": name, "tel": tel, "addr": addr, "postcode": postcode}
        for field, longest in _LONGEST.items():
            object.__setattr__(self, field, _one_line(field, given[field], longest))

    def __repr__(self) -> str:
        return "<PostalAddress: hidden>"

    def wire_fields(self) -> Body:
        """The fields as PortOne names them. Only the gateway calls this."""
        return Body({field: getattr(self, field) for field in _LONGEST})


def _one_line(field: str, value: str, longest: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value.strip()) <= longest or not value.strip().isprintable():
        raise ValueError(f"{field} must be one line of 1 to {longest} characters (KG Inicis needs all four).")
    return value.strip()
