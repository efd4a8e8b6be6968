"""The button that registers a card, and the pages that tell what became of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.urls import reverse

from portone_django.buttons import card_button_context
from portone_django.window import InvalidOption
from tests.members import Members
from tests.registering import approved
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


# The button ------------------------------------------------------------------------------------------------------


def request_of(user: Any) -> Any:
    request = RequestFactory().get("/")
    request.user = user
    return request


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pay_method": "vbank"}, "pay_method"),
    ({"card_quota": "2,3"}, "card_quota"),
    ({"escrow": True}, "escrow"),
    ({"languge": "en"}, "languge"),
    ({"channel": "cards"}, "cards"),
    ({"return_url": "https://evil.example/"}, "return_url"),
    ({"return_url": 7}, "return_url"),
    ({"amount": "a lot"}, "amount"),
    ({"amount": -1}, "amount"),
    ({"amount": True}, "amount"),
    ({"replaces": 7}, "replaces"),
    ({"subscription": ""}, "subscription"),
    ({"buyer_tel": ""}, "buyer_tel"),
    ({"buyer_name": 7}, "buyer_name"),
    ({"label": 7}, "label"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "named"), WRONG)
def test_with_debug_a_wrong_option_is_an_exception_that_names_it(
    settings: Any, user: Any, options: dict[str, Any], named: str
) -> None:
    settings.DEBUG = True
    with pytest.raises(Exception, match=named) as caught:
        card_button_context(user, request_of(user), **{"buyer_tel": "010-0000-0000", **options})
    assert type(caught.value).__name__ in ("InvalidOption", "ImproperlyConfigured")


@pytest.mark.parametrize(("options", "named"), WRONG)
def test_without_debug_the_button_is_disabled_and_the_error_logged(
    caplog: pytest.LogCaptureFixture, user: Any, options: dict[str, Any], named: str
) -> None:
    button = card_button_context(user, request_of(user), **{"buyer_tel": "010-0000-0000", **options})
    assert (button["disabled"], button["config"]) == (True, {})
    assert named in caplog.text


def test_a_customer_without_a_telephone_number_is_told_where_to_give_one(user: Any, settings: Any) -> None:
    settings.DEBUG = True
    with pytest.raises(InvalidOption, match=r'Adapter|ADAPTER.*portone_register_card user buyer_tel="010-') as refused:
        card_button_context(user, request_of(user))
    assert "create_order" not in str(refused.value)


def test_a_visitor_gets_no_button(settings: Any) -> None:
    settings.DEBUG = True
    for nobody in (AnonymousUser(), None, ""):
        with pytest.raises(InvalidOption, match=r"^customer: .*logged in"):
            card_button_context(nobody, request_of(AnonymousUser()), buyer_tel="010")


def test_the_button_of_somebody_else_is_not_rendered(settings: Any, user: Any, other: Any) -> None:
    settings.DEBUG = True
    with pytest.raises(InvalidOption, match=r"^customer: .*not the user of this request"):
        card_button_context(user, request_of(other), buyer_tel="010")


def test_a_card_or_subscription_of_somebody_else_is_refused(
    settings: Any, shop: Shop, user: Any, members: Members
) -> None:
    settings.DEBUG = True
    subscription = members.subscribed()
    for options in ({"replaces": subscription.billing_key}, {"subscription": subscription}):
        with pytest.raises(InvalidOption, match="belongs to another customer"):
            card_button_context(user, request_of(user), buyer_tel="010", **options)


def test_a_subscription_that_ended_meanwhile_is_said(shop: Shop, members: Members) -> None:
    subscription = members.subscribed()
    config = shop.card_config(subscription.customer, subscription=subscription)
    subscription.cancel(when="now")
    answer = shop.start_card(subscription.customer, config)
    assert (answer["status"], answer["error"]["code"]) == (409, "subscription_ended")


# The pages -------------------------------------------------------------------------------------------------------


def page_of(started: dict[str, Any], browser: Client | None = None, language: str = "ko") -> str:
    response = (browser or Client()).get(started["result_url"], headers={"accept-language": language})
    assert response.status_code == 200
    assert response.headers["Referrer-Policy"] == "same-origin"
    return str(response.content.decode())


def test_there_is_a_page_for_every_standing(shop: Shop, user: Any, other: Any) -> None:
    registered, imp_uid = approved(shop, user)
    shop.callback(registered, imp_uid)
    failed = shop.press_register(user)
    shop.sandbox.fail(shop.window(failed), "사용자가 결제를 취소하셨습니다")
    shop.callback(failed, None)
    confirming = shop.press_register(user)
    checking, imp_uid = approved(shop, user, customer_uid="tsomebodyelses")
    shop.callback(checking, imp_uid)
    pages = [page_of(each, language="en") for each in (registered, failed, confirming, checking)]
    titles = [re.search("<h1>(.*?)</h1>", page) for page in pages]
    assert [found and found[1] for found in titles] == [
        "Your card is registered", "The card was not registered", "Confirming your card", "We are checking your card",
    ]  # fmt: skip
    assert "It was cancelled in the payment window." in pages[1]
    assert "customer_uid" not in pages[3]
    assert all("tsomebodyelses" not in page for page in pages)


def test_only_the_customer_may_try_again_from_the_page(shop: Shop, user: Any, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "ADAPTER": "tests.flows.test_registration_pages.WithTelephone"}
    started = shop.press_register(user, return_url="/my/cards/")
    browser = Client()
    assert "data-portone-pay" not in page_of(started, browser)
    browser.force_login(user)
    page = page_of(started, browser)
    assert "data-portone-pay" in page
    assert 'href="/my/cards/"' in page


def test_the_page_tells_of_the_bill_that_was_paid(shop: Shop, members: Members) -> None:
    from portone_django.subscriptions import subscribe

    user = members.user()
    for number, words in (("5594100000000000", "9,900"), ("5594100000001254", "잔액부족")):
        subscription = subscribe(user, members.price(plan=f"plan{number}"))
        started = shop.press_register(user, subscription=subscription)
        imp_uid = shop.window(started)
        shop.sandbox.approve(imp_uid, pay_method="card", card_number=number)
        shop.callback(started, imp_uid)
        assert words in page_of(started)


def test_forged_tokens_show_nothing(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    token = started["result_url"].split("/")[-2]
    uid, _, signature = token.partition(".")
    payment = shop.click(shop.order())
    for wrong in (uid, f"{uid}.x", f"t{'a' * 24}.{signature}", payment["result_url"].split("/")[-2]):
        assert Client().get(reverse("portone:card-result", args=[wrong])).status_code == 404
        assert Client().get(reverse("portone:card-status", args=[wrong])).status_code == 404
        assert Client().post(reverse("portone:card-complete", args=[wrong])).status_code == 404


def test_the_token_of_a_registration_opens_no_payment(shop: Shop, user: Any) -> None:
    token = shop.press_register(user)["result_url"].split("/")[-2]
    assert Client().get(reverse("portone:result", args=[token])).status_code == 404
    assert Client().get(reverse("portone:status", args=[token])).status_code == 404


def test_the_confirm_process_lets_a_registration_pass_once(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    body = json.dumps({"merchant_uid": started["params"]["merchant_uid"], "imp_uid": imp_uid, "amount": 0})
    url = reverse("portone:confirm")
    assert Client().post(url, body, content_type="application/json").status_code == 200
    shop.callback(started, imp_uid)
    assert Client().post(url, body, content_type="application/json").status_code == 409


class WithTelephone:
    """Loaded as PORTONE["ADAPTER"] by a test above."""

    def __new__(cls) -> Any:
        from portone_django.adapter import Adapter

        class Named(Adapter):
            def buyer(self, customer: Any) -> dict[str, str]:
                return {**super().buyer(customer), "buyer_tel": "010-1111-2222"}

        return Named()
