"""What becomes of a bill and its subscription when its charge is decided, in the same transaction."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .. import clock
from ..conf import QUIET_PERIOD_SECONDS, get_config
from ..lifecycles import CYCLE_MOVES, SETTLED_ORDER_STATES, SUBSCRIPTION_MOVES, check_move
from ..models import BillingCycle, BillingKey, Event, Order, Payment, Subscription
from . import dunning
from .dispatch import new_event
from .reserving import Ask, reserve
from .rows import Changes, values_of, write_changes

if TYPE_CHECKING:
    from .attempt import LockedAttempt

ONE_DAY = dt.timedelta(days=1)
_CARD_HEALTH = {
    Payment.Decline.SOFT: BillingKey.State.FAILING,
    Payment.Decline.HARD: BillingKey.State.FAILING,
    Payment.Decline.NEEDS_NEW_CARD: BillingKey.State.UNUSABLE,
}


def follow_bill(attempt: LockedAttempt) -> bool:
    """Carry the change of a locked attempt on to its bill, if it has one; whether the money must go back at once."""
    order, payment = attempt.order, attempt.payment
    if order.kind == Order.Kind.SALE:
        return False
    was, order_was = attempt.before[payment]["state"], attempt.before[order]["state"]
    is_paid_now = order.is_paid and order_was not in SETTLED_ORDER_STATES
    is_lost_now = payment.state in _LOST and was not in _LOST and not order.is_paid
    if payment.state != was:
        _note_health(payment)
    if order.kind != Order.Kind.CYCLE or not (is_paid_now or is_lost_now):
        return False
    bill = Bill.of(order, attempt.source, changes=attempt.changes)
    if is_paid_now:
        bill.pay()
        if payment.send_count or not payment.look_first:
            bill.rest()  # taken now, however late: the next period is not charged at once
    elif bill.cycle.is_open:
        bill.decline(payment)
        if not bill.cycle.is_open and order.is_open:
            attempt.move_order("cancelled")
            attempt.event("order.cancelled", effect=f"order.cancelled:{order.pk}", reason=bill.cycle.state)
    bill.save()
    attempt.events += bill.events
    return bill.is_unwanted


def _note_health(payment: Payment) -> None:
    """A card that was declined is failing until it pays again."""
    key = BillingKey.objects.filter(pk=payment.billing_key_id or 0)
    if payment.state == "failed" and payment.decline_kind in _CARD_HEALTH:
        key.filter(state__in=("active", "failing")).update(
            state=_CARD_HEALTH[Payment.Decline(payment.decline_kind)],
            fail_reason=payment.fail_reason,
            failed_at=clock.wall(),
        )
    elif payment.state == "paid" and not _was_well(payment):
        key.filter(state="failing").update(state="active", fail_reason="")


def _was_well(payment: Payment) -> bool:
    """Whether planning read the card just now, and found nothing to take back."""
    key = payment._state.fields_cache.get("billing_key")
    return key is not None and key.state == "active"


# No money of this attempt will pay the bill (refunded: what an operator sent back out of quarantine).
_LOST = ("failed", "refunded")


class Bill:
    """A locked bill with its locked subscription, changed in memory; `save` writes both. Inside a transaction."""

    def __init__(self, cycle: BillingCycle, order: Order, source: str) -> None:
        self.cycle, self.subscription, self.order, self.source = cycle, cycle.subscription, order, source
        self.events: list[Event] = []
        self.is_unwanted = False  # paid for a time after the customer had cancelled
        self.changes: Changes | None = None
        self._before = {row: values_of(row) for row in (self.cycle, self.subscription)}

    @classmethod
    def of(cls, order: Order, source: str, *, changes: Changes | None = None) -> Bill:
        """The bill of an order whose row is locked already: payment, order, bill is the order of all locks.

        Of a claimed one it is what was read with the claim; whoever changes what its charge leads to (a cancellation)
        writes the bill's row, too, and so makes that stale.
        """
        if changes is not None:
            bill = cls(order.cycle, order, source)
            bill.changes = changes
            return bill
        rows = BillingCycle.objects.select_for_update().select_related("subscription")
        return cls(rows.get(order=order.pk), order, source)

    def pay(self) -> None:
        """The money is there."""
        cycle, subscription = self.cycle, self.subscription
        self.move("paid")
        cycle.paid_at, cycle.next_step_at = clock.wall(), None
        self.event("bill.paid", effect=f"bill.paid:{cycle.pk}", number=cycle.number)
        if subscription.state == "ended":
            return
        if self._is_cancelled():
            self.end(Subscription.End.CANCELLED)
            self.is_unwanted = True
            return
        self._begin_or_go_on()

    def rest(self) -> None:
        """The next bill is made no sooner than after any bill that was late."""
        subscription = self.subscription
        if subscription.next_bill_at is not None:
            subscription.next_bill_at = max(subscription.next_bill_at, next_bill_after(self.cycle))

    def decline(self, payment: Payment) -> None:
        """The charge came to nothing: again later, another card, or given up."""
        cycle, subscription = self.cycle, self.subscription
        was, was_worth = cycle.decline_kind, dunning.is_worth_trying(cycle)
        cycle.decline_kind = payment.decline_kind or Payment.Decline.SOFT
        if self.let_go():
            return
        is_first = subscription.state == "incomplete"
        if not is_first and self._has_another_card(payment):
            self._try_the_other(payment)
            return
        is_the_cards = cycle.decline_kind != Payment.Decline.REFUSED
        if cycle.next_step_at is not None:  # tried by hand, and the machine's turn is still to come
            if is_the_cards:
                cycle.next_step_at = dunning.after_try_by_hand(cycle, cycle.next_step_at, was_worth_trying=was_worth)
            else:
                cycle.decline_kind = was
        else:
            cycle.failures += is_the_cards
            # The first bill waits for the customer, until cancel_at.
            cycle.next_step_at = None if is_first else dunning.next_step(cycle)
        if is_first or cycle.next_step_at is not None:
            self.move("retrying")
        if is_the_cards:
            self.fall_behind()
            self.event("bill.failed", **self._failure(payment))
            if not dunning.is_worth_trying(cycle):
                self.need_card(payment.fail_reason)
        if cycle.next_step_at is None and not is_first:
            self.give_up()

    def let_go(self) -> bool:
        """Whether its subscription was cancelled meanwhile: then nothing is owed, and it ends."""
        subscription = self.subscription
        if subscription.cancel_at is None or subscription.cancel_at > clock.now():
            return False
        self.void()
        self.end(end_reason(subscription))
        return True

    def _has_another_card(self, payment: Payment) -> bool:
        """Whether the customer has changed the card while this one was being asked."""
        key = self.subscription.billing_key
        return key is not None and key.pk != payment.billing_key_id and key.is_usable

    def _try_the_other(self, payment: Payment) -> None:
        """A new card pays at once: what its predecessor said counts for nothing, and no customer is told of it."""
        if self.cycle.next_due_at <= clock.now():
            self.give_up()
            return
        # Sent more than once, the old charge may still be on its way for a while, although one answer said no.
        self.try_once_more(QUIET_PERIOD_SECONDS if payment.send_count > 1 else 0)
        self.move("retrying")
        self.fall_behind()

    def try_once_more(self, seconds: float) -> None:
        """In so many seconds, unless a try is planned before: no try of DUNNING's, when there are some left."""
        cycle, when = self.cycle, clock.now() + dt.timedelta(seconds=seconds)
        cycle.decline_kind = ""
        if cycle.next_step_at is not None and cycle.next_step_at <= when:
            return
        if cycle.next_step_at is not None and cycle.failures:
            cycle.failures -= 1  # it counts up again should this one be declined, and the plan is the same again
        cycle.next_step_at = when

    def miss_card(self) -> None:
        """There is no card that could be charged for it."""
        self.cycle.decline_kind = Payment.Decline.NEEDS_NEW_CARD
        self.cycle.next_step_at = dunning.next_step(self.cycle)
        self.fall_behind()
        if self.cycle.next_step_at is None:
            self.give_up()
            return
        self.move("retrying")
        self.need_card("no card")

    def need_card(self, reason: str) -> None:
        """The customer has to use another card."""
        self.event("subscription.card_needed", reason=reason[:200], number=self.cycle.number)

    def fall_behind(self) -> None:
        """It is not paid: usable for the days of grace."""
        if self.subscription.state in ("trialing", "active"):
            self.move_subscription("past_due")
            self.subscription.grace_until = self.cycle.due_at + dt.timedelta(days=get_config().grace_days)

    def give_up(self) -> None:
        """Nobody tries it again; DUNNING says what becomes of the subscription. What PortOne itself refused for so long
        is an outage, and no card's fault."""
        if self.cycle.decline_kind == Payment.Decline.REFUSED:
            self.waive("refused")
            return
        self.move("uncollectible")
        self.cycle.next_step_at = None
        then = get_config().dunning.then
        self.event("bill.given_up", effect=f"bill.given_up:{self.cycle.pk}", then=then, number=self.cycle.number)
        if self.subscription.state == "paused":
            return
        if then == "end":
            self.end(Subscription.End.UNPAID)
        elif then == "pause":
            self.move_subscription("paused")
            self.event("subscription.paused")

    def waive(self, policy: str) -> None:
        """Nobody owes it: it was not the customer who let it pass."""
        self.move("waived")
        self.cycle.next_step_at = None
        self.event("bill.waived", numbers=[self.cycle.number, self.cycle.number], policy=policy)

    def void(self) -> None:
        """Nothing is to be paid any more."""
        self.move("void")
        self.cycle.next_step_at = None

    def end(self, reason: str) -> None:
        """It is over, and the slot of its customer free."""
        end_subscription(self.subscription, reason, self.events, self.source)

    def move(self, state: str) -> None:
        if check_move("BillingCycle", CYCLE_MOVES, self.cycle.state, state):
            self.cycle.state = state

    def move_subscription(self, state: str) -> None:
        if check_move("Subscription", SUBSCRIPTION_MOVES, self.subscription.state, state):
            self.subscription.state = state

    def event(self, kind: str, /, *, effect: str | None = None, **data: Any) -> None:
        self.events.append(
            new_event(
                kind,
                order=self.order,
                subscription=self.subscription,
                effect=effect,
                source=self.source,
                data=data,
            )
        )

    def touch(self) -> None:
        """Whoever has read the bill without locking it must read it again."""
        BillingCycle.objects.filter(pk=self.cycle.pk).update(updated_at=clock.wall())

    def save(self) -> None:
        """Write what changed."""
        for row, before in self._before.items():
            if self.changes is None:
                write_changes(row, before)
            else:
                self.changes.add(row, before)

    def _begin_or_go_on(self) -> None:
        cycle, subscription = self.cycle, self.subscription
        if subscription.state == "incomplete":
            subscription.started_at, subscription.cancel_at = clock.now(), None
            subscription.next_bill_at = cycle.next_due_at
            self.event("subscription.started", effect=f"subscription.started:{subscription.pk}")
        elif subscription.state == "paused":
            self.event("subscription.resumed")
            subscription.next_bill_at = cycle.next_due_at
        self.move_subscription("active")
        subscription.grace_until = None

    def _is_cancelled(self) -> bool:
        """Whether the customer cancelled before the charge was decided. An incomplete one that merely lapsed while its
        charge was undecided begins all the same: that is what the money was for."""
        subscription = self.subscription
        if subscription.cancel_at is None:
            return False
        if subscription.cancel_refund == "all":
            return True  # whatever this host's clock says: the one that cancelled may be ahead
        return subscription.state != "incomplete" and subscription.cancel_at <= clock.now()

    def _failure(self, payment: Payment) -> dict[str, Any]:
        step = self.cycle.next_step_at if dunning.is_worth_trying(self.cycle) else None
        return {
            "number": self.cycle.number,
            "attempt": payment.attempt_no,
            "kind": self.cycle.decline_kind,
            "fail_reason": payment.fail_reason,
            "next_step_at": step.isoformat() if step else None,
        }


