"""Doors for browsers and for PortOne: they parse, call one flow, and render."""

from .checkout import complete, start, status
from .hooks import confirm, webhook
from .results import result, return_

__all__ = ["complete", "confirm", "result", "return_", "start", "status", "webhook"]
