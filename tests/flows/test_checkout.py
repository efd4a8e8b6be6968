"""A click on "pay": one open attempt per order, frozen, registered, never two charges."""

from __future__ import annotations

import datetime as dt
import re
import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portone_django.flows.checkout import Terms, new_merchant_uid, start_attempt
from portone_django.models import Event, Order, Payment
from portone_django.window import InvalidOption
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def with_portone_settings(settings: Any, **changes: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, **changes}


def test_a_merchant_uid_is_unguessable_short_and_lower_case() -> None:
    uids = {new_merchant_uid() for _ in range(2000)}
    assert len(uids) == 2000
    assert all(re.fullmatch(r"t[a-z2-7]{24}", uid) for uid in uids)


def test_an_attempt_is_written_before_its_window_can_open(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    payment = shop.payment(started)
    assert (started["action"], payment.state, payment.amount, payment.open_slot) == ("open", "pending", 12900, order.pk)
    assert payment.next_check_at is not None
    assert payment.is_prepared


def test_a_second_click_and_a_second_tab_use_the_same_attempt(shop: Shop) -> None:
    order = shop.order()
    first, second = shop.click(order), shop.click(order)
    assert first["params"]["merchant_uid"] == second["params"]["merchant_uid"]
    assert Payment.objects.count() == 1


def test_two_buttons_with_other_options_share_the_attempt_and_show_their_own_window(shop: Shop) -> None:
    order = shop.order()
    card, account = shop.click(order, pay_method="card"), shop.click(order, pay_method="vbank")
    assert card["params"]["merchant_uid"] == account["params"]["merchant_uid"]
    assert (card["params"]["pay_method"], account["params"]["pay_method"]) == ("card", "vbank")


def test_an_expired_attempt_is_asked_about_and_replaced(shop: Shop) -> None:
    order = shop.order()
    first = shop.click(order)
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    second = shop.click(order)
    assert first["params"]["merchant_uid"] != second["params"]["merchant_uid"]
    assert shop.payment(first).state == "expired"


def test_an_expired_attempt_that_was_paid_is_settled_instead_of_replaced(shop: Shop) -> None:
    order = shop.order()
    shop.pay(order)
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    second = shop.click(order)
    order.refresh_from_db()
    assert (second["action"], order.state, Payment.objects.count()) == ("redirect", "paid", 1)
    assert shop.delivered(order) == 1


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "drop_after", "http_502", "http_500", "html_200"])
def test_no_second_attempt_while_nobody_can_tell_about_the_first(shop: Shop, fault: str) -> None:
    order = shop.order()
    shop.pay(order)
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    shop.sandbox.faults.add(fault, path="/payments/findAll/*", times=99)
    assert shop.click(order)["action"] == "redirect"
    assert Payment.objects.count() == 1


def test_a_paid_order_opens_no_window(shop: Shop) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    shop.callback(started, imp_uid)
    again = shop.click(order)
    assert again["action"] == "redirect"
    assert again["url"] == started["result_url"]


def test_a_cart_changed_in_another_tab_sells_the_new_terms_in_a_new_attempt(shop: Shop) -> None:
    order = shop.order(amount=10000)
    old = shop.click(order)
    order.change(amount=15000)
    new = shop.click(order)
    assert (old["params"]["amount"], new["params"]["amount"]) == (10000, 15000)
    assert old["params"]["merchant_uid"] != new["params"]["merchant_uid"]
    assert shop.payment(old).amount == 10000


def test_the_old_window_of_a_changed_cart_does_not_pay_the_new_order(shop: Shop) -> None:
    order = shop.order(amount=10000)
    old = shop.click(order)
    imp_uid = shop.window(old)
    order.change(amount=15000)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    assert shop.callback(old, imp_uid)["state"] == "checking"
    order.refresh_from_db()
    payment = shop.payment(old)
    assert (order.state, payment.state, payment.hold_reason) == ("open", "paid", "order_changed")
    assert shop.delivered(order) == 0
    assert shop.delivered(order, "payment_held") == 1
    assert shop.click(order)["action"] == "redirect", "the customer must not be charged again meanwhile"


def test_two_paid_attempts_of_one_order_deliver_once_and_hold_the_second(shop: Shop) -> None:
    order = shop.order()
    first = shop.click(order)
    old_window = shop.window(first)
    Payment.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    second, new_window = shop.pay(order)
    shop.callback(second, new_window)
    shop.sandbox.approve(old_window, pay_method="card", card_code="366")
    assert shop.callback(first, old_window)["state"] == "checking"
    late = shop.payment(first)
    assert (late.state, late.hold_reason, late.paid_slot) == ("paid", "duplicate", None)
    assert shop.delivered(order) == 1
    assert shop.delivered(order, "payment_held") == 1
    assert [each.pk for each in Payment.objects.is_held()] == [late.pk]


