"""Bills, their orders and attempts, written just in time: never more than the engine is about to charge."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any

from .. import clock
from ..adapter import get_adapter
from ..conf import get_config
from ..lifecycles import LIVE_SUBSCRIPTION_STATES, SUBSCRIPTION_MOVES
from ..models import BillingCycle, CycleLine, Event, Order, Payment, Price, Subscription
from ..periods import due_at, number_on, period, period_start
from . import bulk
from .attempts import charge_attempt, lease_to
from .bills import Bill, end_subscription, next_bill_after
from .claims import is_any
from .dispatch import new_event, record
from .expiry import close_order
from .rows import write_many
from .stepping import SPOILT_PAUSE, end_cancelled, take_steps
from .steps import can_skip_locked, in_one_step
from .uids import bill_uid

logger = logging.getLogger("portone_django.planning")

# A subscription whose last bill is not decided is looked at again after this.
BUSY_PAUSE = dt.timedelta(seconds=30)


@dataclass(slots=True)
class Draft:
    """One bill that is about to be written, with all that belongs to it."""

    subscription: Subscription
    cycle: BillingCycle
    order: Order
    lines: list[CycleLine]
    payment: Payment | None = None
    waived: list[BillingCycle] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def plan_due(limit: int, *, lease: str = "", look_first: bool = False) -> list[Payment]:
    """Write the attempts of at most `limit` bills that are due: new periods and tries again.

    With a `lease` they are claimed for the caller in the same commit. Ends what was cancelled until now, and gives up
    what is past its last try. Any number of processes at once.
    """
    end_cancelled(limit)
    payments = take_steps(limit, lease, look_first)
    if len(payments) < limit:
        payments += bill_due(limit - len(payments), lease, look_first)
    return payments


def bill_due(limit: int, lease: str = "", look_first: bool = False) -> list[Payment]:
    """Bills of the subscriptions whose next one is due, a batch in one transaction.

    A batch with nothing to charge (free, waived, without a card) is followed by the next one.
    """
    payments: list[Payment] = []
    while (room := limit - len(payments)) > 0:
        done, more = _bill_batch(room, lease, look_first)
        payments += more
        if not done:
            break
    return payments


def _bill_batch(limit: int, lease: str, look_first: bool) -> tuple[int, list[Payment]]:
    """How many subscriptions were worked on, and the charges to make."""
    due = Subscription.objects.filter(next_bill_at__lte=clock.now())
    if look_first:  # the next period is due already, and waits for the one before it without a pause
        due = due.exclude(pk__in=BillingCycle.objects.is_open().values("subscription"))
    if not is_any(due, by="next_bill_at"):
        return 0, []
    try:
        return in_one_step(lambda: _bill(_locked(due, limit), lease, look_first))
    except Exception:
        # One spoilt row must not hold up the others: each on its own, and the culprit waits.
        logger.exception("Bills could not be written together; one by one now.")
        pks = list(due.order_by("next_bill_at").values_list("pk", flat=True)[:limit])
        return len(pks), [payment for pk in pks for payment in _bill_alone(pk, lease, look_first)]


def first_bill(subscription: Subscription, price: Price) -> Draft:
    """The bill of the period that begins now, in the caller's transaction, charged by the caller."""
    draft = _draft(subscription, price, subscription.cycle_no + 1)
    _write([draft], lease="", look_first=False)
    return draft


def _locked(due: Any, limit: int) -> list[Subscription]:
    rows = due.select_for_update(skip_locked=can_skip_locked()).order_by("next_bill_at")[:limit]
    # Apart from the locking query: a joined price would be locked with every subscription to it.
    return list(rows.prefetch_related("price__plan", "billing_key", "customer"))


def _bill_alone(pk: int, lease: str, look_first: bool) -> list[Payment]:
    due = Subscription.objects.filter(pk=pk, next_bill_at__lte=clock.now())
    try:
        return in_one_step(lambda: _bill(_locked(due, 1), lease, look_first))[1]
    except Exception:
        logger.exception("Subscription %s cannot be billed; tried again in an hour.", pk)
        Subscription.objects.filter(pk=pk).update(next_bill_at=clock.now() + SPOILT_PAUSE)
        return []


def _bill(subscriptions: list[Subscription], lease: str, look_first: bool) -> tuple[int, list[Payment]]:
    open_bills = BillingCycle.objects.is_open().filter(subscription__in=subscriptions)
    busy = set(open_bills.values_list("subscription_id", flat=True))
    drafts = [draft for each in subscriptions if (draft := _next_draft(each, look_first, busy))]
    return len(subscriptions), _write(drafts, lease=lease, look_first=look_first)


