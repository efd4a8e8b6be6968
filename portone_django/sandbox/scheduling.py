"""Booking charges with PortOne: register, move, revoke, run when due, retry by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import amounts
from .charging import charge, issue
from .keys import Key
from .payments import Held
from .records import Record, new_schedule
from .refusals import Refused, bad_request, not_found
from .schedules import Schedule

if TYPE_CHECKING:
    from .ledger import Sandbox

_NOTHING = "취소할 예약결제 기록이 존재하지 않습니다."
_PRIVATE = ("notice_url", "card_quota", "tax_free", "vat_amount")


def book(sandbox: Sandbox, body: dict[str, Any]) -> list[Record]:
    """POST /subscribe/payments/schedule: all entries or none."""
    customer_uid = str(body.get("customer_uid") or "")
    entries = _entries(body.get("schedules"))
    if not customer_uid or not isinstance(entries, list) or not entries:
        raise bad_request()
    with sandbox.store.write():
        key = _key(sandbox, customer_uid, body)
        checking = amounts.optional(body.get("checking_amount"), "checking_amount") or 0
        if checking:
            _check_card(sandbox, key, checking)
        booked = [_book_one(sandbox, key, entry) for entry in entries]
    sandbox.tick()  # a time that is already past runs at once
    return [shown(sandbox, schedule) for schedule in booked]


def revoke(sandbox: Sandbox, customer_uid: str | None, merchant_uids: list[str]) -> list[Record]:
    """Those of the customer and of the list that are still scheduled; a missing one of both means all of the other."""
    if not customer_uid and not merchant_uids:
        raise bad_request()
    with sandbox.store.write():
        if merchant_uids:
            candidates = [found for uid in merchant_uids if (found := sandbox.schedules.get(uid))]
        else:
            candidates = sandbox.schedules.of_customer(str(customer_uid))
        revoked = [
            schedule
            for schedule in candidates
            if schedule.record["schedule_status"] == "scheduled"
            and customer_uid in (None, "", schedule.record["customer_uid"])
        ]
        if not revoked:
            raise Refused(1, _NOTHING)
        for schedule in revoked:
            schedule.record |= {"schedule_status": "revoked", "revoked_at": sandbox.now()}
            sandbox.schedules.save(schedule)
    return [shown(sandbox, schedule) for schedule in revoked]


def move(sandbox: Sandbox, merchant_uid: str, schedule_at: int) -> Record:
    """PUT: another time for one that is still scheduled."""
    with sandbox.store.write():
        schedule = existing(sandbox, merchant_uid)
        if schedule.record["schedule_status"] != "scheduled":
            raise Refused(1, "이미 실행되었거나 취소된 결제예약입니다.", 400)
        return _put_time(sandbox, schedule, schedule_at)


def reschedule(sandbox: Sandbox, merchant_uid: str, schedule_at: int) -> Record:
    """Book a failed or revoked one again, under the same merchant_uid."""
    with sandbox.store.write():
        schedule = existing(sandbox, merchant_uid)
        _check_repeatable(sandbox, schedule)
        schedule.record |= {
            "schedule_status": "scheduled", "imp_uid": None, "executed_at": 0, "revoked_at": 0, "fail_reason": None,
        }  # fmt: skip
        return _put_time(sandbox, schedule, schedule_at)


def retry(sandbox: Sandbox, merchant_uid: str) -> Record:
    """Charge a failed or revoked one now; its PaymentAnnotation, paid or failed."""
    with sandbox.store.write():
        schedule = existing(sandbox, merchant_uid)
        _check_repeatable(sandbox, schedule)
        key = sandbox.keys.get(schedule.record["customer_uid"])
        if key is None:
            raise not_found("등록되지 않은 구매자입니다.")
        return _execute(sandbox, schedule, key, sandbox.now()).record


def run_due(sandbox: Sandbox, now: int) -> None:
    """Charge what is due at `now`; each attempt sends a webhook, paid or failed."""
    if not sandbox.schedules.due(now):
        return
    with sandbox.store.write():
        for schedule in sandbox.schedules.due(now):
            key = sandbox.keys.get(schedule.record["customer_uid"])
            if key is None:
                reason = "등록되지 않은 구매자입니다."
                schedule.record |= {"schedule_status": "executed", "executed_at": now, "fail_reason": reason}
                sandbox.schedules.save(schedule)
            else:
                _execute(sandbox, schedule, key, now)


def existing(sandbox: Sandbox, merchant_uid: str) -> Schedule:
    schedule = sandbox.schedules.get(merchant_uid)
    if schedule is None:
        raise not_found("존재하지 않는 결제예약입니다.")
    return schedule


def shown(sandbox: Sandbox, schedule: Schedule) -> Record:
    """The ScheduleResultAnnotation, its payment_status as the payment stands now."""
    record = dict(schedule.record)
    if record["imp_uid"]:
        record["payment_status"] = sandbox.payment(record["imp_uid"])["status"]
    elif record["schedule_status"] == "executed":
        record["payment_status"] = "failed"
    return record


def _entries(given: Any) -> Any:
    """A form cannot nest: some send the list as JSON in one field."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return None


