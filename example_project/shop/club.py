"""The coffee club: what can be subscribed to, and how a customer's subscription stands, in one word."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import get_language

from portone_django.billing import billing
from portone_django.conf import get_config
from portone_django.models import BillingCycle, BillingKey, Payment, Plan, Price, Subscription
from portone_django.models.plan import PriceQuerySet

PLAN = "beans"
WAITING, CONFIRMING, ACTIVE, ENDING = "waiting", "confirming", "active", "ending"
PAST_DUE, PAUSED, ENDED = "past_due", "paused", "ended"


def offered_prices() -> PriceQuerySet:
    """What a customer can choose from, the cheapest first."""
    offered = Price.objects.filter(plan__code=PLAN, plan__is_offered=True, is_offered=True)
    return offered.select_related("plan").order_by("amount")


def plan_words(plan: Plan) -> dict[str, str]:
    """Name and description in the visitor's language; portone_django keeps one, and room for the project's own."""
    if get_language() == "en":
        known = plan.metadata
        return {
            "name": known.get("name_en", plan.name),
            "description": known.get("description_en", plan.description),
        }
    return {"name": plan.name, "description": plan.description}


def window_language() -> str:
    """Of the window that registers a card."""
    return "en" if get_language() == "en" else "ko"


def membership_of(user: Any) -> Membership | None:
    """The customer's newest subscription to the club. One that is not over is always the newest."""
    subscription = billing(user).subscriptions().for_plan(PLAN).first()
    return Membership(subscription) if subscription else None


@dataclass(frozen=True)
class Bill:
    """One line of the history: the bill and the payment that tells of it, if any."""

    cycle: BillingCycle
    payment: Payment | None

    @property
    def state(self) -> str:
        """paid, refunded, confirming, unpaid (nobody tries it again by itself), or the bill's own state."""
        if self.cycle.is_paid:
            return "refunded" if self.payment and self.payment.state == "refunded" else "paid"
        if self.payment and self.payment.is_open:
            return "confirming"
        return "unpaid" if self.cycle.is_open and self.cycle.next_step_at is None else self.cycle.state


class Membership:
    """A subscription as its customer reads it; from our rows alone, no call to PortOne."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription

    @cached_property
    def state(self) -> str:
        """One word for each thing the page can say."""
        subscription = self.subscription
        if subscription.state == "incomplete":
            newest = self.bills[0] if self.bills else None
            return CONFIRMING if newest and newest.state == "confirming" else WAITING
        if subscription.is_ending:
            return ENDING
        return {"past_due": PAST_DUE, "paused": PAUSED, "ended": ENDED}.get(subscription.state, ACTIVE)

    @property
    def card(self) -> BillingKey | None:
        """The card that pays, while it can be charged."""
        key = self.subscription.billing_key
        return key if key is not None and key.is_usable else None

    @property
    def change_card_class(self) -> str:
        """The button to register another card is the first thing to do where nothing else can pay."""
        is_first = self.card is None
        return "portone-button register" if is_first else "portone-button register register-quiet"

    @property
    def next_amount(self) -> int:
        """Won of the next bill."""
        return self.subscription.price.amount + self.subscription.carried_amount

    @cached_property
    def bills(self) -> list[Bill]:
        """The newest first, each with its newest payment; a paid one wins."""
        cycles = BillingCycle.objects.filter(subscription=self.subscription).select_related("order__parcel")
        cycles = cycles.prefetch_related("order__payments__billing_key").order_by("-number")
        return [Bill(cycle, _telling(cycle)) for cycle in cycles]

    @property
    def open_bill(self) -> Bill | None:
        """The bill that is not paid yet."""
        return next((bill for bill in self.bills if bill.cycle.is_open), None)

    @property
    def last_day(self) -> dt.date | None:
        """The last one that it can be used, or could be."""
        subscription, zone = self.subscription, get_config().zone
        paid_for = subscription.period_end - dt.timedelta(days=1) if subscription.period_end else None
        if subscription.ended_at is None:
            return paid_for
        ended = subscription.ended_at.astimezone(zone).date()
        return min(ended, paid_for) if paid_for else ended

    @property
    def next_step_at(self) -> dt.datetime | None:
        """When the machine acts next: the next bill, another try, or the end."""
        subscription, bill = self.subscription, self.open_bill
        moments = [subscription.next_bill_at, subscription.cancel_at, bill and bill.cycle.next_step_at]
        return min((moment for moment in moments if moment), default=None)


def _telling(cycle: BillingCycle) -> Payment | None:
    if cycle.order is None:
        return None
    payments = sorted(cycle.order.payments.all(), key=lambda payment: payment.attempt_no)
    paid = [payment for payment in payments if payment.is_received]
    return (paid or payments or [None])[-1]