@pytest.mark.parametrize("close", ["cancel", "expire"])
def test_money_for_a_closed_order_is_held_and_visible(shop: Shop, close: str) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    if close == "cancel":
        order.cancel()
    else:
        Order.objects.update(state="expired")
    assert shop.callback(started, imp_uid)["state"] == "checking"
    order.refresh_from_db()
    assert (order.is_paid, shop.payment(started).hold_reason) == (False, "late")
    assert shop.delivered(order) == 0
    assert shop.delivered(order, "payment_held") == 1


def test_money_for_a_closed_order_delivers_where_the_shop_accepts_it(shop: Shop, settings: Any) -> None:
    with_portone_settings(settings, LATE_PAYMENT="accept")
    order = shop.order()
    started, imp_uid = shop.pay(order)
    order.cancel()
    assert shop.callback(started, imp_uid)["state"] == "paid"
    assert shop.delivered(order) == 1


def test_a_quarantined_attempt_leaves_the_order_payable(shop: Shop) -> None:
    order = shop.order(amount=10000)
    shop.sandbox.faults.add("http_500", method="POST", path="/payments/prepare", times=5)
    started, imp_uid = shop.pay(order, amount=1)
    shop.callback(started, imp_uid)
    assert shop.payment(started).state == "quarantined"
    shop.sandbox.faults.clear()
    again, imp_uid = shop.pay(order)
    assert shop.callback(again, imp_uid)["state"] == "paid"
    assert shop.delivered(order) == 1


def test_another_way_gives_up_the_virtual_account_and_its_late_deposit_is_held(shop: Shop) -> None:
    order = shop.order()
    account = shop.click(order, pay_method="vbank")
    waiting = shop.window(account)
    shop.sandbox.issue_vbank(waiting, bank_code="088")
    shop.callback(account, waiting)
    assert shop.click(order)["action"] == "redirect"
    card = shop.click(order, another=True)
    imp_uid = shop.window(card)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(card, imp_uid)
    shop.sandbox.deposit(waiting)
    shop.payment(account).sync()
    order.refresh_from_db()
    assert (order.state, shop.payment(account).hold_reason) == ("paid", "duplicate")
    assert shop.delivered(order) == 1


@pytest.mark.parametrize("trouble", [None, "http_500", "timeout_after"])
def test_another_way_closes_the_account_where_the_key_of_inicis_is_known(
    shop: Shop, settings: Any, trouble: str | None
) -> None:
    channel = {**settings.PORTONE["CHANNELS"]["checkout"], "pg_api_key": "not-a-real-key"}
    with_portone_settings(settings, CHANNELS={"checkout": channel})
    order = shop.order()
    account = shop.click(order, pay_method="vbank")
    waiting = shop.window(account)
    shop.sandbox.issue_vbank(waiting, bank_code="088")
    shop.callback(account, waiting)
    if trouble:
        shop.sandbox.faults.add(trouble, method="DELETE", path="/vbanks/*")
    card = shop.click(order, another=True)
    assert card["action"] == "open"
    assert shop.sandbox.payment(waiting)["status"] == ("ready" if trouble == "http_500" else "failed")
    assert shop.payment(account).state in ("failed", "expired")


def test_looking_at_an_old_attempt_again_does_not_open_an_order_that_awaits_its_deposit(shop: Shop) -> None:
    order = shop.order()
    failed = shop.click(order)
    shop.sandbox.fail(shop.window(failed), "사용자가 결제를 취소하셨습니다")
    shop.payment(failed).sync()
    account = shop.click(order, pay_method="vbank")
    shop.sandbox.issue_vbank(shop.window(account), bank_code="088")
    shop.payment(account).sync()
    shop.payment(failed).sync()
    order.refresh_from_db()
    assert order.state == "awaiting_deposit"


def test_an_order_past_its_time_opens_no_window(shop: Shop) -> None:
    order = shop.order(expires_at=timezone.now() + dt.timedelta(hours=1))
    Order.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    answer = shop.click(order)
    assert (answer["status"], answer["error"]["code"]) == (409, "order_expired")
    assert not Payment.objects.exists()


def test_a_deposit_that_arrives_while_another_way_is_chosen_is_settled_not_lost(shop: Shop, settings: Any) -> None:
    order = shop.order()
    account = shop.click(order, pay_method="vbank")
    waiting = shop.window(account)
    shop.sandbox.issue_vbank(waiting, bank_code="088")
    shop.callback(account, waiting)
    shop.sandbox.deposit(waiting)
    assert shop.click(order, another=True)["action"] == "redirect"
    order.refresh_from_db()
    assert (order.state, shop.delivered(order)) == ("paid", 1)


def test_a_dead_portone_opens_the_window_without_a_registered_amount(shop: Shop) -> None:
    shop.sandbox.faults.add("refuse", path="/payments/prepare", times=9)
    started = shop.click(shop.order())
    assert started["action"] == "open"
    assert not shop.payment(started).is_prepared


def test_an_amount_that_was_registered_before_is_registered_anew(shop: Shop) -> None:
    order = shop.order()
    shop.sandbox.faults.add("timeout_after", method="POST", path="/payments/prepare")
    assert not shop.payment(shop.click(order)).is_prepared
    assert shop.payment(shop.click(order)).is_prepared