def _next_draft(subscription: Subscription, look_first: bool, busy: Container[int]) -> Draft | None:
    """The bill that is due, after CATCH_UP; None when none is now, with the subscription saved as it waits.

    `busy` are those whose last bill is not decided: never two at once. A state that this version does not know is left
    to the workers of the later one.
    After a restore every period is looked up, one after the other: it may have been charged by a lost commit.
    """
    price, now = subscription.price, clock.now()
    is_known = subscription.state in SUBSCRIPTION_MOVES
    is_over = subscription.cancel_at is not None and subscription.cancel_at <= now
    is_live = subscription.state in LIVE_SUBSCRIPTION_STATES and subscription.state != "paused" and not is_over
    if is_known and not is_live:
        subscription.next_bill_at = None
        subscription.save(update_fields=["next_bill_at", "updated_at"])
        return None
    if subscription.pk in busy or not is_known:
        subscription.next_bill_at = now + BUSY_PAUSE
        subscription.save(update_fields=["next_bill_at", "updated_at"])
        return None
    if subscription.customer_id is None:
        _end_orphan(subscription)
        return None
    number, policy = subscription.cycle_no + 1, get_config().catch_up
    since_anchor = number_on(subscription.anchor, price.unit, price.every, clock.today())
    current = max(since_anchor + subscription.anchor_no - 1, number)
    if policy == "each" or look_first:
        return _draft(subscription, price, number, look_first=look_first)
    is_due = _due_at(subscription, price, current) <= now  # on its first day only from the hour of billing on
    first_unmissed = current + 1 if policy == "none" and current > number and is_due else current
    waived = range(number, first_unmissed)
    if is_due and (policy == "current" or first_unmissed == number):
        return _draft(subscription, price, current, waived=waived)
    _waive(subscription, price, waived)
    return None


def _end_orphan(subscription: Subscription) -> None:
    """The customer's account was deleted: nobody is charged who has no account to see it, or to cancel it."""
    events: list[Event] = []
    end_subscription(subscription, Subscription.End.CANCELLED, events, "engine")
    subscription.save()
    record(events)


def _waive(subscription: Subscription, price: Price, numbers: Iterable[int]) -> None:
    """Periods that an outage took: written down, never charged; the next bill is made in its own time."""
    cycles = [_cycle(subscription, price, number, state="waived") for number in numbers]
    if cycles:
        BillingCycle.objects.bulk_create(cycles)
        subscription.cycle_no = cycles[-1].number
        record([_waived_event(subscription, cycles)])
    subscription.next_bill_at = _due_at(subscription, price, subscription.cycle_no + 1)
    subscription.save(update_fields=["cycle_no", "next_bill_at", "updated_at"])


def _draft(
    subscription: Subscription, price: Price, number: int, waived: Iterable[int] = (), *, look_first: bool = False
) -> Draft:
    key = subscription.billing_key
    cycle = _cycle(subscription, price, number, state="open")
    lines, carried = _lines(subscription, price, cycle)
    cycle.amount = sum(line.amount for line in lines)
    order = _order(subscription, price, cycle, is_plain=len(lines) == 1)
    draft = Draft(subscription, cycle, order, lines)
    draft.waived = [_cycle(subscription, price, each, state="waived") for each in waived]
    if draft.waived:
        draft.events.append(_waived_event(subscription, draft.waived))
    subscription.cycle_no, subscription.carried_amount = number, carried
    subscription.period_start, subscription.period_end = cycle.period_start, cycle.period_end
    # After a restore the next one is looked up at once, too; should this one be sent, its settlement says when.
    subscription.next_bill_at = cycle.next_due_at if look_first else next_bill_after(cycle)
    if cycle.amount and key is not None and key.is_usable:
        uid = bill_uid(subscription.token, number, 1)
        draft.payment = charge_attempt(order, key, uid, 1)
    return draft


def _cycle(subscription: Subscription, price: Price, number: int, *, state: str) -> BillingCycle:
    since_anchor = number - subscription.anchor_no + 1
    start, end = period(subscription.anchor, price.unit, price.every, since_anchor)
    return BillingCycle(
        subscription=subscription,
        number=number,
        period_start=start,
        period_end=end,
        due_at=_due_on(start),
        next_due_at=_due_on(end),
        state=state,
        amount=0 if state == "waived" else price.amount,
        currency=price.currency,
    )


