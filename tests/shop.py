"""A customer's browser and PortOne's servers, through the app's public doors and the sandbox's window."""

from __future__ import annotations

import json
import re
from typing import Any

from django.db import transaction
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from portone_django import orders, signals
from portone_django.clock import later
from portone_django.conf import QUIET_PERIOD_SECONDS
from portone_django.models import BillingKey, CashReceipt, Order, Payment, Refund


class Shop:
    """Drives one order from the template tag to its end; `window` is what the customer does at PortOne."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.browser = Client()
        self.effects: list[tuple[str, int]] = []
        for name in signals.__all__:
            getattr(signals, name).connect(self._note(name), weak=False, dispatch_uid=f"tests.shop.{name}")

    def close(self) -> None:
        for name in signals.__all__:
            getattr(signals, name).disconnect(dispatch_uid=f"tests.shop.{name}")

    def _note(self, name: str) -> Any:
        def receiver(*, order: Order | None, subscription: Any, billing_key: Any, **kwargs: Any) -> None:
            # A receiver outside the on-commit phase would act on money that can still be rolled back.
            assert all(block._from_testcase for block in transaction.get_connection().atomic_blocks)
            self.effects.append((name, (order or subscription or billing_key).pk))

        return receiver

    def delivered(self, order: Order, name: str = "order_paid") -> int:
        """How often the shop was told."""
        return self.effects.count((name, order.pk))

    # The customer's page ---------------------------------------------------------------------------------------

    def order(self, **terms: Any) -> Order:
        terms = {"name": "아메리카노 원두 500g", "amount": 12900, "buyer_name": "홍길동", **terms}
        return orders.create_order(buyer_tel="010-0000-0000", buyer_email="buyer@example.com", **terms)

    def page(self, order: Order, **options: Any) -> str:
        """The checkout page as rendered by the tag."""
        request = RequestFactory().get("/checkout/")
        self.browser.cookies["csrftoken"] = "c" * 32
        arguments = " ".join(f"{name}={name}" for name in options)
        template = Template("{% load portone %}{% portone_checkout order " + arguments + " %}")
        return str(template.render(Context({"request": request, "order": order, **options})))

    def config(self, order: Order, **options: Any) -> dict[str, Any]:
        """The button's configuration, read out of the page as the script does."""
        found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', self.page(order, **options), re.S)
        assert found
        config: dict[str, Any] = json.loads(found[1])
        return config

    def click(self, order: Order, *, another: bool = False, **options: Any) -> dict[str, Any]:
        """Press the button: the answer of `start`."""
        config = self.config(order, **options)
        response = self.browser.post(
            config["start_url"],
            json.dumps({"token": config["token"], "another": another}),
            content_type="application/json",
        )
        return {"status": response.status_code, **response.json()}

    # The window ------------------------------------------------------------------------------------------------

    def window(self, started: dict[str, Any], **edited: Any) -> str:
        """Open PortOne's window with the parameters, `edited` in the browser's console; the imp_uid."""
        params = {**started["params"], **edited}
        record = self.sandbox.open_window(params, device="pc", user_agent="tests")
        return str(record["imp_uid"])

    def pay(self, order: Order, **edited: Any) -> tuple[dict[str, Any], str]:
        """Click and approve a card; PortOne has the money, nobody has told us."""
        started = self.click(order)
        imp_uid = self.window(started, **edited)
        self.sandbox.approve(imp_uid, pay_method="card", card_code="366")
        return started, imp_uid

    def paid(self, order: Order | None = None, **terms: Any) -> Payment:
        """An order that is paid by card, and known to be."""
        started, imp_uid = self.pay(order or self.order(**terms))
        self.callback(started, imp_uid)
        return self.payment(started)

    def deposited(self, **terms: Any) -> Payment:
        """An order that is paid by a deposit into a virtual account, and known to be."""
        started = self.click(self.order(**terms), pay_method="vbank")
        imp_uid = self.window(started)
        self.sandbox.issue_vbank(imp_uid, bank_code="088")
        self.sandbox.deposit(imp_uid)
        return self.payment(started).sync()

    # A card on file --------------------------------------------------------------------------------------------

    def card_config(self, user: Any, **options: Any) -> dict[str, Any]:
        """The configuration of the button that registers a card, read out of the page as the script does."""
        request = RequestFactory().get("/cards/")
        request.user = user
        options = {"buyer_tel": "010-0000-0000", **options}
        arguments = " ".join(f"{name}={name}" for name in options)
        template = Template("{% load portone %}{% portone_register_card customer " + arguments + " %}")
        page = str(template.render(Context({"request": request, "customer": user, **options})))
        found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.S)
        assert found, page
        config: dict[str, Any] = json.loads(found[1])
        return config

    def press_register(self, user: Any, **options: Any) -> dict[str, Any]:
        """Press the button as that user: the answer of `card-start`."""
        return self.start_card(user, self.card_config(user, **options))

    def start_card(self, user: Any, config: dict[str, Any], **more: Any) -> dict[str, Any]:
        """What `card-start` answers to that user, or to nobody, for a button's configuration."""
        browser = Client()
        if user is not None:
            browser.force_login(user)
        body = json.dumps({"token": config["token"], **more})
        response = browser.post(config["start_url"], body, content_type="application/json")
        return {"status": response.status_code, **response.json()}

    def register(self, user: Any, number: str = "5594100000000000", **options: Any) -> BillingKey:
        """A card of the user, registered through the window from the tag to the callback."""
        started = self.press_register(user, **options)
        imp_uid = self.window(started)
        self.sandbox.approve(imp_uid, pay_method="card", card_code="366", card_number=number)
        answer = self.callback(started, imp_uid)
        assert answer["state"] == "registered", answer
        return self.billing_key(started)

    def billing_key(self, started: dict[str, Any]) -> BillingKey:
        return BillingKey.objects.get(issue_uid=started["params"]["merchant_uid"])

    # What arrives afterwards -----------------------------------------------------------------------------------

    def callback(self, started: dict[str, Any], imp_uid: str | None, **more: Any) -> dict[str, Any]:
        body = {"imp_uid": imp_uid, "merchant_uid": started["params"]["merchant_uid"], **more}
        response = self.browser.post(started["complete_url"], json.dumps(body), content_type="application/json")
        return {"status": response.status_code, **response.json()}

    def come_back(self, started: dict[str, Any], **query: Any) -> Any:
        """The phone's navigation to m_redirect_url, followed to the page the customer sees."""
        path = started["params"]["m_redirect_url"].removeprefix("https://shop.example")
        return Client().get(path, query, follow=True)

    def quiet(self) -> None:
        """Let the quiet period and every waiting time pass."""
        the_quiet_period_passes()
        CashReceipt.objects.exclude(sent_at=None).update(sent_at=later(-QUIET_PERIOD_SECONDS - 1))
        CashReceipt.objects.exclude(next_check_at=None).update(next_check_at=later(-1))

    def webhook(self, **body: Any) -> Any:
        return Client().post(reverse("portone:webhook"), json.dumps(body), content_type="application/json")

    def payment(self, started: dict[str, Any]) -> Payment:
        return Payment.objects.select_related("order").get(merchant_uid=started["params"]["merchant_uid"])


def the_quiet_period_passes() -> None:
    """For every open refund, and with it every waiting time: stamps of database time move back instead."""
    # One row at a time: many at once would lock many, in an order of their own, beside whatever else is at work.
    for pk in Refund.objects.all().is_open().values_list("pk", flat=True):
        for stamp, seconds in (("sent_at", QUIET_PERIOD_SECONDS + 1), ("unseen_at", 61), ("next_check_at", 1)):
            Refund.objects.filter(pk=pk).exclude(**{stamp: None}).update(**{stamp: later(-seconds)})
