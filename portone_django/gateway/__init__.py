"""Speaks PortOne V1 and knows nothing else: no models, no flows; its errors say what may be sent again (errors.py)."""

from .account import server_time
from .account_replies import ChannelSetting, PaymentBalance, PreparedAmount, StandardCode
from .billing_replies import BillingKeyRecord, ScheduleRecord
from .cards import CardData
from .client import Client, get_client, override_client
from .errors import (
    InsideTransaction,
    MalformedAnswer,
    Misconfigured,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PortOneError,
    RateLimited,
    Refused,
    ServerTrouble,
    Unauthorized,
)
from .escrow_replies import DeliveryRecord
from .ids import InvalidIdentifier
from .parsing import as_shown
from .postal import PostalAddress
from .receipt_replies import ExternalReceiptRecord, ReceiptRecord
from .replies import Cancellation, Deposit, PaymentPage, PaymentRecord
from .schedules import ScheduleEntry
from .transport import refuse_inside_transaction

__all__ = [
    "BillingKeyRecord",
    "Cancellation",
    "CardData",
    "ChannelSetting",
    "Client",
    "DeliveryRecord",
    "Deposit",
    "ExternalReceiptRecord",
    "InsideTransaction",
    "InvalidIdentifier",
    "MalformedAnswer",
    "Misconfigured",
    "NoAnswer",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PaymentBalance",
    "PaymentPage",
    "PaymentRecord",
    "PortOneError",
    "PostalAddress",
    "PreparedAmount",
    "RateLimited",
    "ReceiptRecord",
    "Refused",
    "ScheduleEntry",
    "ScheduleRecord",
    "ServerTrouble",
    "StandardCode",
    "Unauthorized",
    "as_shown",
    "get_client",
    "override_client",
    "refuse_inside_transaction",
    "server_time",
]
