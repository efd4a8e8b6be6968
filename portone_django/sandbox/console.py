"""The console's one page: a list of transactions, with buttons for what can happen to each next."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from . import escrow
from .calls import Call, Reply, as_html
from .payments import Held
from .records import Record, kst
from .routing import control

_STATUS = {"ready": "미결제", "paid": "결제완료", "failed": "결제실패", "cancelled": "취소"}
_PAGE = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>결제 내역 · PortOne 샌드박스</title>
<style>
body {{ font: 15px/1.6 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", sans-serif; margin: 0; color: #191f28;
  background: #f4f5f7; }}
header, main {{ max-width: 1120px; margin: 0 auto; padding: 1.25rem; }}
h1 {{ font-size: 1.3rem; margin: 0; }}
p {{ margin: .25rem 0 0; color: #4e5968; }}
div {{ overflow-x: auto; background: #fff; border-radius: 12px; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .65rem .9rem; text-align: left; white-space: nowrap; border-bottom: 1px solid #e5e8eb; }}
th {{ font-weight: 600; color: #4e5968; font-size: .85rem; }}
td.won {{ text-align: right; font-variant-numeric: tabular-nums; }}
td.why {{ white-space: normal; min-width: 11rem; }}
.ready {{ color: #8a5a00; }} .paid {{ color: #0a6b3d; }} .failed {{ color: #b3261e; }} .cancelled {{ color: #4e5968; }}
small {{ color: #6b7684; }}
button {{ font: inherit; padding: .3rem .8rem; border: 0; border-radius: 8px; background: #1b64da; color: #fff; }}
button.back {{ background: #e5e8eb; color: #191f28; }}
form {{ display: inline; }}
button:focus-visible {{ outline: 3px solid #1b64da; outline-offset: 2px; }}
</style></head><body>
<header><h1>결제 내역</h1><p>PortOne V1 샌드박스 · {user_code} · 현재 시각 {now}</p></header>
<main><div><table><thead><tr><th>시작</th><th>주문번호</th><th>결제수단</th><th>금액</th><th>상태</th><th>비고</th><th></th>
</tr></thead><tbody>{rows}</tbody></table></div></main></body></html>"""
_ESCROW = {
    "": "에스크로",
    escrow.DELIVERY: "배송등록",
    escrow.CONFIRMED: "구매확인",
    escrow.AUTO_CONFIRMED: "자동구매확인",
    escrow.FORCED: "강제구매확인",
    escrow.REFUSED: "구매거절",
    escrow.CANCELLED: "거래취소",
    escrow.REFUSAL_CONFIRMED: "거절확인",
}
_EMPTY = SafeString('<tr><td colspan="7">아직 결제가 없습니다.</td></tr>')


@control("GET", "/")
@control("GET", "/_sandbox")
@control("GET", "/_sandbox/console")
def console(call: Call) -> Reply:
    sandbox = call.sandbox
    rows = [(_row(held, call.prefix),) for held in sandbox.payments.newest(100)]
    page = format_html(
        _PAGE,
        user_code=sandbox.user_code,
        now=f"{kst(sandbox.now()):%Y-%m-%d %H:%M:%S}",
        rows=format_html_join("", "{}", rows) if rows else _EMPTY,
    )
    return as_html(page)


def _row(held: Held, prefix: str) -> SafeString:
    record = held.record
    return format_html(
        "<tr><td>{}</td><td>{}<br><small>{}</small></td><td>{}<br><small>{}</small></td>"
        '<td class="won">{}원</td><td class="{}">{}</td><td class="why">{}</td><td>{}</td></tr>',
        f"{kst(record['started_at']):%m-%d %H:%M:%S}",
        record["merchant_uid"],
        record["imp_uid"],
        record["pay_method"],
        f"{record['pg_id']} · {'테스트' if record['sandbox'] else '실연동'}",
        f"{record['amount']:,}",
        record["status"],
        _status(record),
        _remark(held),
        format_html_join(" ", "{}", [(_button(record, prefix, *each),) for each in _next(held)]),
    )


def _status(record: Record) -> str:
    if record["status"] == "ready" and record["vbank_num"]:
        return "입금대기"
    if 0 < record["cancel_amount"] < record["amount"]:
        return f"부분취소 {record['cancel_amount']:,}원"
    return _STATUS[record["status"]]


def _remark(held: Held) -> str:
    texts = [_detail(held.record), _ESCROW[escrow.status_of(held)] if held.record["escrow"] else ""]
    return " · ".join(text for text in texts if text)


def _detail(record: Record) -> str:
    if record["status"] == "failed":
        return str(record["fail_reason"] or "")
    if record["vbank_num"]:
        return f"{record['vbank_name']} {record['vbank_num']} (기한 {kst(record['vbank_date']):%m-%d %H:%M})"
    return str(record["card_name"] or record["bank_name"] or "")


def _next(held: Held) -> list[tuple[str, str]]:
    """(verb, label) of what the buyer, the bank or the operator can do to it now."""
    if held.record["status"] == "ready" and held.record["vbank_num"]:
        return [("deposit", "입금")]
    status = escrow.status_of(held)
    moves = [(verb, _ESCROW[after]) for verb, (before, after) in escrow.MOVES.items() if before == status]
    if moves:
        return moves
    can_cancel = held.is_charged and held.remaining > 0 and not status and held.record["customer_uid_usage"] != "issue"
    return [("cancel", "취소")] if can_cancel else []


def _button(record: Record, prefix: str, verb: str, label: str) -> SafeString:
    return format_html(
        '<form method="post" action="{}_sandbox/payments/{}/{}"><input type="hidden" name="back" value="1">'
        '<button type="submit"{}>{}</button></form>',
        prefix,
        record["imp_uid"],
        verb,
        SafeString(' class="back"') if verb == "cancel" else "",
        label,
    )
