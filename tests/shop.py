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
from portone_django.models import Order, Payment


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
        def receiver(*, order: Order, **kwargs: Any) -> None:
            # A receiver outside the on-commit phase would act on money that can still be rolled back.
            assert all(block._from_testcase for block in transaction.get_connection().atomic_blocks)
            self.effects.append((name, order.pk))

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

    # What arrives afterwards -----------------------------------------------------------------------------------

    def callback(self, started: dict[str, Any], imp_uid: str | None, **more: Any) -> dict[str, Any]:
        body = {"imp_uid": imp_uid, "merchant_uid": started["params"]["merchant_uid"], **more}
        response = self.browser.post(started["complete_url"], json.dumps(body), content_type="application/json")
        return {"status": response.status_code, **response.json()}

    def come_back(self, started: dict[str, Any], **query: Any) -> Any:
        """The phone's navigation to m_redirect_url, followed to the page the customer sees."""
        path = started["params"]["m_redirect_url"].removeprefix("https://shop.example")
        return Client().get(path, query, follow=True)

    def webhook(self, **body: Any) -> Any:
        return Client().post(reverse("portone:webhook"), json.dumps(body), content_type="application/json")

    def payment(self, started: dict[str, Any]) -> Payment:
        return Payment.objects.select_related("order").get(merchant_uid=started["params"]["merchant_uid"])
