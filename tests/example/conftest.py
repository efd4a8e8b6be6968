"""A small shelf, a buyer and the shop's browser."""

from __future__ import annotations

import re
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


@pytest.fixture
def shelf(db: Any) -> Any:
    from example_project.shop.models import Product

    return Product.objects.create(
        slug="beans", name_ko="원두", name_en="Beans", note_ko="맛있는", note_en="Good", price=12_900, art="bark"
    )


@pytest.fixture
def browser(shelf: Any) -> Browser:
    return Browser()
