"""The third part of the tour: a card on file, half a year of renewals on the moved clock, a decline, another card."""

from __future__ import annotations

import calendar
import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .expectation import Unexpected, expect
from .pages import Page
from .visitor import BUYER, Visitor

if TYPE_CHECKING:
    from .tour import Tour

SEOUL = ZoneInfo("Asia/Seoul")
CHARGE_HOUR = 10
PRICE = 19_900
RENEWALS = 6
CARD, OTHER_CARD = "5594-1000-0000-0000", "4000-0000-0000-0007"
# The worker is told two seconds after the clock moved; should that message be lost, beat tells it within 30.
CHARGE_SECONDS = 60.0
# The sweep deletes a replaced card.
DELETE_SECONDS = 60.0
# So long nothing may happen when nothing is due: the worker was told, and has looked.
QUIET_SECONDS = 4.0


class Subscriber:
    """The demo's customer, logged in, on the page "My subscription"; `uids` are the customer_uids of their cards."""

    def __init__(self, tour: Tour) -> None:
        self._tour = tour
        self.visitor = Visitor(tour.visitor.shop_url)
        self.visitor.log_in()
        self.uids: list[str] = []
        self.begun_on = next_january_31(dt.datetime.now(SEOUL).date())

    def page(self) -> Page:
        return self.visitor.page("/membership/")

    def bill(self, number: int) -> dict[str, str]:
        """The bill of that number on the page, empty when there is none."""
        return next((bill for bill in self.page().bills if bill["bill"] == str(number)), {})

    def move_clock(self, day: dt.date, hour: int, minute: int = 0) -> None:
        """It is then, in Seoul, for shop, worker and sandbox."""
        moment = dt.datetime(day.year, day.month, day.day, hour, minute, 1, tzinfo=SEOUL)
        self.visitor.submit("/membership/", "/clock/", to=moment.isoformat())

    def register_card(self, number: str) -> dict[str, Any]:
        """In the window that the page's button opens; what the shop's page is told."""
        click = self.visitor.press_on("/membership/", "register")
        window = self.visitor.open_window(click)
        answer = self.visitor.report(window, self.visitor.act(window, "pay", choice="366", card_number=number))
        expect(answer["state"] == "registered", f"complete answered {answer}")
        self.uids.append(click.params["customer_uid"])
        return answer

    def when(self, holds: Callable[[], Any], seconds: float, otherwise: str) -> None:
        """As soon as it is so; Unexpected after that long."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise Unexpected(f"{otherwise} after {seconds:.0f} s; bills: {self.page().bills[:2]}")
            time.sleep(0.5)

    def paid(self, number: int) -> dict[str, Any]:
        """Wait for the bill to be paid, and packed; PortOne's one paid record of it."""
        self.when(lambda: self.bill(number).get("packed"), CHARGE_SECONDS, f"bill {number} is not paid and packed")
        bill = self.bill(number)
        expect(bill["bill-state"] == "paid", f"bill {number} is {bill['bill-state']}")
        (record,) = self._tour.records(bill["uid"])
        expect(record["status"] == "paid", f"PortOne says {record['status']}")
        expect(record["amount"] == int(bill["amount"]) == PRICE, f"PortOne took {record['amount']}")
        return record


def next_january_31(today: dt.date) -> dt.date:
    """The next one that is still to come: periods of it end where months are shorter."""
    this_year = dt.date(today.year, 1, 31)
    return this_year if this_year > today else this_year.replace(year=today.year + 1)


