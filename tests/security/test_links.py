"""Where our pages lead: to the shop's own pages and to https receipts, whatever an address says."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from portone_django import adapter
from portone_django.models import Order
from portone_django.orders import create_order
from tests.factories import OrderFactory
from tests.shop import Shop

from .markup import Page
from .payloads import TEXTS, URLS
from .rows import attempt, page_of, put_answer

pytestmark = pytest.mark.django_db

OURS = "https://shop.example"


def is_ours(url: str) -> bool:
    """Whether a browser on one of our pages stays with us, by the WHATWG rules for special schemes.

    Control characters and spaces around it, tabs and line ends inside it are dropped; \\ is /; any number of slashes
    begins a host.
    """
    heard = url.strip("".join(map(chr, range(33)))).translate({9: None, 10: None, 13: None}).replace("\\", "/")
    if away := re.match(r"(https?:)?/{2,}([^/?#]*)", heard, re.IGNORECASE):
        return away[1] in (None, "https:") and re.fullmatch(r"shop\.example(:[0-9]+)?", away[2]) is not None
    return not re.match(r"[a-z][a-z0-9+.-]*:", heard, re.IGNORECASE)


def test_there_are_200_addresses_and_the_oracle_knows_most_as_foreign() -> None:
    assert len(set(URLS)) >= 200
    assert sum(not is_ours(url) for url in URLS) > 150
    foreign = ("//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", f"{OURS}.evil.example/")
    for known, ours in {"/orders/7/": True, **dict.fromkeys(foreign, False)}.items():
        assert is_ours(known) is ours, known


# The shop's own word: return_url and the adapter ------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["/orders/7/", "/주문/7/?탭=2#끝", f"{OURS}/orders/7", "https://shop.example:8443/a?b=c#d", ""]
)
def test_a_page_of_the_shop_is_taken_as_return_url(url: str) -> None:
    assert create_order(name="원두", amount=100, return_url=url).return_url == url


def test_an_order_never_leads_elsewhere() -> None:
    for url in URLS:
        if not is_ours(url):
            with pytest.raises(ValueError, match=r"^return_url "):
                create_order(name="원두", amount=100, return_url=url)
    assert not Order.objects.exists()


def test_a_return_url_that_is_taken_stays_with_us() -> None:
    for url in (*URLS, *TEXTS):
        with contextlib.suppress(ValueError):
            assert is_ours(create_order(name="원두", amount=100, return_url=url).return_url), url


def test_the_refusal_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r'Write: return_url="/orders/7/".*Adapter\.result_url'):
        create_order(name="원두", amount=100, return_url="https://elsewhere.example/")


def test_allowing_every_host_does_not_allow_every_return_url(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    with pytest.raises(ValueError, match="return_url"):
        create_order(name="원두", amount=100, return_url="https://evil.example/")
    assert create_order(name="원두", amount=100, return_url=f"{OURS}/7").return_url


def test_plain_http_leads_on_only_where_the_shop_itself_is_http(settings: Any) -> None:
    with pytest.raises(ValueError, match="return_url"):
        create_order(name="원두", amount=100, return_url="http://shop.example/7")
    settings.PORTONE = {**settings.PORTONE, "PUBLIC_BASE_URL": "http://127.0.0.1:8000"}
    assert create_order(name="원두", amount=100, return_url="http://127.0.0.1:8000/orders/7/")


@pytest.mark.parametrize("state", ["paid", "awaiting_deposit", "failed", "expired", "pending", "quarantined"])
def test_no_page_links_to_what_is_no_page(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """The adapter is the project's code: it may lead to another site of the project, never run a script."""
    order = OrderFactory()
    payment = attempt(order, state, receipt_url="https://iniweb.inicis.com/r?no=1")
    for url in URLS[:: 8 if state == "failed" else 24]:
        monkeypatch.setattr(adapter.Adapter, "result_url", lambda self, order, url=url: url)
        for link in page_of(payment).values("href"):
            assert urlsplit(urljoin(f"{OURS}/", link)).scheme in ("https", "http"), (url, link)
            assert "\\" not in link
            assert link.isprintable()


