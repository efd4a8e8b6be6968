"""Two years of subscriptions on a clock that moves, with outages: each period once, none early, none after its end."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import requests
from django.contrib.auth import get_user_model
from django.db import connection

from portone_django import clock
from portone_django.conf import get_config
from portone_django.flows.drain import drain
from portone_django.gateway import Client, override_client
from portone_django.models import BillingCycle, BillingKey, Payment, Subscription
from portone_django.subscriptions import subscribe
from tests import ledgers
from tests.judge import SEOUL, Customer, Judge, judge_all
from tests.members import Members

pytestmark = pytest.mark.django_db
START = dt.date(2027, 1, 1)
DAILY_DAYS = 300
# (days after the start, hours into that day, length)
OUTAGES = (
    (120, 9, dt.timedelta(hours=3)),
    (240, 9, dt.timedelta(days=3)),
    (400, 12, dt.timedelta(days=45)),
)
# PortOne is away and the workers are not: they ask, and get no answer.
PORTONE_AWAY = ((90, 9, dt.timedelta(hours=30)), (180, 9, dt.timedelta(days=3)), (500, 12, dt.timedelta(days=40)))


class Run:
    """One shop, day by day."""

    def __init__(self, members: Members, judge: Judge, seed: int) -> None:
        self.members, self.judge, self.random = members, judge, random.Random(seed)
        self.customers: dict[int, Customer] = {}
        self.drains: list[dt.datetime] = []
        self.away, self.portone_away = _times(OUTAGES), _times(PORTONE_AWAY)
        units = {"month": 9900, "year": 99000, "week": 2900, "day": 500}
        self.prices = {unit: members.price(amount, unit=unit, plan=unit) for unit, amount in units.items()}

    def join(self, units: list[str]) -> None:
        """So many customers begin today."""
        for unit in units:
            number = len(self.customers)
            user = get_user_model().objects.create(username=f"m{number}", last_name="홍")
            key = BillingKey.objects.create(
                customer=user, customer_uid=f"judged{number:026d}", state="active", channel="billing",
                expected_pg_provider="html5_inicis", expected_pg_id="INIBillTst", expected_sandbox=True,
                expires_at=clock.wall(),
            )  # fmt: skip
            # A decline ends what is charged daily: tries stop at the next period. Nor may the first bill be declined.
            self.judge.sure.add(key.customer_uid)
            subscription = subscribe(user, self.prices[unit], billing_key=key)
            if unit != "day":
                self.judge.sure.discard(key.customer_uid)
            self.customers[subscription.pk] = Customer(subscription.token, clock.today(), unit)

    def go_to(self, when: dt.datetime) -> None:
        clock.move(when - clock.now())

    def work(self) -> None:
        """The engine, until nothing is undecided."""
        self.judge.is_away = _is_within(clock.now(), self.portone_away)
        if self.judge.is_away:
            drain(concurrency=1, seconds=600)
            return
        self.drains.append(clock.now())
        drain(concurrency=1, seconds=600)
        for _ in range(4):
            if not Payment.objects.exclude(charge_due_at=None).exists():
                return
            self.members.quiet_period_passes()
            drain(concurrency=1, seconds=600)

    def swing(self) -> None:
        """A host whose clock is wrong for a while, and right again before the day goes on."""
        for by in (dt.timedelta(hours=-1), dt.timedelta(days=-1)):
            clock.move(by)
            drain(concurrency=1, seconds=600)
            clock.move(-by)

    def cancel_daily(self) -> None:
        """What is charged every day has seen two of the outages by now, and would be most of the charges."""
        for pk, each in self.customers.items():
            if each.unit == "day" and each.ends_at is None:
                self.cancel(pk, "now")

    def cancel(self, pk: int, when: str) -> None:
        subscription = Subscription.objects.get(pk=pk)
        subscription.cancel(when=when)
        self.customers[pk].ends_at = subscription.cancel_at or clock.now()

    def cancel_one(self) -> None:
        """At the end of its period, or now; what was cancelled stays cancelled."""
        alive = [pk for pk, each in self.customers.items() if each.ends_at is None]
        if not alive:
            return
        self.cancel(self.random.choice(alive), self.random.choice(["period_end", "now"]))


def _times(outages: Iterable[tuple[int, int, dt.timedelta]]) -> list[tuple[dt.datetime, dt.datetime]]:
    found = []
    for day, hour, length in outages:
        begins = dt.datetime.combine(START + dt.timedelta(days=day), dt.time(hour), SEOUL)
        found.append((begins, begins + length))
    return found


def _is_within(when: dt.datetime, times: list[tuple[dt.datetime, dt.datetime]]) -> bool:
    return any(begins <= when < ends for begins, ends in times)


def live(run: Run, units: list[str], days: int, cancels: int) -> None:
    """All of it: joining over the first month, a sweep every morning and evening, outages, cancellations."""
    cancel_days = set(run.random.sample(range(40, days), cancels))
    # Every third on one of the days that short months lack.
    late_days = [28, 29, 30]
    joining: dict[int, list[str]] = {}
    for number, unit in enumerate(units):
        day = late_days[number % 3] if number % 3 == 0 or unit == "year" else number % 31
        joining.setdefault(day, []).append(unit)
    for day in range(days):
        date = START + dt.timedelta(days=day)
        for hour, minute in ((10, 1), (12, 30), (20, 0)):
            now = dt.datetime.combine(date, dt.time(hour, minute), SEOUL)
            if _is_within(now, run.away):
                continue
            if hour == 12 and not any(ends.date() == date for _, ends in (*run.away, *run.portone_away)):
                continue
            if hour == 20 and day not in cancel_days and day != DAILY_DAYS:
                continue
            run.go_to(now)
            run.work()
            if hour == 10 and day in joining:
                run.join(joining[day])
            if hour == 20 and day in cancel_days:
                run.cancel_one()
            if hour == 20 and day == DAILY_DAYS:
                run.cancel_daily()
        if day % 60 == 59:
            run.swing()


@pytest.fixture
def judge(sandbox: Any, members: Members) -> Iterator[Judge]:
    config = get_config()
    card = members.card(members.user())
    sample = card.charge(amount=5000, name="견본")
    record = sandbox.payments_of(sample.merchant_uid)[0]
    Payment.objects.all().update(next_check_at=None)
    session = requests.Session()
    judge = Judge(sandbox, record, declined=25, lost=6)
    session.mount(config.api_base, judge)
    client = Client(api_base=config.api_base, imp_key=config.imp_key, imp_secret=config.imp_secret, session=session)
    with override_client(client):
        yield judge


def check(members: Members, judge: Judge, units: list[str], days: int, cancels: int) -> None:
    clock.move(dt.datetime.combine(START, dt.time(9), SEOUL) - clock.now())
    shop = Run(members, judge, seed=4)
    live(shop, units, days, cancels)
    customers = list(shop.customers.values())
    _take_over_ends(shop)
    assert judge_all(judge, customers, shop.drains, shop.drains[-1]) == []
    assert ledgers.stuck_charges() == []
    taken = sum(map(len, judge.taken_at.values()))
    paid = sum(len(each.paid) for each in customers)
    assert paid == taken == Payment.objects.filter(state="paid", order__kind="cycle").count()
    assert paid == BillingCycle.objects.filter(state="paid").count()
    declined = sum(each["status"] == "failed" for some in judge.records.values() for each in some)
    lost = len(judge.asked) - len(judge.records)
    print(f"{len(customers)} subscriptions, {days} days: {taken} paid, {declined} declined, {lost} sent again")
    assert declined
    assert BillingCycle.objects.filter(state="waived").exists(), "the long outage took periods"


def _take_over_ends(shop: Run) -> None:
    """Five declines in a row end a subscription, rightly: after that nothing may be taken, as after a cancellation."""
    for each in Subscription.objects.filter(end_reason="unpaid"):
        bill = BillingCycle.objects.filter(subscription=each).latest("number")
        # What an outage made late has less time until the next period, where tries stop.
        is_late = any(
            begins.date() <= bill.due_at.date() <= ends.date() for begins, ends in (*shop.away, *shop.portone_away)
        )
        assert bill.failures >= 3 or is_late, "no card was given up early"
        customer = shop.customers[each.pk]
        customer.ends_at = min(customer.due(bill.number), customer.ends_at or customer.due(bill.number))


@pytest.mark.timeout(300)
def test_two_years_of_fifty_subscriptions_are_paid_once_a_period(members: Members, judge: Judge) -> None:
    units = ["month"] * 42 + ["year"] * 4 + ["week"] * 3 + ["day"]
    check(members, judge, units, 730, cancels=8)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_two_years_of_a_thousand_subscriptions_are_paid_once_a_period(members: Members, judge: Judge) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("thousands of charges a minute: once is enough, and fifty subscriptions run on every database")
    units = ["month"] * 860 + ["year"] * 100 + ["week"] * 38 + ["day"] * 2
    check(members, judge, units, 730, cancels=120)
