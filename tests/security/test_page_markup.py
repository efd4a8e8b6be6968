"""The result pages with 500 hostile texts in every field of the order and of PortOne's answer, row to browser."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.test import RequestFactory

from portone_django.models import Order, Payment
from portone_django.orders import create_order
from portone_django.views.results import result
from portone_django.window.buyer import NAME_LENGTH, cut
from tests.factories import OrderFactory
from tests.shop import Shop

from .markup import Page, Skeleton
from .payloads import TEXTS
from .rows import attempt, page_of, put_answer

pytestmark = pytest.mark.django_db

HOW_MANY = pytest.mark.parametrize(
    "texts", [TEXTS[::25], pytest.param(TEXTS, marks=pytest.mark.slow)], ids=["20", "500"]
)
STATES = ("paid", "awaiting_deposit", "failed", "expired", "pending", "quarantined")
ANSWERED = ("card_name", "bank_name", "vbank_name", "vbank_num", "vbank_holder", "fail_reason", "emb_pg_provider")
BUYER = ("buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode")


def order_of(text: str) -> Order:
    """An order with the text wherever create_order lets it in, cut to the columns."""
    terms: dict[str, Any] = {"name": "원두", "amount": 12900, "buyer_tel": "010-0000-0000"}
    for field in ("name", "reference", *BUYER):
        limit = Order._meta.get_field(field).max_length
        with contextlib.suppress(ValueError):
            create_order(**{**terms, "reference": None, field: text[:limit]})
            terms[field] = text[:limit]
    return create_order(**{"reference": "r", **terms})


def safe(text: str) -> str:
    """What a column can hold of it, never nothing."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode() or "x"


@HOW_MANY
@pytest.mark.parametrize("state", STATES)
def test_no_text_changes_the_elements_of_a_page(texts: tuple[str, ...], state: str) -> None:
    benign = {
        **dict.fromkeys(ANSWERED, "x"),
        "pay_method": "card",
        "card_quota": 3,
        "receipt_url": "https://a.example/r",
    }
    baseline = page_of(attempt(OrderFactory(), state, **benign)).skeleton
    for text in texts:
        order = order_of(text)
        payment = attempt(order, state, **{**benign, **dict.fromkeys(ANSWERED, f"x{text}")})
        page = page_of(payment)
        assert page.skeleton == baseline, (state, text)
        payment.delete()
        order.events.all().delete()
        order.delete()


def test_the_texts_are_really_on_the_pages() -> None:
    """Else the test above would prove nothing."""
    text = "</script><b>x</b>{{7*7}}"
    answer = {**dict.fromkeys(ANSWERED, text), "pay_method": "card", "card_quota": 3}
    shown = {}
    for state in STATES:
        Order.objects.update(reference=None)
        shown[state] = page_of(attempt(order_of(text), state, **answer)).text.count(text)
    assert shown == {"paid": 3, "awaiting_deposit": 5, "failed": 3, "expired": 2, "pending": 2, "quarantined": 2}


def test_a_method_that_nobody_knows_is_shown_as_text() -> None:
    order = OrderFactory()
    payment = attempt(order, "paid", pay_method="card")
    baseline = page_of(payment).skeleton
    for text in TEXTS[::10]:
        put_answer(payment, pay_method=f"x{text}"[:20])
        assert page_of(payment).skeleton == baseline, text


def test_the_support_line_links_only_addresses_that_a_customer_may_follow(settings: Any) -> None:
    payment = attempt(OrderFactory(), "failed")
    baseline = without_links(page_of_support(settings, payment, "02-1234-5678"))
    for text in TEXTS[::20]:
        page = page_of_support(settings, payment, safe(f"x {text}"))
        assert without_links(page) == baseline, text
        assert {link.partition(":")[0] for link in page.values("href") if ":" in link} <= {"http", "https", "mailto"}


def test_the_nonce_of_a_page_cannot_leave_its_attribute() -> None:
    payment = attempt(OrderFactory(), "failed")
    skeletons: set[str] = set()
    for text in TEXTS[::10]:
        request = RequestFactory().get("/")
        request.csp_nonce = safe(text)  # type: ignore[attr-defined]
        response = result(request, sign(payment))
        skeletons.add(repr(Page(response.content.decode()).skeleton))
    assert len(skeletons) == 1


@pytest.mark.parametrize("path", ["result", "return"])
def test_every_page_of_ours_carries_the_nonce_where_there_is_one(path: str) -> None:
    from portone_django.views.results import return_

    request = RequestFactory().get("/")
    request.csp_nonce = "r4nd0m"  # type: ignore[attr-defined]
    response = result(request) if path == "result" else return_(request, "forged.token")
    page = Page(response.content.decode())
    assert [each.attrib.get("nonce") for each in page.all("link")] == ["r4nd0m"]


def test_what_was_typed_reaches_portones_window_as_one_line_of_text(shop: Shop) -> None:
    for text in TEXTS[::10]:
        order = order_of(text)
        Order.objects.filter(pk=order.pk).update(buyer_tel="010-0000-0000", reference=None)
        order.refresh_from_db()
        params = shop.click(order)["params"]
        assert params["name"] == cut(order.name, NAME_LENGTH)
        for field in ("name", *BUYER):
            assert not set(params.get(field, "")) & set("\n\r\t\x00\u2028\u2029")


@pytest.mark.parametrize("name", ["\x01", "\u2028", "\x1b\x07", " \u2029 "])
def test_a_name_that_portones_window_would_show_as_nothing_makes_no_order(name: str) -> None:
    with pytest.raises(ValueError, match=r"^name is empty"):
        create_order(name=name, amount=100)


@pytest.mark.parametrize("field", ["name", "reference", *BUYER])
@pytest.mark.parametrize("text", ["nul\x00byte", "lone\ud800", "\udfffother"])
def test_what_no_database_stores_is_refused_by_its_name(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} "):
        create_order(**{"name": "원두", "amount": 100, field: text})
    assert not Order.objects.exists()


@pytest.mark.parametrize("metadata", [{"note": "nul\x00"}, {"half\ud800": 1}, {"deep": [{"a": "\udfff"}]}])
def test_metadata_that_no_database_stores_is_refused(metadata: Any) -> None:
    with pytest.raises(ValueError, match=r"^metadata "):
        create_order(name="원두", amount=100, metadata=metadata)


def sign(payment: Payment) -> str:
    from portone_django.tokens import sign_attempt

    return sign_attempt(payment.merchant_uid)


def page_of_support(settings: Any, payment: Payment, support: str) -> Page:
    settings.PORTONE = {**settings.PORTONE, "SUPPORT": support}
    return page_of(payment)


def without_links(page: Page) -> Skeleton:
    return [(tag, names) for tag, names in page.skeleton if tag != "a"]