def _key(sandbox: Sandbox, customer_uid: str, body: dict[str, Any]) -> Key:
    key = sandbox.keys.get(customer_uid)
    if key is not None:
        return key
    if not body.get("card_number"):
        raise Refused(1, "등록된 고객정보가 없습니다.")
    return issue(sandbox, customer_uid, body)


def _check_card(sandbox: Sandbox, key: Key, amount: int) -> None:
    decline = key.facts.get("decline")
    if decline:
        raise Refused(-1, f"카드 유효성 검증에 실패하였습니다. ({amount}원)")


def _book_one(sandbox: Sandbox, key: Key, entry: Any) -> Schedule:
    if not isinstance(entry, dict) or not entry.get("merchant_uid"):
        raise bad_request()
    merchant_uid = str(entry["merchant_uid"])
    if len(merchant_uid) > 40:
        raise bad_request("merchant_uid는 40자를 넘을 수 없습니다.")
    if sandbox.schedules.get(merchant_uid) or sandbox.payments.is_charged(merchant_uid):
        raise Refused(1, "이미 등록되었거나 승인된 merchant_uid 입니다.")
    if not entry.get("name"):
        sandbox.note("lenient", "schedule without name (the document requires it)")
    schedule = Schedule(
        new_schedule(
            key=key.record,
            merchant_uid=merchant_uid,
            schedule_at=amounts.required(entry.get("schedule_at"), "schedule_at"),
            amount=amounts.required(entry.get("amount"), "amount"),
            source=entry,
        ),
        {name: entry[name] for name in _PRIVATE if entry.get(name) is not None},
    )
    sandbox.schedules.save(schedule)
    return schedule


def _put_time(sandbox: Sandbox, schedule: Schedule, schedule_at: int) -> Record:
    if schedule_at <= sandbox.now():
        raise Refused(1, "예약시각은 현재시각 이후여야 합니다.", 400)
    schedule.record["schedule_at"] = schedule_at
    sandbox.schedules.save(schedule)
    return shown(sandbox, schedule)


def _check_repeatable(sandbox: Sandbox, schedule: Schedule) -> None:
    status = shown(sandbox, schedule)["payment_status"]
    if schedule.record["schedule_status"] == "scheduled":
        raise Refused(1, "아직 실행되지 않은 결제예약입니다.", 400)
    if status in ("paid", "cancelled") or sandbox.payments.is_charged(schedule.record["merchant_uid"]):
        raise Refused(1, "이미 승인된 결제예약입니다.", 400)


def _execute(sandbox: Sandbox, schedule: Schedule, key: Key, now: int) -> Held:
    record = schedule.record
    held = charge(
        sandbox,
        key,
        record["merchant_uid"],
        record["amount"],
        {**record, **schedule.facts},
        usage="payment.scheduled",
        notify=True,
        notify_failure=True,
    )
    record |= {
        "schedule_status": "executed",
        "imp_uid": held.imp_uid,
        "executed_at": now,
        "revoked_at": 0,
        "fail_reason": held.record["fail_reason"],
    }
    sandbox.schedules.save(schedule)
    return held
