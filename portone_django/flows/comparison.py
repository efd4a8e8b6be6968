"""Compared before anything is believed: does a fetched record pay for what we asked, as we asked it?"""

from __future__ import annotations

from ..clock import from_unix
from ..conf import get_config
from ..gateway import BillingKeyRecord, PaymentRecord
from ..gateway.replies import KRW
from ..models import BillingKey, Payment

# PortOne's clock may be behind ours by this much without a record looking older than its attempt.
_SKEW_SECONDS = 300


def differences(payment: Payment, record: PaymentRecord) -> list[str]:
    """What differs between what was asked and what PortOne recorded, as "field: asked → recorded"; empty = believe it.

    Amount and currency guard against an edited window, `sandbox` and the MID against a payment on the test channel,
    the start time against a copied or dropped database whose uids PortOne already knows.
    """
    found: list[str] = []
    _differ(found, "amount", payment.amount, record.amount)
    _differ(found, "currency", payment.currency, record.currency)
    _differ(found, "sandbox", payment.expected_sandbox, record.sandbox)
    if record.sandbox and not get_config().accept_test_payments:
        found.append("sandbox: a test payment, and ACCEPT_TEST_PAYMENTS is off")
    _differ(found, "pg_provider", payment.expected_pg_provider, record.pg_provider)
    _differ(found, "pg_id", payment.expected_pg_id, record.pg_id)
    _differ(found, "customer_uid", payment.customer_uid, record.customer_uid or "")
    if record.customer_uid_usage == "issue":
        found.append("customer_uid_usage: a charge → the registration of a card, which moves no money")
    started = from_unix(record.started_at)
    # Under --look-first an operator has said that this database was restored: its rows are younger than their charges.
    if started and not payment.look_first and (payment.created_at - started).total_seconds() > _SKEW_SECONDS:
        found.append("started_at: before this attempt existed")
    return found


def registration_differences(key: BillingKey, record: PaymentRecord) -> list[str]:
    """The same for the record that a card's registration leaves: it must register this card, for this customer_uid.

    Its amount is only shown in the window and never charged, and its `status` need not be paid.
    """
    found: list[str] = []
    if record.customer_uid_usage != "issue":
        found.append(f"customer_uid_usage: issue → {record.customer_uid_usage}")
    _differ(found, "customer_uid", key.customer_uid, record.customer_uid)
    _differ(found, "currency", KRW, record.currency)
    _channel(found, key, record)
    started = from_unix(record.started_at)
    if started and (key.created_at - started).total_seconds() > _SKEW_SECONDS:
        found.append("started_at: before this registration existed")
    return found


def card_differences(key: BillingKey, card: BillingKeyRecord) -> list[str]:
    """The same for what PortOne shows under the customer_uid."""
    found: list[str] = []
    _differ(found, "customer_uid", key.customer_uid, card.customer_uid)
    _channel(found, key, card)
    return found


def _channel(found: list[str], key: BillingKey, theirs: PaymentRecord | BillingKeyRecord) -> None:
    _differ(found, "sandbox", key.expected_sandbox, theirs.sandbox)
    if theirs.sandbox and not get_config().accept_test_payments:
        found.append("sandbox: a test card, and ACCEPT_TEST_PAYMENTS is off")
    _differ(found, "pg_provider", key.expected_pg_provider, theirs.pg_provider)
    _differ(found, "pg_id", key.expected_pg_id, theirs.pg_id)


def is_ours_to_refund(payment: Payment, record: PaymentRecord) -> bool:
    """Whether a machine may send this record's money back: it was begun for this very attempt, on one of our channels.

    A record that is older than its attempt belongs to another database with the same uids; one of another card than
    we asked for to somebody's subscription. Those are a person's to judge.
    """
    started = from_unix(record.started_at)
    age = (payment.created_at - started).total_seconds() if started else None
    is_of_this_attempt = age is not None and (age <= _SKEW_SECONDS or payment.look_first)
    return is_of_this_attempt and (record.customer_uid or "") == payment.customer_uid


def _differ(found: list[str], name: str, asked: object, recorded: object) -> None:
    # Types count: True is not 1, and a missing `sandbox` (None) is not False.
    if type(asked) is not type(recorded) or asked != recorded:
        found.append(f"{name}: {asked} → {recorded}")
