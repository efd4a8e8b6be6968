"""What a customer is told about the registration of a card: one word for each page there is."""

from __future__ import annotations

from ..models import BillingKey
from .registration import sync_registration
from .standing import REFRESH_SECONDS, may_ask

REGISTERED, FAILED, CONFIRMING, CHECKING = "registered", "failed", "confirming", "checking"
FINAL = frozenset({REGISTERED, FAILED, CHECKING})


def standing(key: BillingKey) -> str:
    """The page for this registration. What became of the card afterwards does not undo it."""
    if key.state == "pending":
        return CONFIRMING
    if key.state != "failed":
        return REGISTERED
    return CHECKING if key.quarantine_reason else FAILED


def refreshed(key: BillingKey, *, source: str) -> BillingKey:
    """The registration after asking PortOne, if it is undecided and nobody asked within the last seconds."""
    if key.state != "pending" or not may_ask(key):
        return key
    return sync_registration(key, source=source, deadline=REFRESH_SECONDS).billing_key or key


__all__ = ["CHECKING", "CONFIRMING", "FAILED", "FINAL", "REGISTERED", "refreshed", "standing"]
