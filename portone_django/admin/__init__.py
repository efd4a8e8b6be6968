"""The admin: shows orders, payments, events and webhooks, and changes none of them."""

from .event import EventAdmin
from .order import OrderAdmin
from .payment import PaymentAdmin
from .webhook import WebhookDeliveryAdmin

__all__ = ["EventAdmin", "OrderAdmin", "PaymentAdmin", "WebhookDeliveryAdmin"]
