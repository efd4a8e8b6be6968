"""Customers with cards on file and subscriptions, the engine run by hand, and clocks that move."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model

from portone_django import clock
from portone_django.clock import later
from portone_django.conf import QUIET_PERIOD_SECONDS
from portone_django.flows import drain as drains
from portone_django.flows.drain import DrainReport, drain
from portone_django.gateway import CardData, get_client
from portone_django.models import BillingCycle, BillingKey, Payment, Plan, Price, Subscription
from portone_django.subscriptions import subscribe

GOOD, EXPIRED, NO_FUNDS, STOLEN = "5594100000000000", "5594100000001204", "5594100000001254", "5594100000001226"


class Members:
    """One shop's subscribers, at a sandbox."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self._count = 0

    def user(self) -> Any:
        self._count += 1
        name = f"member{self._count}"
        return get_user_model().objects.create_user(
            name, email=f"{name}@example.com", last_name="홍", first_name="길동"
        )

    def card(self, user: Any, number: str = GOOD) -> BillingKey:
        """A card that PortOne knows and that is active here, without walking through the window."""
        self._count += 1
        uid = f"tcard{self._count:027d}"
        get_client().issue_billing_key(
            uid,
            CardData(number, "2033-12", "880101", "11"),
            channel_key="channel-key-11111111-1111-1111-1111-111111111111",
        )
        return BillingKey.objects.create(
            customer=user,
            customer_uid=uid,
            state="active",
            channel="billing",
            expected_pg_provider="html5_inicis",
            expected_pg_id="INIBillTst",
            expected_sandbox=True,
            expires_at=clock.wall(),
            registered_at=clock.wall(),
            card_name="신한카드",
            card_number="559410*********0",
        )

    def price(self, amount: int = 9900, unit: str = "month", every: int = 1, **more: Any) -> Price:
        self._count += 1
        plan, _ = Plan.objects.get_or_create(code=more.pop("plan", "pro"), defaults={"name": "프로"})
        return Price.objects.create(
            plan=plan, code=f"price-{self._count}", amount=amount, unit=unit, every=every, **more
        )

    def subscribed(self, number: str = GOOD, **price: Any) -> Subscription:
        """Somebody whose first bill is paid."""
        user = self.user()
        subscription = subscribe(user, self.price(**price), billing_key=self.card(user))
        assert subscription.state == "active"
        if number != GOOD:
            self.change_card(subscription, number)
        return subscription

    def due_at_once(self, count: int) -> list[Subscription]:
        """So many whose bills are due now."""
        subscriptions = [self.subscribed() for _ in range(count)]
        self.move_to(subscriptions[-1])
        return subscriptions

    def change_card(self, subscription: Subscription, number: str) -> BillingKey:
        """Another card for the next bill, as a row."""
        key = self.card(subscription.customer, number)
        Subscription.objects.filter(pk=subscription.pk).update(billing_key=key)
        return key

    def engine(self, **options: Any) -> DrainReport:
        """One drain, in this thread."""
        return drain(**{"concurrency": 1, **options})

    def move_to(self, subscription: Subscription) -> None:
        """To the minute when its next bill (or the next step of an open one) is due."""
        subscription.refresh_from_db()
        steps = BillingCycle.objects.filter(subscription=subscription).exclude(next_step_at=None)
        due = [each for each in (subscription.next_bill_at, *steps.values_list("next_step_at", flat=True)) if each]
        clock.move(max(min(due) - clock.now(), dt.timedelta()) + dt.timedelta(seconds=1))

    def move_to_hour(self, hour: int) -> None:
        """Forward to that hour of a day in Korea."""
        there = clock.now().astimezone(ZoneInfo("Asia/Seoul")).replace(hour=hour, minute=0)
        clock.move((there - clock.now()) % dt.timedelta(days=1))

    def move_by_a_period(self, subscription: Subscription) -> None:
        """As far as its price's period is long, with nobody at work."""
        days = {"day": 1, "week": 7, "month": 31, "year": 366}[subscription.price.unit] * subscription.price.every
        clock.move(dt.timedelta(days=days))

    def renew(self, subscription: Subscription) -> BillingCycle:
        """Move to what is due next and let the engine do it; the newest bill."""
        self.move_to(subscription)
        self.engine()
        subscription.refresh_from_db()
        return self.bill(subscription)

    def bill(self, subscription: Subscription) -> BillingCycle:
        return BillingCycle.objects.filter(subscription=subscription).latest("number")

    def charges(self, subscription: Subscription) -> list[Payment]:
        return list(Payment.objects.filter(order__cycle__subscription=subscription).order_by("pk"))

    def taken(self, subscription: Subscription) -> list[int]:
        """What PortOne's ledger says was taken from this subscriber's cards, in order."""
        uids = [payment.merchant_uid for payment in self.charges(subscription)]
        records = [record for uid in uids for record in self.sandbox.payments_of(uid)]
        return [record["amount"] for record in records if record["status"] in ("paid", "cancelled")]

    def ask_again(self) -> None:
        """What waits for its turn has it now; the quiet period is not over. A rest that PortOne asked for is."""
        drains._outage.rest_until = 0.0
        Payment.objects.exclude(charge_due_at=None).update(charge_due_at=later(-1))

    def quiet_period_passes(self) -> None:
        for stamp, seconds in (("sent_at", QUIET_PERIOD_SECONDS + 1), ("unseen_at", QUIET_PERIOD_SECONDS / 10 + 1)):
            Payment.objects.exclude(charge_due_at=None).exclude(**{stamp: None}).update(**{stamp: later(-seconds)})
        self.ask_again()

    def settle(self, rounds: int = 6) -> None:
        """Let all the time pass that an undecided charge can need."""
        for _ in range(rounds):
            self.quiet_period_passes()
            self.engine()
