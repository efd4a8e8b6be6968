"""What is done with bills that are open and subscriptions that are over: tried again, given up, voided, ended."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial

from django.db.models import Exists, OuterRef, Q

from .. import clock
from ..clock import Tick
from ..conf import get_config
from ..lifecycles import OPEN_CYCLE_STATES
from ..models import BillingCycle, BillingKey, Event, Order, Payment, Subscription
from . import dunning
from .attempts import DROPPED, UNDECIDED, UNSENT, charge_attempt, drop_unsent, last_attempt_no, lease_to, undecided
from .bills import Bill, end_reason, end_subscription
from .claims import PLANNED, is_any
from .dispatch import record
from .expiry import close_order
from .steps import in_one_step
from .uids import bill_uid

logger = logging.getLogger("portone_django.planning")

# A row that cannot be worked on (a fault of ours) waits so long and holds up nobody.
SPOILT_PAUSE = dt.timedelta(hours=1)


def take_steps(limit: int, lease: str = "", look_first: bool = False) -> list[Payment]:
    """The declined bills whose next step is due: tried again, or given up."""
    due = BillingCycle.objects.filter(next_step_at__lte=clock.now()).order_by("next_step_at")
    payments: list[Payment] = []
    # Bills that are given up leave room for more.
    while (room := limit - len(payments)) > 0:
        steps = list(due.values_list("pk", "order_id")[:room])
        for pk, order_id in steps:
            try:
                payment = in_one_step(partial(_step, order_id, lease, look_first))
            except Exception:
                logger.exception("Bill %s could not be carried on.", pk)
                BillingCycle.objects.filter(pk=pk).update(next_step_at=clock.now() + SPOILT_PAUSE)
                continue
            if payment is not None:
                payments.append(payment)
        if not steps:
            break
    return payments


def end_cancelled(limit: int = 500) -> int:
    """End the subscriptions whose last paid day is over; returns how many."""
    over = Subscription.objects.filter(cancel_at__lte=clock.now())
    if not is_any(over, by="cancel_at"):  # mostly; the question below is a dear one
        return 0
    # One whose charge is not decided is ended by that decision, which may take a person days: it is not in the way.
    bills = {"order__cycle__subscription": OuterRef("pk"), "order__cycle__state__in": OPEN_CYCLE_STATES}
    waits = Payment.objects.filter(**bills, state__in=UNDECIDED).exclude(UNSENT)
    due = over.filter(~Exists(waits)).order_by("cancel_at")
    done = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        try:
            done += in_one_step(partial(_end, pk))
        except Exception:
            logger.exception("Subscription %s could not be ended.", pk)
    return done


def write_attempt(bill: Bill, key: BillingKey, *, lease: str = "", look_first: bool = False) -> Payment:
    """The next attempt at a locked bill, with this card. In the caller's transaction."""
    cycle = bill.cycle
    order = bill.order
    last = last_attempt_no(order)
    was_restored = last > 0 and Payment.objects.filter(order=order, look_first=True).exists()
    uid = bill_uid(bill.subscription.token, cycle.number, last + 1)
    payment = charge_attempt(order, key, uid, last + 1)
    payment.look_first = look_first or was_restored
    lease_to(payment, lease)
    payment.save(force_insert=True)
    if cycle.next_step_at is not None and cycle.next_step_at <= clock.now():
        cycle.next_step_at = None  # this is it; what is still to come stays, also when somebody tries before
    return payment


def lock_bill(order_id: int, source: str) -> Bill:
    """The bill of that order, locked with all attempts at it: attempts, order, bill is the order of all locks."""
    list(Payment.objects.select_for_update().filter(order=order_id).order_by("pk").values_list("pk"))
    return Bill.of(Order.objects.select_for_update().get(pk=order_id), source)


