"""The life of an escrow sale once its goods are on their way: who moves it where, and what KG Inicis then tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import cancelling
from .payments import Held
from .records import Record
from .refusals import Refused

if TYPE_CHECKING:
    from .ledger import Sandbox

DELIVERY, CONFIRMED, AUTO_CONFIRMED, FORCED, REFUSED, CANCELLED, REFUSAL_CONFIRMED = (
    "2", "3", "31", "32", "4", "8", "10",
)  # fmt: skip
# verb → (from, to)
MOVES: dict[str, tuple[str, str]] = {
    "escrow_confirm": (DELIVERY, CONFIRMED),
    "escrow_auto_confirm": (DELIVERY, AUTO_CONFIRMED),
    "escrow_force_confirm": (DELIVERY, FORCED),
    "escrow_refuse": (DELIVERY, REFUSED),
    "escrow_accept_refusal": (REFUSED, REFUSAL_CONFIRMED),
}
_NO_ESCROW = "에스크로 결제건이 아닙니다."
_DENIED = "구매 거절 사유"


def status_of(held: Held) -> str:
    """Inicis' number of the state; "" before a delivery was registered."""
    return str(held.facts.get("escrow_status") or "")


def check_registrable(held: Held) -> None:
    """Refused (409) unless the money is there and nothing of it went back."""
    if not held.is_charged or held.remaining <= 0:
        raise Refused(1, "배송정보를 등록할 수 없는 결제건입니다.", 409)


def check_changeable(held: Held) -> None:
    """Refused (409) once the buyer has decided."""
    if status_of(held) not in ("", DELIVERY):
        raise Refused(1, "배송정보를 수정할 수 없는 결제건입니다.", 409)


def delivered(sandbox: Sandbox, held: Held) -> None:
    """A delivery was registered. Inside the transaction that wrote it."""
    _move(sandbox, held, DELIVERY)
    sandbox.payments.save(held, sandbox.now())


def act(sandbox: Sandbox, imp_uid: str, verb: str, reason: str | None = None) -> Record:
    """The buyer decides, time decides, or the merchant accepts a refusal, whereupon the sale is cancelled."""
    before, after = MOVES[verb]
    with sandbox.store.write():
        held = sandbox.payments.require(imp_uid)
        if not held.record["escrow"]:
            raise Refused(1, _NO_ESCROW, 400)
        if status_of(held) != before:
            raise Refused(1, f"{verb}: {status_of(held) or 'no delivery'}, not {before}", 409)
        _move(sandbox, held, after, (reason or _DENIED) if after == REFUSED else None)
        sandbox.payments.save(held, sandbox.now())
    return _cancelled(sandbox, imp_uid) if after == REFUSAL_CONFIRMED else held.record


def _cancelled(sandbox: Sandbox, imp_uid: str) -> Record:
    with sandbox.store.write():
        cancelling.cancel(sandbox, cancelling.Cancel(imp_uid=imp_uid, reason="구매거절", by_console=True))
        held = sandbox.payments.require(imp_uid)
        _move(sandbox, held, CANCELLED)
        sandbox.payments.save(held, sandbox.now())
    return held.record


def _move(sandbox: Sandbox, held: Held, status: str, denied_reason: str | None = None) -> None:
    held.facts["escrow_status"] = status
    extra: Record = {"escrow_status": status, "changed_at": sandbox.now()}
    if denied_reason:
        extra["denied_reason"] = denied_reason
    if sandbox.settings["escrow_webhooks"]:
        sandbox.webhooks.emit_escrow(held, extra)