def test_a_channel_nobody_described_is_learned_from_portone_once(shop: Shop, settings: Any) -> None:
    key = settings.PORTONE["CHANNELS"]["checkout"]["channel_key"]
    with_portone_settings(settings, CHANNELS={"checkout": {"channel_key": key}})
    payment = shop.payment(shop.click(shop.order()))
    assert (payment.expected_pg_provider, payment.expected_pg_id, payment.expected_sandbox) == (
        "html5_inicis", "INIpayTest", True,
    )  # fmt: skip
    shop.sandbox.faults.add("http_500", path="/users/pg", times=9)
    assert shop.click(shop.order())["action"] == "open"


def test_a_channel_portone_does_not_know_takes_no_money(shop: Shop, settings: Any) -> None:
    with_portone_settings(settings, CHANNELS={"checkout": {"channel_key": "channel-key-of-nobody"}})
    answer = shop.click(shop.order())
    assert (answer["status"], answer["error"]["code"]) == (503, "misconfigured")
    assert not Payment.objects.exists()


def test_hosts_that_the_client_names_do_not_reach_the_parameters(shop: Shop) -> None:
    order = shop.order()
    config = shop.config(order)
    response = shop.browser.post(
        config["start_url"],
        {"token": config["token"]},
        content_type="application/json",
        headers={"host": "localhost", "x-forwarded-host": "evil.example"},
    )
    params = response.json()["params"]
    for url in ("m_redirect_url", "notice_url", "confirm_url"):
        assert params[url].startswith("https://shop.example/portone/")


def test_the_phones_way_back_has_no_query(shop: Shop) -> None:
    assert "?" not in shop.click(shop.order())["params"]["m_redirect_url"]


def test_an_edited_button_token_starts_nothing(shop: Shop) -> None:
    config = shop.config(shop.order())
    answer = shop.browser.post(
        config["start_url"], {"token": config["token"][:-2] + "xx"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_token")
    assert not Payment.objects.exists()


def test_the_attempts_birth_is_on_the_timeline(shop: Shop) -> None:
    order = shop.order()
    shop.click(order)
    assert list(Event.objects.filter(order=order).order_by("id").values_list("kind", flat=True)) == [
        "order.created", "payment.created",
    ]  # fmt: skip


@pytest.mark.postgresql
@pytest.mark.slow
def test_thirty_simultaneous_clicks_make_one_attempt_forty_times(shop: Shop) -> None:
    rounds, clicks = 40, 30
    terms = Terms("checkout", {})
    problems: list[BaseException] = []
    barrier = threading.Barrier(clicks)
    orders = [shop.order() for _ in range(rounds)]

    def click_all() -> None:
        try:
            for order in orders:
                barrier.wait(60)
                start_attempt(Order.objects.get(pk=order.pk), terms)
        except BaseException as problem:
            problems.append(problem)
            barrier.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=click_all) for _ in range(clicks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert Payment.objects.count() == rounds


def test_a_virtual_account_gets_the_days_of_the_settings(shop: Shop, settings: Any) -> None:
    with_portone_settings(settings, VBANK_DAYS=5)
    before = timezone.localdate() + dt.timedelta(days=5)
    due = shop.click(shop.order(), pay_method="vbank")["params"]["vbank_due"]
    after = timezone.localdate() + dt.timedelta(days=5)
    assert due[:8] in (f"{before:%Y%m%d}", f"{after:%Y%m%d}")
    assert "vbank_due" not in shop.click(shop.order(), pay_method="card")["params"]


def test_a_button_may_name_its_channel_as_portone_does(shop: Shop, settings: Any) -> None:
    checkout = settings.PORTONE["CHANNELS"]["checkout"]
    other = {"pg": "html5_inicis.INIpayTest", "pg_provider": "html5_inicis", "pg_id": "INIpayTest", "sandbox": True}
    with_portone_settings(settings, CHANNELS={"checkout": checkout, "older": other})
    order = shop.order()
    assert shop.click(order, channelKey=checkout["channel_key"])["params"]["channelKey"] == checkout["channel_key"]
    by_pg = shop.click(order, pg="html5_inicis.INIpayTest")
    assert (by_pg["params"]["pg"], shop.payment(by_pg).channel) == ("html5_inicis.INIpayTest", "older")
    assert "channelKey" not in by_pg["params"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"channelKey": "channel-key-x", "pg": "html5_inicis.INIpayTest"}, "both given"),
        ({"channelKey": "channel-key-x"}, "no configured channel"),
        ({"pg": "html5_inicis.OTHER"}, "no configured channel"),
        ({"pg": "kcp.OTHER"}, "html5_inicis"),
        ({"channelKey": "channel-key-x", "channel": "checkout"}, "keep one"),
    ],
)
def test_a_channel_that_is_not_configured_is_refused_by_name(
    shop: Shop, settings: Any, options: dict[str, str], says: str
) -> None:
    settings.DEBUG = True
    with pytest.raises(InvalidOption, match=says):
        shop.page(shop.order(), **options)
