"""The shop's pages: languages, ordering once, who sees what."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from example_project.shop.models import Purchase
from portone_django.models import Order

from .conftest import Browser


def test_a_visitor_with_an_english_browser_reads_korean_until_they_switch(browser: Browser) -> None:
    assert "주문 내역" in browser.read("/")
    browser.post("/i18n/setlang/", {"language": "en", "next": "/"})
    page = browser.read("/")
    assert "My orders" in page
    assert "Beans" in page
    assert "원두" not in page


@pytest.mark.parametrize("address", ["/", "/products/beans/", "/products/beans/buy/?quantity=3", "/orders/", "/login/"])
def test_every_page_is_whole_in_both_languages(browser: Browser, address: str) -> None:
    korean = browser.read(address)
    browser.post("/i18n/setlang/", {"language": "en"})
    english = browser.read(address)
    assert '<html lang="ko">' in korean
    assert '<html lang="en">' in english
    assert "</html>" in korean
    assert "</html>" in english


def test_no_page_loads_anything_from_elsewhere(browser: Browser) -> None:
    code = browser.buy()
    for address in ("/", "/products/beans/", "/orders/", f"/orders/{code}/"):
        page = browser.read(address)
        assert "//" not in page.replace("http://www.w3.org", "").replace("<!doctype", ""), address


def test_an_order_costs_price_times_quantity_and_takes_the_buyer_along(browser: Browser) -> None:
    purchase = Purchase.objects.get(code=browser.buy(quantity=3))
    order = purchase.order
    assert order is not None
    assert (order.amount, order.name) == (38_700, "원두 × 3")
    assert (order.buyer_name, order.buyer_tel) == ("홍길동", "010-1234-5678")
    assert order.return_url == purchase.get_absolute_url()


def test_sending_the_form_twice_makes_one_purchase(browser: Browser) -> None:
    form = browser.order_form(quantity=2)
    first = browser.post("/products/beans/buy/", form)
    second = browser.post("/products/beans/buy/", {**form, "quantity": "9"})
    assert first.headers["Location"] == second.headers["Location"]
    assert [order.amount for order in Order.objects.all()] == [25_800]
    assert Purchase.objects.count() == 1


def test_sending_the_form_again_in_another_language_makes_no_conflict(browser: Browser) -> None:
    form = browser.order_form()
    first = browser.post("/products/beans/buy/", form)
    browser.post("/i18n/setlang/", {"language": "en"})
    assert browser.post("/products/beans/buy/", form).headers["Location"] == first.headers["Location"]
    assert Order.objects.get().name == "원두 × 1"


@pytest.mark.parametrize(
    "wrong", [{"quantity": "0"}, {"quantity": "21"}, {"token": "made-up"}, {"buyer_tel": ""}, {"buyer_tel": "<b>"}]
)
def test_a_wrong_form_is_shown_again_and_orders_nothing(browser: Browser, wrong: dict[str, str]) -> None:
    response = browser.post("/products/beans/buy/", {**browser.order_form(), **wrong})
    assert response.status_code == 400
    assert Order.objects.count() == 0


def test_the_payment_page_has_a_button_for_each_method(browser: Browser) -> None:
    page = browser.read(f"/pay/{browser.buy()}/")
    for label in ("카드로 결제하기", "카카오페이로 결제하기", "계좌이체로 결제하기", "가상계좌로 결제하기"):
        assert label in page
    assert page.count("data-portone-pay") == 4


def test_a_page_with_pay_buttons_keeps_the_window_it_opens(browser: Browser) -> None:
    response = browser.get(f"/pay/{browser.buy()}/")
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert browser.get("/").headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("state", ["paid", "cancelled", "expired"])
def test_an_order_that_is_over_has_no_pay_buttons(browser: Browser, state: str) -> None:
    code = browser.buy()
    Order.objects.update(state=state)
    assert browser.get(f"/pay/{code}/").headers["Location"] == f"/orders/{code}/"


def test_the_order_page_shows_nothing_of_the_buyer(browser: Browser) -> None:
    page = browser.read(f"/orders/{browser.buy()}/")
    assert "12,900원" in page
    for private in ("홍길동", "010-1234-5678", "hong@shop.example"):
        assert private not in page


def test_my_orders_are_those_of_this_browser(browser: Browser) -> None:
    code = browser.buy()
    assert code in browser.read("/orders/")
    assert code not in Browser().read("/orders/")


def test_my_orders_follow_a_login_to_another_browser(browser: Browser, django_user_model: type[User]) -> None:
    user = django_user_model.objects.create_user("kim")
    browser.force_login(user)
    code = browser.buy()
    elsewhere = Browser()
    elsewhere.force_login(user)
    assert code in elsewhere.read("/orders/")


def test_an_unknown_purchase_is_not_found(browser: Browser) -> None:
    browser.read("/orders/0123456789abcdef0123/", status=404)
    browser.read("/pay/0123456789abcdef0123/", status=404)


def test_health_tells_when_a_sweep_last_ran(browser: Browser) -> None:
    from portone_django.clock import Tick
    from portone_django.models import Heartbeat

    assert browser.get("/health/").json() == {"shop": "ok", "swept_at": None}
    Heartbeat.objects.create(name="reconcile", beat_at=Tick())
    assert browser.get("/health/").json()["swept_at"]


def test_seeding_twice_is_seeding_once(db: Any, settings: Any) -> None:
    from django.core.management import call_command

    from example_project.shop.models import Product

    settings.DEBUG = True
    for _ in range(2):
        call_command("seed_shop", verbosity=0)
    assert Product.objects.filter(price=12_900).exists()
    assert Product.objects.filter(price__gte=50_000).exists()
    assert list(User.objects.order_by("username").values_list("username", "is_superuser")) == [
        ("demo", False),
        ("operator", True),
    ]


def test_logins_with_known_passwords_are_refused_without_debug(db: Any, settings: Any) -> None:
    from django.core.management import CommandError, call_command

    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG=1"):
        call_command("seed_shop")
    assert User.objects.count() == 0
