"""Amounts registered before the window opens: another amount keeps it shut."""

from __future__ import annotations

from .. import amounts
from ..calls import Call, Reply, envelope
from ..refusals import bad_request, not_found
from ..routing import route


@route("POST", "/payments/prepare")
def register(call: Call) -> Reply:
    """A second POST for the same merchant_uid replaces the first; what the real one does is undocumented."""
    return _put(call)


@route("PUT", "/payments/prepare")
def change(call: Call) -> Reply:
    if call.sandbox.prepared(call.required("merchant_uid")) is None:
        raise not_found("사전등록된 결제정보가 존재하지 않습니다.")
    return _put(call)


@route("GET", "/payments/prepare/{merchant_uid}")
def read(call: Call) -> Reply:
    prepared = call.sandbox.prepared(call.params["merchant_uid"])
    if prepared is None:
        raise not_found("사전등록된 결제정보가 존재하지 않습니다.")
    return envelope(prepared)


def _put(call: Call) -> Reply:
    merchant_uid, amount = call.required("merchant_uid"), amounts.required(call.body.get("amount"), "amount")
    if len(merchant_uid) > 40 or amount < 0:
        raise bad_request("merchant_uid 또는 amount 값이 올바르지 않습니다.")
    with call.sandbox.store.write() as db:
        db.execute(
            "INSERT INTO prepared VALUES (?, ?, ?) ON CONFLICT (merchant_uid) "
            "DO UPDATE SET amount = excluded.amount, currency = excluded.currency",
            (merchant_uid, amount, call.text("currency")),
        )
    return envelope(call.sandbox.prepared(merchant_uid))
