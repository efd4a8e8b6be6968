"""When a declined bill is tried again, and when it is given up: PORTONE["DUNNING"], never past the next period."""

from __future__ import annotations

import datetime as dt

from .. import clock
from ..conf import get_config
from ..models import BillingCycle, Payment
from ..periods import due_at

# What PortOne refused, or a fault of ours, says nothing about the card.
REFUSED_PAUSE = dt.timedelta(hours=1)
_WORTH_TRYING = (Payment.Decline.NONE, Payment.Decline.SOFT, Payment.Decline.REFUSED)


def next_step(bill: BillingCycle) -> dt.datetime | None:
    """When the machine acts next on an open bill whose try was just declined; None: it is given up now.

    Counted from now and not from the due date: after an outage a card is not tried every hour.
    """
    if bill.decline_kind == Payment.Decline.REFUSED:
        return _before_next_period(bill, clock.now() + REFUSED_PAUSE)
    days = get_config().dunning.days
    if not days or bill.failures > len(days):
        return None
    passed = days[bill.failures - 2] if bill.failures > 1 else 0
    target = days[max(bill.failures, 1) - 1] if is_worth_trying(bill) else days[-1]
    return _before_next_period(bill, _on_day(target - passed))


def after_try_by_hand(bill: BillingCycle, planned: dt.datetime, *, was_worth_trying: bool) -> dt.datetime:
    """When the machine acts next after somebody has tried before `planned`: that was one more, and only changes what is
    worth doing. A planned try of what is hopeless now waits for the last day, and what was hopeless and is not is tried
    again."""
    if was_worth_trying == is_worth_trying(bill):
        return planned
    found = next_step(bill) or planned
    return found if was_worth_trying else min(found, planned)


def is_worth_trying(bill: BillingCycle) -> bool:
    """Whether the same card may pay it later."""
    return bill.decline_kind in _WORTH_TRYING


def may_retry(bill: BillingCycle) -> bool:
    """Whether the step that is due is another try (or else giving up)."""
    if not is_worth_trying(bill) or clock.now() >= bill.next_due_at:
        return False
    return bill.failures <= len(get_config().dunning.days)


def _on_day(days: int) -> dt.datetime:
    config = get_config()
    return due_at(clock.today() + dt.timedelta(days=days), config.charge_hour, config.zone)


def _before_next_period(bill: BillingCycle, when: dt.datetime) -> dt.datetime | None:
    return None if bill.next_due_at <= clock.now() else min(when, bill.next_due_at)
