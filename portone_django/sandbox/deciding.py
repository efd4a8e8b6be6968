"""How a record becomes paid or failed: the fields that change, and the faults that falsify the story."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from . import catalogue
from .payments import Held
from .records import Record, new_imp_uid, new_pg_tid, receipt_url

if TYPE_CHECKING:
    from .ledger import Sandbox


def settle(sandbox: Sandbox, held: Held, decline: str | None, *, notify: bool, notify_failure: bool = False) -> None:
    """Decide and save, in the caller's transaction: paid, or failed with the reason `decline`."""
    stored = sandbox.payments.get(held.imp_uid)
    _disguise(sandbox, held)
    if decline is not None:
        mark_failed(held.record, decline, sandbox.now())
        if notify_failure:
            sandbox.webhooks.emit(held, "failed")
    elif late := sandbox.faults.in_ledger("late_paid", held.merchant_uid):
        held.facts["late_at"] = sandbox.instant() + late.number("seconds", 5)
        held.facts["notify"] = notify
        if late.options.get("answer", "failed") == "failed":
            mark_failed(held.record, "[1210] 카드사 거래 TIMEOUT", sandbox.now())
    else:
        mark_paid(held.record, sandbox.now())
        if notify:
            sandbox.webhooks.emit(held, "paid")
    if lag := sandbox.faults.in_ledger("lag", held.merchant_uid):
        held.facts |= {"lag_until": sandbox.instant() + lag.number("seconds", 5), "previous": stored and stored.record}
    sandbox.payments.save(held, sandbox.now())
    _add_extras(sandbox, held)


def mark_paid(record: Record, now: int) -> None:
    issue = record["customer_uid_usage"] == "issue"
    record["pg_tid"] = record["pg_tid"] or new_pg_tid(record, now, issue=issue)
    record |= {"status": "paid", "paid_at": max(now, 1), "failed_at": 0, "fail_reason": None}
    if issue or record["pay_method"] == "vbank":
        return
    record["receipt_url"] = receipt_url(record["pg_tid"])
    if record["card_code"]:
        record["apply_num"] = f"{secrets.randbelow(10**8):08d}"


def mark_failed(record: Record, reason: str, now: int) -> None:
    record |= {"status": "failed", "failed_at": now, "fail_reason": reason, "paid_at": 0}


def put_card(record: Record, *, code: str | None, masked: str, quota: int) -> None:
    known = code if code in catalogue.CARDS else catalogue.DEFAULT_CARD_CODE
    is_billing = record["customer_uid_usage"] is not None
    record |= {
        "card_code": known,
        "card_name": catalogue.CARDS[known],
        "card_number": masked,
        "card_quota": quota,
        "card_type": None if is_billing else 0,  # Inicis tells none for billing
    }


def pay_late(sandbox: Sandbox, held: Held) -> None:
    """What was answered as failed or ready is paid after all."""
    held.facts["late_at"] = None
    mark_paid(held.record, sandbox.now())
    if held.facts.get("notify"):
        sandbox.webhooks.emit(held, "paid")
    sandbox.payments.save(held, sandbox.now())


def _disguise(sandbox: Sandbox, held: Held) -> None:
    record = held.record
    if tampered := sandbox.faults.in_ledger("tampered", held.merchant_uid):
        record["amount"] = int(tampered.number("amount", record["amount"]))
        record["currency"] = tampered.options.get("currency", record["currency"])
    if sandbox.faults.in_ledger("test_payment", held.merchant_uid):
        record |= {"sandbox": True, "pg_id": catalogue.CHANNELS[0]["pg_id"]}
    if sandbox.faults.in_ledger("no_sandbox_field", held.merchant_uid):
        held.facts["omit"] = ["sandbox"]


def _add_extras(sandbox: Sandbox, held: Held) -> None:
    """Other records of the same merchant_uid, started last, so that `find` without a status meets them first."""
    extra = sandbox.faults.in_ledger("extra_records", held.merchant_uid)
    for _ in range(int(extra.number("count", 1)) if extra else 0):
        record = {**held.record, "imp_uid": new_imp_uid("imp"), "pg_tid": None, "apply_num": None, "receipt_url": None}
        record |= {"status": "ready", "paid_at": 0, "failed_at": 0, "fail_reason": None}
        if extra and extra.options.get("status", "failed") == "failed":
            mark_failed(record, "사용자가 결제를 취소하셨습니다", sandbox.now())
        sandbox.payments.save(Held(record, {"params": held.facts.get("params")}), sandbox.now())
