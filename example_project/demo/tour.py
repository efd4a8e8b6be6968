"""The tour: what happens to a shop, over HTTP as a browser would; each step must end as the app promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from . import renewals, returns
from .expectation import Unexpected, expect, source_of
from .narration import say
from .operator import Operator
from .pages import Page
from .switchboard import Switchboard
from .visitor import Refused, Visitor

DEPOSIT_SECONDS = 60.0
# The first look-up is due 30 s after an attempt began, and a sweep runs every 15 s.
SWEEP_SECONDS = 120.0
DECLINING_CARD = "4000-0000-0000-1216"


class Tour:
    """One visitor of one shop, and the hands at PortOne's switchboard."""

    def __init__(self, shop_url: str, sandbox_url: str) -> None:
        self.visitor, self.switchboard = Visitor(shop_url), Switchboard(sandbox_url)
        self.operator = Operator(shop_url)
        self.lost = self.bought = self.bought_uid = ""
        self.subscriber: renewals.Subscriber

    def lose_the_redirect(self) -> Iterator[str]:
        """Paid, and nobody tells the shop: no callback, no redirect, no webhook."""
        self.lost = self.visitor.order("yirgacheffe")
        click = self.visitor.press(self.lost, "pay-card")
        self.switchboard.arm("webhook_lost", merchant_uid=click.merchant_uid)
        window = self.visitor.open_window(click)
        expect(self.visitor.act(window, "lose", choice="366") is None, "the window told the shop")
        expect(self._status_at_portone(click.merchant_uid) == "paid", "PortOne has no paid record")
        yield f"PortOne says paid; the shop says {self._state(self.lost)}"
        expect(self._state(self.lost) == "open", "the shop knows already")

    def pay_by_card(self) -> Iterator[str]:
        """The ordinary case."""
        code, _ = self.buy("namu-blend")
        yield "12,900 won by Shinhan card: paid"
        yield self._delivered_once(code)

    def be_declined(self) -> Iterator[str]:
        """Over the limit; then paid with another card, as another attempt of the same order."""
        code = self.visitor.order("dripper-set")
        window = self.visitor.open_window(self.visitor.press(code, "pay-card"))
        rsp = self.visitor.act(window, "pay", choice="361", card_number=DECLINING_CARD)
        answer = self.visitor.report(window, rsp)
        expect(answer["state"] == "failed", f"complete answered {answer}")
        yield f"failed: {answer['message']}"
        expect(self._state(code) == "open", "the order cannot be paid any more")
        again = self.visitor.open_window(self.visitor.press(code, "pay-card"))
        expect(again.click.merchant_uid != window.click.merchant_uid, "the decided attempt was used again")
        answer = self.visitor.report(again, self.visitor.act(again, "pay", choice="366", quota="3"))
        expect(answer["state"] == "paid", f"complete answered {answer}")
        yield f"58,000 won with another card, in 3 instalments: {answer['state']}"
        yield self._delivered_once(code)

    def deposit_into_an_account(self) -> Iterator[str]:
        """Not paid until the deposit, which only a webhook tells of; the worker asks PortOne."""
        code = self.visitor.order("decaf", quantity=2)
        window = self.visitor.open_window(self.visitor.press(code, "pay-vbank"))
        self.visitor.act(window, "pay", bank="088")
        answer = self.visitor.report(window, self.visitor.act(window, "done"))
        expect(answer["state"] == "awaiting_deposit", f"complete answered {answer}")
        expect(self._state(code) == "awaiting", "the order page does not wait for a deposit")
        record = self.switchboard.records_of(window.click.merchant_uid)[0]
        yield f"account {record['vbank_name']} {record['vbank_num']} issued: {answer['state']}"
        self.switchboard.deposit(record["imp_uid"])
        page = self._when_paid(code, DEPOSIT_SECONDS)
        yield f"deposited; told by {source_of(page, 'order.paid')}"
        yield self._delivered_once(code)

    def change_the_amount(self) -> Iterator[str]:
        """Pay 100 won for something that costs 89,000."""
        code = self.visitor.order("gift-box")
        try:
            self.visitor.open_window(self.visitor.press(code, "pay-card"), amount=100)
        except Refused as refused:
            yield f"registered amount: PortOne does not open the window ({refused})"
        else:
            raise Unexpected("the window opened with another amount than registered")
        code = self.visitor.order("gift-box")
        # The registration is best effort and the confirm address is in the browser's hands, too. Without both of them
        # only the comparison afterwards stands between 100 and 89,000.
        self.switchboard.arm("http_503", method="POST", path="/payments/prepare")
        window = self.visitor.open_window(self.visitor.press(code, "pay-card"), amount=100, confirm_url="")
        answer = self.visitor.report(window, self.visitor.act(window, "pay", choice="366"))
        expect(self._status_at_portone(window.click.merchant_uid) == "paid", "PortOne has no paid record")
        expect(answer["state"] == "checking", f"complete answered {answer}")
        page = self.visitor.purchase(code)
        expect(page.marks["data-delivered"] == "ordered", "delivered for 100 won")
        expect("payment.quarantined" in dict(page.events), f"events: {page.events}")
        yield f"not registered: 100 won paid, payment quarantined, order {page.marks['data-state']}, nothing delivered"

    def be_found_by_the_sweep(self) -> Iterator[str]:
        """The lost payment, found by Celery beat and the worker alone."""
        expect(bool(self.lost), "nothing was lost")
        page = self._when_paid(self.lost, SWEEP_SECONDS)
        source = source_of(page, "order.paid")
        expect(source == "sweep", f"told by {source}")
        yield f"told by {source}"
        yield self._delivered_once(self.lost)

    # What every step needs ----------------------------------------------------------------------------------------

    def buy(self, slug: str) -> tuple[str, str]:
        """Order and pay by card: the purchase's code and the merchant_uid."""
        code = self.visitor.order(slug)
        window = self.visitor.open_window(self.visitor.press(code, "pay-card"))
        answer = self.visitor.report(window, self.visitor.act(window, "pay", choice="366"))
        expect(answer["state"] == "paid", f"complete answered {answer}")
        return code, window.click.merchant_uid

    def when(self, code: str, holds: Callable[[Page], bool], seconds: float) -> Page:
        """The purchase's page as soon as it is so; Unexpected after that long."""
        deadline = time.monotonic() + seconds
        while not holds(page := self.visitor.purchase(code)):
            if time.monotonic() > deadline:
                raise Unexpected(f"still {page.marks['data-state']} after {seconds:.0f} s; events: {page.events}")
            time.sleep(0.5)
        return page

    def until_paid_at_portone(self, merchant_uid: str, seconds: float) -> str:
        """Wait for PortOne's record to be paid; its status."""
        deadline = time.monotonic() + seconds
        while (status := self._status_at_portone(merchant_uid)) != "paid" and time.monotonic() < deadline:
            time.sleep(0.5)
        return status

    def records(self, *merchant_uids: str) -> list[dict[str, Any]]:
        """PortOne's own records of these attempts."""
        return [record for uid in merchant_uids for record in self.switchboard.records_of(uid)]

    def record_of(self, merchant_uid: str) -> dict[str, Any]:
        return self.switchboard.records_of(merchant_uid)[0]

    def cancels(self, merchant_uid: str) -> list[int]:
        """What went back of an attempt, cancel by cancel, in PortOne's ledger."""
        return [each["amount"] for each in self.record_of(merchant_uid)["cancel_history"]]

    def _when_paid(self, code: str, seconds: float) -> Page:
        return self.when(code, lambda page: page.marks["data-state"] == "paid", seconds)

    def _delivered_once(self, code: str) -> str:
        page = self._when_paid(code, 10)
        paid = [kind for kind, _ in page.events if kind == "order.paid"]
        expect(paid == ["order.paid"], f"events: {page.events}")
        expect(page.marks["data-delivered"] == "delivered", "the shop did not deliver")
        return "the shop's receiver got order_paid once and delivered"

    def _state(self, code: str) -> str:
        return self.visitor.purchase(code).marks["data-state"]

    def _status_at_portone(self, merchant_uid: str) -> str:
        statuses = {record["status"] for record in self.switchboard.records_of(merchant_uid)}
        return "paid" if "paid" in statuses else ", ".join(sorted(statuses)) or "none"


