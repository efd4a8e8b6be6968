"""Billing keys by customer_uid: issue, read, delete, and what was charged or booked with them."""

from __future__ import annotations

from .. import charging, keys
from ..calls import Call, Reply, envelope
from ..refusals import bad_request, not_found
from ..routing import route
from .paging import DEFAULT_LIMIT, page_of, slice_of

_MAX_UID = 80


@route("POST", "/subscribe/customers/{customer_uid}")
def issue(call: Call) -> Reply:
    customer_uid = call.params["customer_uid"]
    if len(customer_uid) > _MAX_UID:
        raise bad_request("customer_uid는 80자를 넘을 수 없습니다.")
    return envelope(charging.issue(call.sandbox, customer_uid, call.body).record)


@route("GET", "/subscribe/customers/{customer_uid}")
def one(call: Call) -> Reply:
    return envelope(_existing(call).record)


@route("GET", "/subscribe/customers")
def several(call: Call) -> Reply:
    """200 when all were found, 207 when some, 404 when none."""
    asked = call.texts(call.query, "customer_uid")
    if not asked:
        raise bad_request("customer_uid 파라미터가 누락되었습니다.")
    found = [key.record for uid in asked if (key := call.sandbox.keys.get(uid))]
    if not found:
        raise not_found("요청하신 customer_uid로 등록된 정보를 찾을 수 없습니다.", code=1)
    return envelope(found, 200 if len(found) == len(asked) else 207)


@route("DELETE", "/subscribe/customers/{customer_uid}")
def delete(call: Call) -> Reply:
    """Schedules of the key stay; they fail when their time comes."""
    key = _existing(call)
    call.sandbox.keys.delete(call.params["customer_uid"])
    return envelope(key.record)


@route("GET", "/subscribe/customers/{customer_uid}/payments")
def payments(call: Call) -> Reply:
    instant = call.sandbox.instant()
    held = call.sandbox.payments.of_customer(call.params["customer_uid"])
    shown = [record for one in held if (record := one.seen(instant))]
    if not shown and call.sandbox.keys.get(call.params["customer_uid"]) is None:
        raise not_found(
            f"요청하신 customer_uid({call.params['customer_uid']})로 등록된 정보를 찾을 수 없습니다.", code=1
        )
    return envelope(slice_of(shown, page_of(call), DEFAULT_LIMIT))


def _existing(call: Call) -> keys.Key:
    key = call.sandbox.keys.get(call.params["customer_uid"])
    if key is None:
        raise keys.unknown(call.params["customer_uid"], call.sandbox.settings["unknown_key_status"])
    return key
