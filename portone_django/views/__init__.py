"""Doors for browsers and for PortOne: they parse, call one flow, and render."""

from .card_results import card_result
from .cards import card_complete, card_start, card_status
from .checkout import complete, start, status
from .hooks import confirm, webhook
from .results import result, return_

__all__ = [
    "card_complete",
    "card_result",
    "card_start",
    "card_status",
    "complete",
    "confirm",
    "result",
    "return_",
    "start",
    "status",
    "webhook",
]
