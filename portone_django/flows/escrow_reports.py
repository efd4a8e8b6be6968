"""What a webhook said of an escrow sale: kept on the payment as reported, because nothing can prove it.

PortOne signs no webhook and has no call that tells the buyer's decision. So a report names no money and moves none; a
registered delivery ("2") can be looked up (GET /escrows/logis), a cancelled sale ("8") shows in `cancel_amount`.
The newest report wins, whatever the order in which they come and however often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..models import Payment
from ..storable import storable
from .attempt import LockedAttempt
from .steps import in_one_step

EVENT = "Inicis.Escrow.Changed"
# The codes that PortOne documents, in the order of a sale's life: of two reports of one second the later one counts.
STATUSES = ("2", "4", "10", "3", "31", "32", "8")
# A time that has not come is nobody's report; it would outrank every true one.
_SKEW = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Report:
    """One report: what was said to be the state since when, and the buyer's reason for a refusal."""

    status: str
    changed_at: dt.datetime
    denied_reason: str

    @property
    def rank(self) -> tuple[dt.datetime, int]:
        """Higher is newer."""
        return self.changed_at, STATUSES.index(self.status)


def read_report(extra: Any) -> Report | None:
    """The report in a hint's `extra`; None when it is none that PortOne documents."""
    if not isinstance(extra, Mapping) or not is_report(extra):
        return None
    seconds = str(extra.get("changed_at", ""))
    changed_at = (
        clock.from_unix(int(seconds)) if seconds.isascii() and seconds.isdigit() and len(seconds) < 13 else None
    )
    if changed_at is None or changed_at > max(clock.now(), clock.wall()) + _SKEW:
        return None
    reason = extra.get("denied_reason", "")
    return Report(extra["escrow_status"], changed_at, storable(reason)[:200] if isinstance(reason, str) else "")


def is_report(extra: Mapping[str, Any]) -> bool:
    """Whether it names a documented state of an escrow sale."""
    return extra.get("event") == EVENT and extra.get("escrow_status") in STATUSES


def is_newer(extra: Any, other: Any) -> bool:
    """Whether the first `extra` holds a newer report than the second, or a first one."""
    first, second = read_report(extra), read_report(other)
    return first is not None and (second is None or first.rank > second.rank)


def take_report(merchant_uid: str, imp_uid: str, extra: Any) -> bool:
    """Keep the report on the payment if it is about that payment's own record and news; whether it was kept."""
    report = read_report(extra)
    if report is None or not imp_uid:
        return False

    def step() -> bool:
        attempt = LockedAttempt(merchant_uid, (), "webhook")
        payment = attempt.payment
        if payment.imp_uid != imp_uid or payment.escrow is not True or not _is_news(payment, report):
            return False
        payment.escrow_status, payment.escrow_changed_at = report.status, report.changed_at
        payment.escrow_denied_reason = report.denied_reason if attempt.order.blanked_at is None else ""
        effect = f"payment.escrow_changed:{payment.pk}:{report.status}:{int(report.changed_at.timestamp())}"
        # Without the buyer's words: events are kept for ever.
        attempt.event(
            "payment.escrow_changed", effect=effect, status=report.status, changed_at=report.changed_at.isoformat()
        )
        attempt.finish()
        return True

    return in_one_step(step)


def _is_news(payment: Payment, report: Report) -> bool:
    if payment.escrow_changed_at is None or payment.escrow_status not in STATUSES:
        return True
    known = Report(payment.escrow_status, payment.escrow_changed_at, "")
    return report.rank > known.rank
