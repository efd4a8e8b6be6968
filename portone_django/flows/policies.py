"""Money that settles nothing and is sent back by itself, where the settings say so; never more than a few an hour."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction

from ..clock import Tick, later
from ..conf import get_config
from ..gateway import PaymentRecord
from ..models import Heartbeat, Refund
from .attempt import LockedAttempt
from .nudges import nudge

logger = logging.getLogger("portone_django.refunds")

TASK = "portone_django.reconcile"
# A fault of ours that takes good payments for bad ones must not empty the shop's account before somebody looks.
MOST_IN_AN_HOUR = 3
_LOCK = "policy-refunds"
# The reasons under which they are made; a bill that was cancelled while it was charged goes back without a policy.
_NAMES = ("ON_DUPLICATE", "ON_MISMATCH", "LATE_PAYMENT")


def refund_by_policy(attempt: LockedAttempt, policy: str, record: PaymentRecord) -> None:
    """Reserve a refund of everything that is left of the record, if `policy` (a setting) says "refund".

    The sweep sends it. A virtual account's money stays held: nobody has told where it should go.
    """
    if getattr(get_config(), policy) != "refund" or record.remaining_amount < 1:
        return
    data: dict[str, Any] = {"policy": policy.upper(), "imp_uid": record.imp_uid, "amount": record.remaining_amount}
    payment = attempt.payment
    if record.pay_method == "vbank":
        attempt.event("refund.needs_account", **data)
        return
    if Refund.objects.filter(open_slot=record.imp_uid).exists():
        return
    if _is_capped():
        effect = f"refund.capped:{record.imp_uid}"
        if attempt.once("refund.capped", effect, **data):
            logger.error(
                "Payment %s is held: %d refunds by policy in this hour.", payment.merchant_uid, MOST_IN_AN_HOUR
            )
        return
    # Everything goes back, and with it every part that was stated; of an edited window or a rest nobody knows them.
    is_whole = (record.amount, record.cancel_amount) == (payment.amount, 0)
    refund = Refund.objects.create(
        payment=payment,
        imp_uid=record.imp_uid,
        source="policy",
        state="reserved",
        open_slot=record.imp_uid,
        amount=record.remaining_amount,
        tax_free_amount=payment.tax_free_amount if is_whole else None,
        vat_amount=payment.vat_amount if is_whole else None,
        checksum=record.remaining_amount,
        reason=policy.upper(),
        next_check_at=Tick(),
    )
    attempt.event("refund.reserved", refund=refund, **data)
    transaction.on_commit(lambda: nudge(TASK), robust=True)


def _is_capped() -> bool:
    # One row, locked, so that two settlements at once do not both see room for the last one.
    Heartbeat.objects.get_or_create(name=_LOCK, defaults={"beat_at": Tick()})
    Heartbeat.objects.select_for_update().get(name=_LOCK)
    made = Refund.objects.filter(source="policy", reason__in=_NAMES, created_at__gte=later(-3600))
    return made.count() >= MOST_IN_AN_HOUR