Step = tuple[str, Callable[[Tour], Iterator[str]]]
# The lost payment is lost first and looked for last, so that the tour does not stand and wait for the sweep.
STEPS: list[Step] = [
    ("Lose the redirect, the callback and the webhook", Tour.lose_the_redirect),
    ("Pay by card", Tour.pay_by_card),
    ("Be declined, then pay with another card", Tour.be_declined),
    ("Take a virtual account and deposit into it", Tour.deposit_into_an_account),
    ("Change the amount in the browser", Tour.change_the_amount),
    ("Refund a part, in the admin", returns.refund_a_part),
    ("Refund the rest", returns.refund_the_rest),
    ("Be cancelled in PortOne's console", returns.be_cancelled_in_the_console),
    ("Be paid twice, and send the second payment back by policy", returns.be_paid_twice),
    ("Lose the answer of a refund (20 s)", returns.lose_the_answer_of_a_refund),
    ("The sweep finds the lost payment", Tour.be_found_by_the_sweep),
    # Last, because they move the clock, and with it the deadlines of everything above.
    ("Subscribe: register a card, and its first bill is paid", renewals.subscribe_with_a_card),
    ("Six renewals over month ends, on a moved clock", renewals.renew_over_month_ends),
    ("A renewal is declined, and recovers by itself", renewals.be_declined_and_recover),
    ("Change the card", renewals.change_the_card),
    ("Compare the books", renewals.compare_the_books),
]


def take_tour(shop_url: str, sandbox_url: str, steps: list[Step] | None = None) -> bool:
    """Print every step with its result; True when all of them held."""
    tour = Tour(shop_url, sandbox_url)
    chosen = STEPS if steps is None else steps
    say("")
    held = sum(_take(tour, title, step) for title, step in chosen)
    say("")
    say(f"  {held} of {len(chosen)} steps held.")
    return held == len(chosen)


def _take(tour: Tour, title: str, step: Callable[[Tour], Iterator[str]]) -> bool:
    seen: list[str] = []
    failure = ""
    try:
        seen.extend(step(tour))
    except Exception as error:  # a step that breaks is a step that did not hold, and the others still count
        failure = str(error) if isinstance(error, Unexpected | Refused) else f"{type(error).__name__}: {error}"
    say(f"  {'✗' if failure else '✓'} {title}")
    for line in [*seen, *([failure] if failure else [])]:
        say(f"      {line}")
    return not failure
