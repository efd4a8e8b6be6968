"""A small shelf, the coffee club, a buyer and the shop's browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

BUYER = {"buyer_name": "홍길동", "buyer_tel": "010-1234-5678", "buyer_email": "hong@shop.example"}


class Browser(Client):
    """A visitor of the shop, whose own language is English."""

    def __init__(self) -> None:
        super().__init__(headers={"accept-language": "en-US,en"}, SERVER_NAME="127.0.0.1")

    def read(self, address: str, status: int = 200) -> str:
        response = self.get(address)
        assert response.status_code == status, (address, response.status_code)
        return response.content.decode()

    def order_form(self, slug: str = "beans", quantity: int = 1) -> dict[str, str]:
        """The fields of the order form, filled in."""
        html = self.read(f"/products/{slug}/buy/?quantity={quantity}")
        token = re.search(r'name="token" value="([^"]+)"', html)
        assert token
        return {"quantity": str(quantity), "token": token[1], **BUYER}

    def buy(self, slug: str = "beans", quantity: int = 1) -> str:
        """The code of a new purchase."""
        response = self.post(f"/products/{slug}/buy/", self.order_form(slug, quantity))
        assert response.status_code == 302, response.content.decode()
        return response.headers["Location"].split("/")[2]


class Member(Browser):
    """A customer of the coffee club who is logged in; `sandbox` is the PortOne that their card company is at."""

    def __init__(self, sandbox: Any, name: str = "namu") -> None:
        from django.contrib.auth import get_user_model

        super().__init__()
        self.sandbox = sandbox
        self.user = get_user_model().objects.create_user(name, email=f"{name}@shop.example", first_name="홍길동")
        self.force_login(self.user)

    @property
    def subscription(self) -> Any:
        """The newest."""
        from portone_django.models import Subscription

        return Subscription.objects.filter(customer=self.user).latest("pk")

    @property
    def state(self) -> str:
        """What "My subscription" is about."""
        found = re.search(r'data-state="(\w+)"', self.read("/membership/"))
        assert found
        return found[1]

    def join(self, price: str = "beans-monthly", **fields: str) -> Any:
        return self.post("/club/join/", {"price": price, "buyer_tel": "010-1234-5678", **fields})

    def register(self, address: str = "/cards/", number: str = "5594100000000000") -> Any:
        """Press the button of that page, and register a card in the window; the card."""
        from portone_django.models import BillingKey

        found = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', self.read(address), re.DOTALL)
        assert found
        config = json.loads(found[1])
        started = self._ask(config["start_url"], token=config["token"])
        record = self.sandbox.open_window(started["params"], device="pc", user_agent="tests")
        self.sandbox.approve(record["imp_uid"], pay_method="card", card_code="366", card_number=number)
        answer = self._ask(started["complete_url"], imp_uid=record["imp_uid"])
        assert answer["state"] == "registered", answer
        return BillingKey.objects.get(customer_uid=started["params"]["customer_uid"])

    def press(self, action: str, **fields: str) -> str:
        """A button of "My subscription"; the page that it leads to."""
        address = f"/membership/{self.subscription.public_id}/{action}/"
        return self.post(address, fields, follow=True).content.decode()

    def charged(self) -> list[tuple[str, int]]:
        """What PortOne has of charges without their customer: status and amount, oldest first."""
        records = self.sandbox.transactions()[::-1]
        return [(each["status"], each["amount"]) for each in records if each["customer_uid_usage"] == "payment"]

    def _ask(self, address: str, **body: str) -> dict[str, Any]:
        response = self.post(address, json.dumps(body), content_type="application/json")
        assert response.status_code == 200, response.content.decode()
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
def club(transactional_db: None) -> None:
    """What can be subscribed to; receivers are told after real commits."""
    from example_project.shop.catalogue import CLUB, CLUB_PRICES
    from portone_django.models import Plan, Price

    plan = Plan.objects.create(**CLUB)
    for price in CLUB_PRICES:
        Price.objects.create(plan=plan, **price)


@pytest.fixture
def member(club: None, sandbox: Any) -> Member:
    return Member(sandbox)


@pytest.fixture
def other(club: None, sandbox: Any) -> Member:
    """Another customer."""
    return Member(sandbox, "other")


@pytest.fixture
def moving() -> Iterator[Any]:
    """Business time, which the test moves."""
    from portone_django import clock

    clock._forget_offset()
    yield clock
    clock._forget_offset()


@pytest.fixture
def shelf(db: Any) -> Any:
    from example_project.shop.models import Product

    return Product.objects.create(
        slug="beans", name_ko="원두", name_en="Beans", note_ko="맛있는", note_en="Good", price=12_900, art="bark"
    )


@pytest.fixture
def browser(shelf: Any) -> Browser:
    return Browser()
