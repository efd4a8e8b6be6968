"""Compared before anything is believed: does a fetched record pay for what we asked, as we asked it?"""

from __future__ import annotations

from ..clock import from_unix
from ..conf import get_config
from ..gateway import PaymentRecord
from ..models import Payment

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
    if record.customer_uid:
        found.append("customer_uid: none → a billing key's")
    started = from_unix(record.started_at)
    if started and (payment.created_at - started).total_seconds() > _SKEW_SECONDS:
        found.append("started_at: before this attempt existed")
    return found


def _differ(found: list[str], name: str, asked: object, recorded: object) -> None:
    # Types count: True is not 1, and a missing `sandbox` (None) is not False.
    if type(asked) is not type(recorded) or asked != recorded:
        found.append(f"{name}: {asked} → {recorded}")