def _step(order_id: int, lease: str, look_first: bool) -> Payment | None:
    bill = lock_bill(order_id, "engine")
    cycle, subscription = bill.cycle, bill.subscription
    if not cycle.is_open or cycle.next_step_at is None or cycle.next_step_at > clock.now():
        return None
    order, payment = bill.order, None
    if undecided(order):
        cycle.next_step_at = clock.now() + dunning.REFUSED_PAUSE
    elif subscription.customer_id is None:  # the account was deleted
        bill.void()
        bill.end(Subscription.End.CANCELLED)
    elif dunning.may_retry(cycle):
        key = subscription.billing_key
        if key is not None and key.is_usable:
            payment = write_attempt(bill, key, lease=lease, look_first=look_first)
        else:
            bill.miss_card()
    else:
        bill.give_up()
    if not cycle.is_open:
        close_order(order, Order.State.CANCELLED, {"reason": cycle.state})
    bill.save()
    record(bill.events)
    return payment


def drop_if_unwanted(payment: Payment) -> bool:
    """Whether this charge, never sent or shown to have come to nothing, is not to be made any more: an outage or a
    restore has let its period pass (then CATCH_UP decides, as for a bill that was never written), or the customer's
    account was deleted."""

    def drop() -> bool:
        bill = lock_bill(payment.order_id, "engine")
        cycle, is_each = bill.cycle, get_config().catch_up == "each"
        planned = Payment.objects.filter(PLANNED, pk=payment.pk, lease_token=payment.lease_token)
        is_first = bill.subscription.state == "incomplete"  # lapses by itself
        is_missed = cycle.next_due_at <= clock.now() and not is_each and not is_first
        is_orphan = bill.subscription.customer_id is None
        is_over = bill.subscription.cancel_at is not None and bill.subscription.cancel_at <= clock.now()
        if not cycle.is_open or not (is_missed or is_orphan or is_over):
            return False
        # What was sent, and came to nothing, is watched for a while like whatever else is over.
        if not planned.update(**DROPPED, next_check_at=Tick() if payment.send_count else None):
            return False
        if is_orphan:
            bill.void()
            bill.end(Subscription.End.CANCELLED)
        elif not bill.let_go():
            _miss(bill)
        close_order(bill.order, Order.State.CANCELLED, {"reason": cycle.state})
        bill.save()
        record(bill.events)
        return True

    if payment.order.kind != Order.Kind.CYCLE:
        return False
    is_suspect = (
        Q(next_due_at__lte=clock.now()) | Q(subscription__customer=None) | Q(subscription__cancel_at__lte=clock.now())
    )
    return BillingCycle.objects.filter(is_suspect, order=payment.order_id).exists() and in_one_step(drop)


def _miss(bill: Bill) -> None:
    """It was not charged before its period was over: by an outage, or, once declined, by its card."""
    if bill.cycle.failures:
        bill.give_up()
        return
    bill.waive(get_config().catch_up)
    if bill.subscription.cancel_at is None:
        bill.subscription.next_bill_at = bill.cycle.next_due_at


def _end(pk: int) -> bool:
    """End it, and with it a bill nobody tried; one that is being charged ends it when it is decided."""
    order_id = BillingCycle.objects.is_open().filter(subscription=pk).values_list("order_id", flat=True).first()
    if order_id is not None:
        bill = lock_bill(order_id, "engine")
        subscription = bill.subscription
        is_over = subscription.cancel_at is not None and subscription.cancel_at <= clock.now()
        if not is_over or not bill.cycle.is_open or not void_bill(bill):
            return False
        bill.end(end_reason(subscription))
        bill.save()
        record(bill.events)
        return True
    subscription = Subscription.objects.select_for_update().get(pk=pk)
    is_over = subscription.cancel_at is not None and subscription.cancel_at <= clock.now()
    if not is_over or BillingCycle.objects.is_open().filter(subscription=pk).exists():
        return False
    events: list[Event] = []
    end_subscription(subscription, end_reason(subscription), events, "engine")
    subscription.save()
    record(events)
    return True


def void_bill(bill: Bill) -> bool:
    """Void a locked bill, unless one of its attempts is on its way; whether it is void now."""
    order = bill.order
    drop_unsent(order)
    if undecided(order):
        return False
    bill.void()
    if order.is_open:
        close_order(order, Order.State.CANCELLED, {"reason": "void"})
    return True