def next_bill_after(cycle: BillingCycle, *, paid_at: dt.datetime | None = None) -> dt.datetime:
    """When the bill after this one, paid at that moment (now), is made; one that an outage made late is followed by the
    next after a day or more, so that nobody pays twice in 24 hours for what was nobody's fault but ours."""
    paid_at = paid_at or clock.now()
    is_late = cycle.due_at + ONE_DAY <= paid_at
    return max(cycle.next_due_at, paid_at + ONE_DAY) if is_late else cycle.next_due_at


def end_reason(subscription: Subscription) -> str:
    """Why one whose time is over ends: it never began, or was cancelled."""
    return Subscription.End.INCOMPLETE if subscription.state == "incomplete" else Subscription.End.CANCELLED


def end_subscription(subscription: Subscription, reason: str, events: list[Event], source: str) -> None:
    """Move a locked subscription to its end, in memory."""
    if not check_move("Subscription", SUBSCRIPTION_MOVES, subscription.state, "ended"):
        return
    subscription.state = "ended"
    subscription.end_reason = reason
    subscription.ended_at = clock.now()
    subscription.live_slot = subscription.cancel_at = subscription.next_bill_at = subscription.grace_until = None
    effect = f"subscription.ended:{subscription.pk}"
    events.append(
        new_event(
            "subscription.ended",
            subscription=subscription,
            effect=effect,
            source=source,
            data={"reason": str(reason)},
        )
    )


def refund_whole(payment: Payment, reason: str) -> None:
    """Reserve the refund of a bill nobody owes; the sweep sends it. In the caller's transaction."""
    if payment.remaining_amount:  # or else somebody sent it back in PortOne's console
        reserve(payment, Ask(None, None, None, reason, "policy"))
