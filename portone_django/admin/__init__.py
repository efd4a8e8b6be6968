"""The admin: shows what happened and edits none of it; an operator's decisions have pages of their own."""

from .billing_cycle import BillingCycleAdmin
from .billing_key import BillingKeyAdmin
from .difference import ReconciliationBreakAdmin
from .event import EventAdmin
from .order import OrderAdmin
from .payment import PaymentAdmin
from .plan import PlanAdmin, PriceAdmin
from .refund import RefundAdmin
from .subscription import SubscriptionAdmin
from .webhook import WebhookDeliveryAdmin

__all__ = [
    "BillingCycleAdmin",
    "BillingKeyAdmin",
    "EventAdmin",
    "OrderAdmin",
    "PaymentAdmin",
    "PlanAdmin",
    "PriceAdmin",
    "ReconciliationBreakAdmin",
    "RefundAdmin",
    "SubscriptionAdmin",
    "WebhookDeliveryAdmin",
]
