"""Redirect, callback and status page: hints that lead to the same sync, and pages that show nothing they should not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django.models import Event, Payment
from portone_django.sandbox.ledger import WindowRefused
from portone_django.tokens import sign_attempt
from tests.factories import PaymentFactory, UserFactory
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def asked_a_while_ago() -> None:
    Payment.objects.update(checked_at=timezone.now() - dt.timedelta(seconds=10))


def test_a_redirect_while_portone_still_says_ready_confirms_and_opens_no_new_attempt(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    shop.sandbox.faults.add("lag", seconds=5, times=50)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    page = shop.come_back(started, imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"])
    assert page.templates[0].name == "portone/result_confirming.html"
    again = shop.click(order)
    assert again["params"]["merchant_uid"] == started["params"]["merchant_uid"]
    assert Payment.objects.count() == 1
    shop.sandbox.advance(6)
    shop.sandbox.faults.clear()
    asked_a_while_ago()
    status = Client().get(started["status_url"]).json()
    assert (status["state"], status["final"]) == ("paid", True)
    assert shop.delivered(order) == 1


def test_a_redirect_without_imp_uid_is_looked_up_by_our_own_uid(shop: Shop) -> None:
    order = shop.order()
    started, _ = shop.pay(order)
    page = shop.come_back(started, merchant_uid=started["params"]["merchant_uid"])
    assert page.templates[0].name == "portone/result_paid.html"
    assert shop.delivered(order) == 1


def test_a_redirect_that_reports_an_error_for_a_paid_payment_is_not_believed(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    page = shop.come_back(started, imp_uid=imp_uid, imp_success="false", error_code="F0001", error_msg="실패")
    assert page.templates[0].name == "portone/result_paid.html"
    assert shop.delivered(order) == 1


def test_a_callback_that_reports_an_error_for_a_paid_payment_is_not_believed(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    answer = shop.callback(started, imp_uid, error_code="F0001", error_msg="실패", success=False)
    assert answer["state"] == "paid"


def test_a_window_refused_because_its_uid_is_paid_is_a_reason_to_look_never_a_failure(shop: Shop) -> None:
    order = shop.order()
    started, _ = shop.pay(order)
    with pytest.raises(WindowRefused) as refused:
        shop.window(started)
    answer = shop.callback(started, None, error_code=refused.value.error_code, error_msg=refused.value.message)
    assert answer["state"] == "paid"
    assert shop.delivered(order) == 1


def test_a_closed_window_lets_the_customer_try_again_with_the_same_attempt(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started)
    answer = shop.callback(started, imp_uid, error_code="", error_msg="사용자가 결제를 취소하셨습니다")
    assert answer["state"] == "failed"
    assert shop.payment(started).state == "pending", "PortOne has not said that it failed"
    assert shop.click(order)["params"]["merchant_uid"] == started["params"]["merchant_uid"]


def test_a_refusal_before_the_window_is_no_failure_of_the_attempt(shop: Shop) -> None:
    started = shop.click(shop.order())
    answer = shop.callback(started, None, error_code="NOT_READY", error_msg="…")
    assert (answer["state"], shop.payment(started).state) == ("failed", "pending")


def test_a_return_in_another_browser_needs_no_session_and_shows_no_buyer(shop: Shop) -> None:
    order = shop.order(buyer_name="카나리아")
    started, imp_uid = shop.pay(order)
    page = shop.come_back(started, imp_uid=imp_uid)
    assert shop.delivered(order) == 1
    for canary in ("카나리아", "buyer@example.com", "010-0000-0000"):
        assert canary not in page.content.decode()


def test_a_return_without_proof_syncs_and_shows_a_neutral_page(shop: Shop) -> None:
    order = shop.order(name="비밀 상품")
    started, imp_uid = shop.pay(order)
    query = {"imp_uid": imp_uid, "merchant_uid": started["params"]["merchant_uid"]}
    page = Client().get(reverse("portone:return"), query, follow=True)
    assert shop.delivered(order) == 1
    assert page.templates[0].name == "portone/result_neutral.html"
    for canary in ("비밀 상품", imp_uid, query["merchant_uid"], "12,900"):
        assert canary not in page.content.decode()


@pytest.mark.parametrize("where", ["query", "form"])
def test_the_way_back_may_be_a_post_from_another_site(shop: Shop, where: str) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    path = started["params"]["m_redirect_url"].removeprefix("https://shop.example")
    browser = Client(enforce_csrf_checks=True)
    if where == "query":
        response = browser.post(f"{path}?imp_uid={imp_uid}")
    else:
        response = browser.post(path, f"imp_uid={imp_uid}", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 303
    assert "imp_uid" not in response["Location"]
    assert shop.delivered(order) == 1


def test_a_bookmarked_return_replayed_twenty_times_changes_nothing(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.come_back(started, imp_uid=imp_uid)
    events = Event.objects.count()
    before = Payment.objects.values().get() | {"updated_at": 0, "checked_at": 0, "next_check_at": 0}
    for _ in range(20):
        shop.come_back(started, imp_uid=imp_uid)
    after = Payment.objects.values().get() | {"updated_at": 0, "checked_at": 0, "next_check_at": 0}
    assert (after, Event.objects.count(), shop.delivered(order)) == (before, events, 1)


def test_result_pages_are_private(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order())
    for page in (Client().get(started["result_url"]), shop.come_back(started, imp_uid=imp_uid)):
        assert "no-store" in page["Cache-Control"]
        assert page["Referrer-Policy"] == "same-origin"
        assert "noindex" in page["X-Robots-Tag"]
        assert page["X-Frame-Options"] == "DENY"
        assert "Content-Security-Policy" not in page, "the project's own policy must not find a header there already"


def test_status_and_result_answer_404_for_everything_that_is_not_proved(shop: Shop) -> None:
    ours = PaymentFactory()
    good = sign_attempt(ours.merchant_uid)
    unknown = sign_attempt("t" + "z" * 24)
    answers = set()
    for browser in (Client(), _signed_in()):
        for token in (unknown, good[:-1] + ("A" if good[-1] != "A" else "B"), ours.merchant_uid, "x.y", str(ours.pk)):
            for name in ("status", "result"):
                response = browser.get(reverse(f"portone:{name}", args=[token]))
                answers.add((name, response.status_code))
    assert answers == {("status", 404), ("result", 404)}


def _signed_in() -> Client:
    browser = Client()
    browser.force_login(UserFactory())
    return browser


def test_the_status_page_asks_portone_at_most_every_few_seconds(shop: Shop) -> None:
    started = shop.click(shop.order())
    shop.sandbox.faults.add("latency", path="/payments/findAll/*", times=999, seconds=0)
    for _ in range(10):
        assert Client().get(started["status_url"]).json()["state"] == "confirming"
    assert shop.sandbox.faults.list()[-1]["hits"] == 1


def test_a_pay_page_may_keep_its_popup_and_other_pages_may_not() -> None:
    from django.http import HttpRequest, HttpResponse

    from portone_django.middleware import CheckoutMiddleware

    def page(request: HttpRequest) -> HttpResponse:
        if request.path == "/checkout/":
            request.portone_checkout = True  # type: ignore[attr-defined]
        return HttpResponse()

    for path, policy in (("/checkout/", "same-origin-allow-popups"), ("/other/", None)):
        request = HttpRequest()
        request.path = path
        assert CheckoutMiddleware(page)(request).get("Cross-Origin-Opener-Policy") == policy


def test_a_result_page_offers_to_go_on_only_to_what_the_shop_wrote(shop: Shop) -> None:
    started, imp_uid = shop.pay(shop.order(return_url="/orders/7/"))
    page = shop.come_back(started, imp_uid=imp_uid, next="https://evil.example", return_url="//evil.example")
    assert 'href="/orders/7/"' in page.content.decode()
    assert "evil.example" not in page.content.decode()


def test_a_refunded_payment_tells_its_customer_that_the_money_went_back(shop: Shop) -> None:
    payment = shop.paid()
    page = reverse("portone:result", args=[sign_attempt(payment.merchant_uid)])
    payment.refund(amount=900, reason="x")
    assert "900원" in Client().get(page).content.decode()
    payment.refund(reason="x")
    html = Client().get(page).content.decode()
    assert "환불" in html
    assert "12,900원" in html


def test_a_failed_attempt_of_a_refunded_order_does_not_say_that_it_is_paid(shop: Shop) -> None:
    order = shop.order()
    failed = shop.click(order)
    shop.sandbox.fail(shop.window(failed), "한도초과")
    shop.payment(failed).sync()
    shop.paid(order).refund(reason="x")
    page = Client().get(failed["result_url"]).content.decode()
    assert "환불이 완료되었습니다" in page
    assert "12,900원" in page
    assert "다른 결제로" not in page


@pytest.mark.parametrize("state", Payment.State.values)
@pytest.mark.parametrize("hold", ["", "duplicate"])
def test_every_state_has_a_page(state: str, hold: str, sandbox: Any) -> None:
    payment = PaymentFactory(state=state, hold_reason=hold, open_slot=None, fail_reason="한도초과 <b>")
    page = Client().get(reverse("portone:result", args=[sign_attempt(payment.merchant_uid)]))
    assert page.status_code == 200
    assert "<b>" not in page.content.decode()
