"""Looking up payments: one, several, by order number, by status and time."""

from __future__ import annotations

from .. import payments
from ..calls import Call, Reply, envelope
from ..records import Record
from ..refusals import bad_request, not_found
from ..routing import route
from .paging import limit_of, number, page_of, paged, slice_of

_BAD_STATUS = "지원되지 않는 상태값입니다."
_MAX_RANGE = 90 * 86_400
_MAX_IDS = 100
_NO_STATUS = ("", "all", "undefined", "null")  # what a JavaScript client writes when it was given none


@route("GET", "/payments/{imp_uid}")
def one(call: Call) -> Reply:
    held = call.sandbox.payments.get(call.params["imp_uid"])
    record = held.seen(call.sandbox.instant()) if held else None
    if held is None or record is None:
        raise not_found(payments.UNKNOWN)
    hidden = held.record["sandbox"] and call.sandbox.settings["sandbox_hidden"]
    if hidden and not call.flag("include_sandbox"):
        raise not_found(payments.UNKNOWN)
    return envelope(record)


@route("GET", "/payments")
def several(call: Call) -> Reply:
    """200 when all were found, 207 when some, 404 when none."""
    sandbox, instant = call.sandbox, call.sandbox.instant()
    imp_uids, merchant_uids = call.texts(call.query, "imp_uid"), call.texts(call.query, "merchant_uid")
    if not 1 <= len(imp_uids) + len(merchant_uids) <= _MAX_IDS:
        raise bad_request("imp_uid 또는 merchant_uid를 1개 이상 100개 이하로 지정해야 합니다.")
    groups = [[held] if (held := sandbox.payments.get(uid)) else [] for uid in imp_uids]
    groups += [sandbox.payments.of(uid) for uid in merchant_uids]
    shown = [[record for held in group if (record := held.seen(instant))] for group in groups]
    unique = {record["imp_uid"]: record for group in shown for record in group}
    if not unique:
        raise not_found(payments.UNKNOWN)
    return envelope(list(unique.values()), 200 if all(shown) else 207)


@route("GET", "/payments/find/{merchant_uid}")
@route("GET", "/payments/find/{merchant_uid}/{payment_status}")
def find(call: Call) -> Reply:
    """An impossible status finds nothing, as the document has no 400 here."""
    known = call.params.get("payment_status", "") in (*payments.STATUSES, *_NO_STATUS)
    found = _matching(call) if known else []
    if not found:
        raise not_found(payments.UNKNOWN)
    return envelope(found[0])


@route("GET", "/payments/findAll/{merchant_uid}")
@route("GET", "/payments/findAll/{merchant_uid}/{payment_status}")
def find_all(call: Call) -> Reply:
    page, limit = page_of(call), limit_of(call)
    found = _matching(call)
    if not found:
        raise not_found(payments.UNKNOWN)
    return envelope(slice_of(found, page, limit))


@route("GET", "/payments/status/{payment_status}")
def by_status(call: Call) -> Reply:
    status = call.params["payment_status"]
    if status not in (*payments.STATUSES, "all"):
        raise bad_request(_BAD_STATUS)
    sandbox = call.sandbox
    end = number(call, "to", sandbox.now())
    start = number(call, "from", end - _MAX_RANGE)
    if start > end or end - start > _MAX_RANGE:
        raise bad_request("조회기간은 최대 90일입니다.")
    page, limit, instant = page_of(call), limit_of(call), sandbox.instant()
    total, rows = sandbox.payments.page_by_status(
        status, start=start, end=end, sorting=_sorting(call), page=page, limit=limit, instant=instant
    )
    if page > 1 and (page - 1) * limit >= total:
        raise bad_request("페이지 범위를 초과하였습니다.")
    shown = [record for held in rows if (record := held.seen(instant))]
    return envelope(paged(shown, total, page, limit))


@route("GET", "/payments/{imp_uid}/balance")
def balance(call: Call) -> Reply:
    """The remaining amount, split as a taxable sale; PortOne gives it for Payco only."""
    held = call.sandbox.payments.get(call.params["imp_uid"])
    if held is None or held.seen(call.sandbox.instant()) is None:
        raise not_found(payments.UNKNOWN)
    tax_free = min(int(held.facts.get("tax_free") or 0), held.remaining)
    given = held.facts.get("vat_amount")
    vat = min(int(given), held.remaining) if given is not None else (held.remaining - tax_free) // 11
    whole = {"tax_free": tax_free, "supply": held.remaining - tax_free - vat, "vat": vat, "service": 0}
    nothing = {"tax_free": 0, "supply": 0, "vat": 0, "service": 0}
    return envelope(
        {
            "amount": held.remaining,
            "cash_receipt": nothing,
            "primary": whole,
            "secondary": nothing,
            "discount": nothing,
            "histories": [],
        }
    )


def _matching(call: Call) -> list[Record]:
    """All visible records of the merchant_uid, of the status if one is named, sorted."""
    status = call.params.get("payment_status", "")
    if status not in (*payments.STATUSES, *_NO_STATUS):
        raise bad_request(_BAD_STATUS)
    instant = call.sandbox.instant()
    held = call.sandbox.payments.of(call.params["merchant_uid"])
    shown = [record for one in held if (record := one.seen(instant))]
    kept = [record for record in shown if status in _NO_STATUS or record["status"] == status]
    return payments.in_order(kept, _sorting(call))


def _sorting(call: Call) -> str:
    sorting = str(call.query.get("sorting") or "-started")
    if sorting not in payments.SORTINGS:
        raise bad_request("sorting 값이 올바르지 않습니다.")
    return sorting
