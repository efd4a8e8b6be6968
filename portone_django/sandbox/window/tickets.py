"""A window's address carries a signed ticket: which record, which device, and who may hear the result."""

from dataclasses import asdict, dataclass
from typing import Literal
from urllib.parse import urlsplit

from django.core import signing

__all__ = ["Device", "Ticket", "read_ticket", "sign_ticket"]

Device = Literal["pc", "mobile"]

SALT = "portone.sandbox.window"


@dataclass(frozen=True)
class Ticket:
    """What one opened window knows about itself; `origin` is the shop page's origin, "*" when it has none."""

    imp_uid: str
    device: Device
    origin: str
    is_legacy: bool = False

    @property
    def shop(self) -> str:
        """The shop's host as the buyer reads it, empty when unknown."""
        return urlsplit(self.origin).netloc


def sign_ticket(ticket: Ticket) -> str:
    """The ticket as one path part; it survives a restart because nothing is kept for it."""
    return signing.dumps(asdict(ticket), salt=SALT)


def read_ticket(token: str) -> Ticket | None:
    """The ticket behind a window's address, None when the address was made up."""
    try:
        return Ticket(**signing.loads(token, salt=SALT))
    except (signing.BadSignature, TypeError):
        return None