@pytest.mark.parametrize("url", ["https://app.partner.example/orders/7", "/orders/7/"])
def test_the_adapter_may_lead_to_another_site_of_the_project(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(adapter.Adapter, "result_url", lambda self, order: url)
    assert url in page_of(attempt(OrderFactory(), "failed")).values("href")


@pytest.mark.parametrize("url", [None, 7])
def test_an_adapter_without_an_address_leaves_the_link_out(monkeypatch: pytest.MonkeyPatch, url: Any) -> None:
    monkeypatch.setattr(adapter.Adapter, "result_url", lambda self, order: url)
    assert page_of(attempt(OrderFactory(), "quarantined")).all("a") == []


def test_a_row_that_was_written_past_the_check_is_not_linked_either(shop: Shop) -> None:
    """Also not by `start`, which sends the buyer of a free order on at once."""
    for url in ("javascript:alert(1)", "//evil.example", "/\\evil.example", "data:text/html,x"):
        order = OrderFactory(return_url=url)
        assert url not in page_of(attempt(order, "failed")).values("href")
        config = shop.config(order)
        free = Order.objects.filter(pk=order.pk)
        free.get().payments.all().delete()
        free.update(state="paid")
        body = json.dumps({"token": config["token"]})
        answer = shop.browser.post(config["start_url"], body, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "order_paid")


def test_the_buyer_of_a_free_order_is_sent_on_by_the_adapter(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    order = shop.order(return_url="/orders/7/")
    config = shop.config(order)
    order.change(amount=0)
    monkeypatch.setattr(adapter.Adapter, "result_url", lambda self, order: f"/thanks/{order.pk}/")
    answer = shop.browser.post(
        config["start_url"], json.dumps({"token": config["token"]}), content_type="application/json"
    )
    assert answer.json() == {"action": "redirect", "url": f"/thanks/{order.pk}/"}


# PortOne's word: the receipt --------------------------------------------------------------------------------------


def test_a_receipt_of_plain_https_is_linked() -> None:
    url = "https://iniweb.inicis.com/DefaultWebApp/mall/cr/cm/mCmReceipt_head.jsp?noTid=Std%2Fpay&noMethod=1"
    payment = attempt(OrderFactory(), "paid", receipt_url=url)
    assert payment.receipt_url == url
    assert url in page_of(payment).values("href")


def test_no_other_receipt_is_kept_or_linked() -> None:
    payment = attempt(OrderFactory(), "paid", receipt_url=None)
    without = len(page_of(payment).all("a"))
    for url in (*URLS, *TEXTS[::5]):
        put_answer(payment, receipt_url=url)
        kept = payment.receipt_url
        if kept:
            parts = urlsplit(kept)
            assert kept == url
            assert kept.startswith("https://")
            assert kept.isascii()
            assert kept.isprintable()
            assert not set(kept) & set(" \"'<>\\`{}|^")
            assert "@" not in parts.netloc
            assert parts.hostname
            assert "." in parts.hostname
    for url in (
        "javascript:alert(1)",
        "data:text/html,x",
        "http://evil.example/",
        "//evil.example",
        "https://a@b.example/",
    ):
        assert put_answer(payment, receipt_url=url).receipt_url == ""
        assert len(page_of(payment).all("a")) == without


# The visitor's word: never followed -------------------------------------------------------------------------------

NAMES = ("next", "return_url", "m_redirect_url", "result_url", "url", "redirect", "callback", "notice_url", "token")


@pytest.mark.parametrize("urls", [URLS[::5], pytest.param(URLS, marks=pytest.mark.slow)], ids=["few", "all"])
def test_no_parameter_of_a_visitor_becomes_a_redirect_or_a_link(shop: Shop, urls: tuple[str, ...]) -> None:
    started, imp_uid = shop.pay(shop.order(return_url="/orders/7/"))
    shop.callback(started, imp_uid)
    back = started["params"]["m_redirect_url"].removeprefix(OURS)
    visitor = Client()
    expected = Page(visitor.get(started["result_url"]).content.decode()).links
    for url in urls:
        given = dict.fromkeys(NAMES, _sendable(url))
        for response in (
            visitor.get(back, given),
            visitor.post(back, given),
            visitor.get(reverse("portone:return"), given),
        ):
            assert response.status_code == 303
            assert response.headers["Location"] in (started["result_url"], reverse("portone:result")), url
    for url in urls[::10]:
        response = visitor.get(started["result_url"], dict.fromkeys(NAMES, _sendable(url)))
        assert Page(response.content.decode()).links == expected, url


def test_start_opens_what_the_server_wrote_whatever_the_body_names(shop: Shop) -> None:
    order = shop.order()
    config = shop.config(order)
    expected = None
    for url in URLS[::4]:
        body = {**dict.fromkeys(NAMES, url), "params": {"m_redirect_url": url}, "token": config["token"]}
        answer = shop.browser.post(config["start_url"], json.dumps(body), content_type="application/json").json()
        expected = expected or answer
        assert answer == expected, url
    assert expected is not None
    for name in ("m_redirect_url", "notice_url", "confirm_url"):
        assert expected["params"][name].startswith(f"{OURS}/portone/")


def test_the_tag_takes_no_address_from_the_template(settings: Any) -> None:
    settings.DEBUG = True
    from portone_django.window import InvalidOption
    from tests.templatetags.page import button

    for name in ("m_redirect_url", "notice_url", "confirm_url", "return_url", "next"):
        with pytest.raises(InvalidOption, match=name):
            button(OrderFactory(), **{name: "https://evil.example/"})


def _sendable(url: str) -> str:
    return url.encode("utf-8", "replace").decode()
