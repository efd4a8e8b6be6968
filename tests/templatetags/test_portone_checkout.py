"""{% portone_checkout %}: what a developer gets wrong is named in development and never breaks a page in production."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from portone_django.buttons import button_context
from portone_django.middleware import CheckoutMiddleware
from portone_django.models import Order, Payment
from portone_django.tokens import read_checkout
from portone_django.window import InvalidOption
from tests.factories import OrderFactory, UserFactory
from tests.security.markup import Page
from tests.shop import Shop

from .page import button, card_button, is_disabled, render, status_line

pytestmark = pytest.mark.django_db

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"card_qouta": "2,3"}, "card_qouta"),
    ({"card_quota": "two"}, "card_quota"),
    ({"pay_method": "creditcard"}, "pay_method"),
    ({"language": "fr"}, "language"),
    ({"vbank_due": 3}, "vbank_due"),
    ({"pay_method": "vbank", "card_quota": "2,3"}, "card_quota"),
    ({"pay_method": "kakaopay", "no_easy_pay": True}, "no_easy_pay"),
    ({"card_only": "366", "card_except": "361"}, "card_only"),
    ({"no_easy_pay": True, "bypass": {"P_RESERVED": "noeasypay=N"}}, "no_easy_pay"),
    ({"pay_method": "phone"}, "digital"),
    ({"channelKey": "channel-key-1"}, "channelKey"),
    ({"pg": "html5_inicis.INIpayTest"}, "pg"),
    ({"amount": 1}, "amount"),
    ({"channel": "subscriptions"}, "subscriptions"),
    ({"channel": ["checkout"]}, "CHANNELS"),
    ({"channel": "checkout", "pg": "html5_inicis.INIpayTest"}, "channel"),
    ({"channelKey": "channel-key-1", "pg": "html5_inicis.INIpayTest"}, "channelKey and pg"),
    ({"another": "perhaps"}, "another"),
    ({"label": 7}, "label"),
    ({"css_class": ["a"]}, "css_class"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "named"), WRONG)
def test_with_debug_a_wrong_option_is_an_exception_that_names_it(
    settings: Any, options: dict[str, Any], named: str
) -> None:
    settings.DEBUG = True
    with pytest.raises((InvalidOption, ImproperlyConfigured), match=named):
        button(OrderFactory(), **options)


@pytest.mark.parametrize(("options", "named"), WRONG)
def test_without_debug_the_button_is_disabled_and_the_error_logged(
    caplog: pytest.LogCaptureFixture, options: dict[str, Any], named: str
) -> None:
    order = OrderFactory()
    html = button(order, **options)
    assert is_disabled(html)
    [logged] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert (logged.name, order.public_id in logged.getMessage(), named in logged.getMessage()) == (
        "portone_django.checkout", True, True,
    )  # fmt: skip
    assert named not in Page(html).text


@pytest.mark.parametrize(
    ("tag", "word", "line"),
    [
        ("pay", "lable", "label=…"),
        ("pay", "class", "css_class=…"),
        ("pay", "chanel", "channel=…"),
        ("pay", "anoter", "another=…"),
        ("pay", "card_qouta", "card_quota=…"),
        ("pay", "buyer_phone", 'create_order(buyer_tel="010-…", …)'),
        ("pay", "return_url", 'create_order(return_url="/orders/7/", …)'),
        ("pay", "returnurl", 'create_order(return_url="/orders/7/", …)'),
        ("pay", "amount", "create_order(amount=9900, …)"),
        ("card", "lable", "label=…"),
        ("card", "replace", "replaces=…"),
        ("card", "returnurl", "return_url=…"),
        ("card", "buyer_phone", 'buyer_tel="010-…"'),
        ("card", "amonut", "amount=…"),
        ("card", "langauge", "language=…"),
        ("card", "pg", 'channel="billing"'),
    ],
)
def test_a_misspelt_or_misplaced_word_of_a_button_gets_the_line_to_write(
    settings: Any, tag: str, word: str, line: str
) -> None:
    settings.DEBUG = True
    render, of = (button, OrderFactory()) if tag == "pay" else (card_button, UserFactory())
    with pytest.raises(InvalidOption) as raised:
        render(of, **{word: "x"})
    assert str(raised.value) == f"{word}: is not an option here (docs/options.md lists them). Write: {line}"


@pytest.mark.parametrize("nothing", ["", None, 7, "order-7"])
def test_an_order_that_is_none_is_named_too(settings: Any, caplog: pytest.LogCaptureFixture, nothing: Any) -> None:
    assert is_disabled(button(nothing))
    assert "order" in caplog.text
    settings.DEBUG = True
    with pytest.raises(InvalidOption, match=r"^order: "):
        button(nothing)


def test_a_misspelt_order_variable_disables_the_button(caplog: pytest.LogCaptureFixture) -> None:
    assert is_disabled(render("{% portone_checkout odrer %}", order=OrderFactory()))
    assert "undefined template variable" in caplog.text


def test_two_ways_to_name_a_channel_are_an_error_in_the_settings(settings: Any) -> None:
    both = {"channel_key": "channel-key-1", "pg": "html5_inicis.INIpayTest"}
    settings.PORTONE = {**settings.PORTONE, "CHANNELS": {"checkout": both}}
    assert is_disabled(button(OrderFactory()))
    settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match='"channel_key" or "pg", and has both'):
        button(OrderFactory())


def test_a_channel_may_be_named_by_its_pg(settings: Any, shop: Shop) -> None:
    by_pg = {"pg": "html5_inicis.INIpayTest", "pg_provider": "html5_inicis", "pg_id": "INIpayTest", "sandbox": True}
    settings.PORTONE = {**settings.PORTONE, "CHANNELS": {"checkout": by_pg}}
    params = shop.click(shop.order())["params"]
    assert (params["pg"], "channelKey" in params) == ("html5_inicis.INIpayTest", False)


def test_a_template_without_the_request_gets_the_line_to_write() -> None:
    template = Template("{% load portone %}{% portone_checkout order %}")
    for context in ({}, {"request": None}, {"request": "GET /"}):
        with pytest.raises(ImproperlyConfigured, match=r"django\.template\.context_processors\.request"):
            template.render(Context({"order": OrderFactory(), **context}))


def test_every_script_and_style_carries_the_nonce_of_the_page() -> None:
    request = RequestFactory().get("/")
    request.csp_nonce = "r4nd0m"  # type: ignore[attr-defined]
    page = Page(render("{% portone_checkout order %}", request=request, order=OrderFactory()))
    loaded = [*page.code, *page.all("link")]
    assert len(loaded) == 2
    assert {each.attrib["nonce"] for each in loaded} == {"r4nd0m"}


def test_without_a_nonce_there_is_no_empty_one() -> None:
    assert Page(button(OrderFactory())).values("nonce") == []


def test_nothing_of_the_button_runs_inline() -> None:
    page = Page(button(OrderFactory(), label="결제"))
    assert all(each.attrib.get("src") and not each.text for each in page.code)
    assert [name for _, names in page.skeleton for name in names if name.startswith("on") or name == "style"] == []


def test_several_buttons_on_a_page_keep_their_own_orders_and_options() -> None:
    cheap, dear = OrderFactory(amount=1000), OrderFactory(amount=99000)
    source = (
        '{% portone_checkout cheap %}{% portone_checkout dear card_quota="2,3" %}{% portone_checkout cheap label="b" %}'
    )
    page = Page(render(source, cheap=cheap, dear=dear))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.values("data-portone-config") == [each for each in ids if each.endswith("-config")]
    tokens = [read_checkout(config["token"]) for config in page.configs]
    assert [(each.order_id, each.options) for each in tokens] == [
        (cheap.pk, {}), (dear.pk, {"card_quota": [2, 3]}), (cheap.pk, {}),
    ]  # fmt: skip


@pytest.mark.parametrize(("language", "label"), [("ko", "12,900원 결제하기"), ("en", "Pay KRW 12,900")])
def test_the_button_speaks_the_language_of_the_page(language: str, label: str) -> None:
    with translation.override(language):
        page = Page(button(OrderFactory()))
    assert label in page.text
    assert page.configs[0]["language"] == language


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_window_speaks_the_language_that_was_asked_for(shop: Shop, language: str) -> None:
    assert shop.click(shop.order(), language=language)["params"]["language"] == language


def test_what_the_button_carries_is_neither_buyer_nor_key(settings: Any) -> None:
    order = OrderFactory(buyer_name="카나리아", buyer_email="c@anary.example", buyer_tel="010-4444-5555")
    html = button(order) + json.dumps(button_context(order, RequestFactory().get("/"))["config"])
    secrets = [order.buyer_name, order.buyer_email, order.buyer_tel, *(settings.PORTONE[key] for key in KEYS)]
    assert [each for each in secrets if each in html] == []


KEYS = ("IMP_KEY", "IMP_SECRET", "UID_KEY")


@pytest.mark.parametrize(
    ("written", "another"), [("another=True", True), ('another="true"', True), ('another="false"', False)]
)
def test_another_way_is_read_as_a_flag(written: str, another: bool) -> None:
    page = Page(render("{% portone_checkout order " + written + " %}", order=OrderFactory()))
    assert page.configs[0]["another"] is another


@pytest.mark.parametrize("state", ["paid", "expired", "cancelled", "refunded"])
def test_an_order_that_cannot_be_paid_has_a_disabled_button(state: str) -> None:
    html = button(OrderFactory(state=state))
    assert "disabled" in Page(html).all("button")[0].attrib


@pytest.mark.parametrize(
    ("state", "language", "said"),
    [
        ("paid", "ko", "이미 결제된 주문입니다."),
        ("paid", "en", "This order is already paid."),
        ("partially_refunded", "en", "This order is already paid."),
        ("refunded", "ko", "더 이상 결제할 수 없는 주문입니다."),
        ("refunded", "en", "This order can no longer be paid."),
        ("expired", "en", "This order can no longer be paid."),
        ("cancelled", "en", "This order can no longer be paid."),
        ("open", "en", ""),
        ("awaiting_deposit", "en", ""),
    ],
)
def test_a_button_that_cannot_be_pressed_says_why_without_a_script(state: str, language: str, said: str) -> None:
    with translation.override(language):
        html = button(OrderFactory(state=state))
    assert status_line(html) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ko", "지금은 결제할 수 없습니다. 결제된 금액은 없습니다."),
        ("en", "Payment is not available at the moment. Nothing was charged."),
    ],
)
def test_a_buyer_reads_in_one_line_that_a_wrongly_written_button_takes_no_money(language: str, said: str) -> None:
    with translation.override(language):
        assert status_line(button(OrderFactory(), card_quota="two")) == said
        assert status_line(button("")) == said


def test_a_wrongly_written_button_of_a_paid_order_never_says_that_nothing_was_charged() -> None:
    with translation.override("en"):
        html = button(OrderFactory(state="paid"), card_quota="two")
    assert status_line(html) == "This order is already paid."


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ko", "지금은 카드를 등록할 수 없습니다. 결제된 금액은 없습니다."),
        ("en", "No card can be registered at the moment. Nothing was charged."),
    ],
)
def test_a_customer_reads_that_no_card_can_be_registered(language: str, said: str) -> None:
    user = UserFactory()
    with translation.override(language):
        assert status_line(card_button(user, return_url="https://evil.example/")) == said
        assert status_line(card_button(user, buyer_tel="010-0000-0000")) == ""


def test_rendering_writes_no_row(django_assert_num_queries: Any) -> None:
    order = OrderFactory()
    with django_assert_num_queries(0):
        button(order)
    assert not Payment.objects.exists()


def test_a_page_with_a_broken_button_is_still_answered_with_200(client: Any, settings: Any) -> None:
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    order: Order = OrderFactory()

    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse(render('{% portone_checkout order card_quota="x" %}', request=request, order=order))

    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("pay/", page), *_portone_urls()]})
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{CheckoutMiddleware.__module__}.CheckoutMiddleware"]
    response = client.get("/pay/")
    assert (response.status_code, is_disabled(response.content.decode())) == (200, True)


def _portone_urls() -> list[Any]:
    from django.urls import include, path

    return [path("portone/", include("portone_django.urls"))]
