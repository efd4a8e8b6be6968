"""What we remember."""

from .event import Event
from .order import Order
from .payment import Payment
from .system import ChannelFacts, Clock, Heartbeat
from .webhook import WebhookDelivery

__all__ = ["ChannelFacts", "Clock", "Event", "Heartbeat", "Order", "Payment", "WebhookDelivery"]
