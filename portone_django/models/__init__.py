"""What we remember."""

from .billing_key import BillingKey
from .event import Event
from .order import Order
from .payment import Payment
from .plan import Plan, Price, PriceChanged
from .receipt import CashReceipt
from .reconciliation import Comparison, ReconciliationBreak
from .refund import Refund
from .subscription import BillingCycle, CycleLine, Subscription
from .system import ChannelFacts, Clock, Heartbeat
from .webhook import WebhookDelivery

__all__ = [
    "BillingCycle",
    "BillingKey",
    "CashReceipt",
    "ChannelFacts",
    "Clock",
    "Comparison",
    "CycleLine",
    "Event",
    "Heartbeat",
    "Order",
    "Payment",
    "Plan",
    "Price",
    "PriceChanged",
    "ReconciliationBreak",
    "Refund",
    "Subscription",
    "WebhookDelivery",
]
