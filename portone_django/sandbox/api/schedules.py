"""Scheduled charges: book, list, read, move, revoke, book again, retry."""

from __future__ import annotations

from .. import amounts, scheduling
from ..calls import Call, Reply, envelope
from ..refusals import bad_request
from ..routing import route
from ..schedules import STATES
from .paging import DEFAULT_LIMIT, limit_of, number, page_of, slice_of

_MAX_RANGE = 93 * 86_400  # three months


@route("POST", "/subscribe/payments/schedule")
def book(call: Call) -> Reply:
    return envelope(scheduling.book(call.sandbox, call.body))


@route("POST", "/subscribe/payments/unschedule")
def revoke(call: Call) -> Reply:
    merchant_uids = call.texts(call.body, "merchant_uid")
    return envelope(scheduling.revoke(call.sandbox, call.text("customer_uid"), merchant_uids))


@route("GET", "/subscribe/payments/schedule")
def listed(call: Call) -> Reply:
    return _list(call, None, ("schedule_from", "schedule_to"), "schedule_status", limit_of(call))


@route("GET", "/subscribe/customers/{customer_uid}/schedules")
@route("GET", "/subscribe/payments/schedule/customers/{customer_uid}")
def of_customer(call: Call) -> Reply:
    return _list(call, call.params["customer_uid"], ("from", "to"), "schedule-status", DEFAULT_LIMIT)


@route("GET", "/subscribe/payments/schedule/{merchant_uid}")
def one(call: Call) -> Reply:
    schedule = scheduling.existing(call.sandbox, call.params["merchant_uid"])
    return envelope(scheduling.shown(call.sandbox, schedule))


@route("PUT", "/subscribe/payments/schedule/{merchant_uid}")
def move(call: Call) -> Reply:
    schedule_at = amounts.required(call.text("schedule_at"), "schedule_at")
    return envelope(scheduling.move(call.sandbox, call.params["merchant_uid"], schedule_at))


@route("POST", "/subscribe/payments/schedule/{merchant_uid}/reschedule")
def reschedule(call: Call) -> Reply:
    schedule_at = amounts.required(call.text("schedule_at"), "schedule_at")
    return envelope(scheduling.reschedule(call.sandbox, call.params["merchant_uid"], schedule_at))


@route("POST", "/subscribe/payments/schedule/{merchant_uid}/retry")
def retry(call: Call) -> Reply:
    return envelope(scheduling.retry(call.sandbox, call.params["merchant_uid"]))


def _list(call: Call, customer_uid: str | None, between: tuple[str, str], state: str, limit: int) -> Reply:
    start, end = (number(call, name) for name in between)
    status = call.text(state)
    if start >= end or end - start > _MAX_RANGE or status not in (None, *STATES):
        raise bad_request("조회기간(최대 3개월) 또는 예약상태 값이 올바르지 않습니다.")
    found = call.sandbox.schedules.between(
        start, end, customer_uid=customer_uid, status=status, oldest_first=call.text("sorting") == "scheduled"
    )
    shown = [scheduling.shown(call.sandbox, schedule) for schedule in found]
    page = slice_of(shown, page_of(call), limit)
    return envelope(page if call.sandbox.settings["schedule_list"] == "paged" else page["list"])