def _lines(subscription: Subscription, price: Price, cycle: BillingCycle) -> tuple[list[CycleLine], int]:
    """The lines of the bill, and what is carried to the next one because PortOne takes no amount that small."""
    lines = [CycleLine(cycle=cycle, kind="price", name=price.plan.name, amount=price.amount)]
    if subscription.carried_amount:
        lines.append(CycleLine(cycle=cycle, kind="carried_in", name="", amount=subscription.carried_amount))
    total = sum(line.amount for line in lines)
    if total == 0 or total >= get_config().minimum_charge:
        return lines, 0
    lines.append(CycleLine(cycle=cycle, kind="carried_out", name="", amount=-total))
    return lines, total


def _order(subscription: Subscription, price: Price, cycle: BillingCycle, *, is_plain: bool) -> Order:
    customer = subscription.customer
    buyer = get_adapter().buyer(customer) if customer is not None else {}
    return Order(
        kind=Order.Kind.CYCLE,
        customer=customer,
        # With dots a browser never breaks a date.
        name=f"{price.plan.name} {cycle.period_start:%Y.%m.%d} – {cycle.last_day:%Y.%m.%d}",
        amount=cycle.amount,
        currency=price.currency,
        # A carried amount is taxed like any other: only a bill of the price alone states the parts of the price.
        tax_free_amount=price.tax_free_amount if is_plain else None,
        vat_amount=price.vat_amount if is_plain else None,
        **{name: str(text)[: _LIMITS[name]] for name, text in buyer.items()},
    )


def _write(drafts: list[Draft], *, lease: str, look_first: bool) -> list[Payment]:
    """All of it, one statement a table. In the caller's transaction."""
    if not drafts:
        return []
    bulk.insert([draft.order for draft in drafts], unique="public_id")
    for draft in drafts:
        draft.cycle.order = draft.order
    BillingCycle.objects.bulk_create([cycle for draft in drafts for cycle in draft.waived])
    bulk.insert([draft.cycle for draft in drafts], unique="order_id")
    for draft in drafts:
        for line in draft.lines:
            line.cycle = draft.cycle
        if draft.payment is not None:
            draft.payment.order, draft.payment.open_slot = draft.order, draft.order.pk
            draft.payment.look_first = look_first
            lease_to(draft.payment, lease)
    CycleLine.objects.bulk_create([line for draft in drafts for line in draft.lines])
    payments = [draft.payment for draft in drafts if draft.payment is not None]
    bulk.insert(payments, unique="merchant_uid")
    for draft in drafts:
        if draft.payment is None:
            _settle_without_charge(draft)
    for draft in drafts:
        draft.subscription.updated_at = clock.wall()
    write_many([draft.subscription for draft in drafts], _WRITTEN)
    record([event for draft in drafts for event in draft.events])
    return payments


def _settle_without_charge(draft: Draft) -> None:
    """Nothing to pay: paid without PortOne. No card that can be charged: the customer is asked for one."""
    bill = Bill(draft.cycle, draft.order, "engine")
    order = draft.order
    if draft.cycle.amount == 0:
        order.state, order.paid_at = Order.State.PAID, clock.now()
        bill.event("order.paid", effect=f"order.paid:{order.pk}")
        bill.pay()
        Order.objects.filter(pk=order.pk).update(state=order.state, paid_at=order.paid_at)
    else:
        bill.miss_card()
        if not draft.cycle.is_open:
            close_order(order, Order.State.CANCELLED, {"reason": draft.cycle.state})
    bill.save()
    draft.events += bill.events


_WRITTEN = ["cycle_no", "next_bill_at", "carried_amount", "period_start", "period_end", "updated_at"]
_LIMITS = {each.name: getattr(each, "max_length", None) for each in Order._meta.concrete_fields}


def _waived_event(subscription: Subscription, cycles: list[BillingCycle]) -> Event:
    data = {"numbers": [cycles[0].number, cycles[-1].number], "policy": get_config().catch_up}
    return new_event("bill.waived", subscription=subscription, source="engine", data=data)


def _due_at(subscription: Subscription, price: Price, number: int) -> dt.datetime:
    since_anchor = number - subscription.anchor_no + 1
    return _due_on(period_start(subscription.anchor, price.unit, price.every, since_anchor))


def _due_on(day: dt.date) -> dt.datetime:
    config = get_config()
    return due_at(day, config.charge_hour, config.zone)