def month_end(day: dt.date, months: int) -> dt.date:
    """The last day of the month so many months later."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])


def paid_at(record: dict[str, Any]) -> dt.datetime:
    """When PortOne took it, in Seoul."""
    return dt.datetime.fromtimestamp(record["paid_at"], tz=SEOUL)


# The steps -------------------------------------------------------------------------------------------------------


def subscribe_with_a_card(tour: Tour) -> Iterator[str]:
    """No card on file: it is registered in the window, and its registration pays the first bill."""
    member = tour.subscriber = Subscriber(tour)
    member.move_clock(member.begun_on, 9, 30)
    page = member.visitor.submit("/club/", "/club/join/", price="beans-monthly", buyer_tel=BUYER["buyer_tel"])
    expect(page.marks["data-state"] == "waiting", f"the subscription is {page.marks['data-state']}")
    expect(tour.switchboard.charges() == [], "something was charged already")
    member.register_card(CARD)
    expect(tour.switchboard.is_on_file(member.uids[0]), "PortOne has no such card")
    expect(member.bill(1).get("bill-state") == "paid", "the first bill was not paid at once")
    record = member.paid(1)
    expect(member.page().marks["data-state"] == "active", "the subscription is not active")
    yield f"it is {member.begun_on:%d %B %Y} for shop, worker and sandbox"
    yield f"card {record['card_number']} registered; its first bill is paid before the window's answer: {PRICE:,} won"


def renew_over_month_ends(tour: Tour) -> Iterator[str]:
    """Begun on the 31st: due on the last day of every shorter month, at ten, by the Celery worker."""
    member = tour.subscriber
    first = month_end(member.begun_on, 1)
    member.move_clock(first, CHARGE_HOUR - 1, 59)
    time.sleep(QUIET_SECONDS)
    expect(not member.bill(2), "charged before ten")
    yield f"{first:%d %B} 09:59: nothing is charged"
    for months in range(1, RENEWALS + 1):
        day = month_end(member.begun_on, months)
        member.move_clock(day, CHARGE_HOUR)
        moment = paid_at(member.paid(months + 1))
        expect((moment.date(), moment.hour) == (day, CHARGE_HOUR), f"charged at {moment}")
        yield f"{moment:%d %B %Y %H:%M} KST: {PRICE:,} won"
    taken = [record["amount"] for record in tour.switchboard.charges()]
    expect(taken == [PRICE] * (RENEWALS + 1), f"PortOne took {taken}")
    yield f"PortOne's ledger: {len(taken)} charges of {PRICE:,} won, one for each period"


def be_declined_and_recover(tour: Tour) -> Iterator[str]:
    """The account is empty on the day, and filled on the next: nobody needs to do anything."""
    member, number = tour.subscriber, RENEWALS + 2
    day = month_end(member.begun_on, RENEWALS + 1)
    tour.switchboard.arm("decline", code="1254")
    member.move_clock(day, CHARGE_HOUR)
    member.when(lambda: member.bill(number).get("bill-state") == "retrying", CHARGE_SECONDS, "it was not declined")
    page = member.page()
    expect(page.marks["data-state"] == "past_due", f"the subscription is {page.marks['data-state']}")
    declined = tour.switchboard.charges()[-1]
    expect(declined["status"] == "failed", f"PortOne says {declined['status']}")
    yield f"{day:%d %B} {declined['fail_reason']}: past due, the coffee still comes"
    next_day = day + dt.timedelta(days=1)
    member.move_clock(next_day, CHARGE_HOUR)
    record = member.paid(number)
    expect(record["merchant_uid"] != declined["merchant_uid"], "the declined attempt was used again")
    expect(paid_at(record).date() == next_day, f"charged at {paid_at(record)}")
    expect(member.page().marks["data-state"] == "active", "the subscription is not active again")
    yield f"{paid_at(record):%d %B %H:%M} KST, tried again by itself: {PRICE:,} won, active"


def change_the_card(tour: Tour) -> Iterator[str]:
    """The new card works first; only then the old one is deleted at PortOne."""
    member, number = tour.subscriber, RENEWALS + 3
    member.register_card(OTHER_CARD)
    old, new = member.uids
    on_file = [tour.switchboard.is_on_file(each) for each in (new, old)]
    expect(on_file == [True, True], f"new and old card are on file at PortOne: {on_file}")
    member.when(lambda: not tour.switchboard.is_on_file(old), DELETE_SECONDS, "PortOne still has the old card")
    yield "first both cards are on file at PortOne; the sweep then deletes the old one there"
    day = month_end(member.begun_on, RENEWALS + 2)
    member.move_clock(day, CHARGE_HOUR)
    record = member.paid(number)
    expect(record["customer_uid"] == new, "paid with the old card")
    yield f"{paid_at(record):%d %B %H:%M} KST with card {record['card_number']}: {PRICE:,} won"


def compare_the_books(tour: Tour) -> Iterator[str]:
    """PortOne's ledger against what the shop shows its customer."""
    bills = tour.subscriber.page().bills
    ours = {bill["uid"]: int(bill["amount"]) for bill in bills if bill["bill-state"] == "paid"}
    charges = tour.switchboard.charges()
    theirs = {record["merchant_uid"]: record["amount"] for record in charges if record["status"] == "paid"}
    expect(len(theirs) == sum(record["status"] == "paid" for record in charges), "one uid was paid twice")
    expect(ours == theirs, f"the shop has {ours}, PortOne has {theirs}")
    expect(len(ours) == len(bills) == RENEWALS + 3, f"{len(bills)} bills, {len(ours)} of them paid")
    declined = len(charges) - len(theirs)
    yield f"PortOne: {len(theirs)} paid, {declined} declined, {sum(theirs.values()):,} won"
    yield f"shop: {len(ours)} bills paid and packed, {sum(ours.values()):,} won"
