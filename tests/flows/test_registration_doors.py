"""Whichever door brings the news of a registration, in any order, PortOne's two answers decide."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from django.db import transaction

from portone_django import clock
from portone_django.flows.comparing import compare
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.registration import sync_registration
from portone_django.flows.webhooks import process_due
from portone_django.gateway import get_client
from portone_django.models import BillingKey, Payment, ReconciliationBreak, WebhookDelivery
from tests.registering import BILLING, CHECKOUT, approved, calls, count_calls, kinds, let_it_expire, make_due
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


# Every door, in any order ----------------------------------------------------------------------------------------

DOORS = ("callback", "return", "webhook", "sweep")


def knock(shop: Shop, door: str, started: dict[str, Any], imp_uid: str) -> None:
    if door == "callback":
        shop.callback(started, imp_uid)
    elif door == "return":
        shop.come_back(started, imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"])
    elif door == "webhook":
        shop.webhook(imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"], status="paid")
        process_due()
    else:
        make_due()
        reconcile()


@pytest.mark.parametrize("doors", list(itertools.permutations(DOORS)), ids="-".join)
def test_any_door_first_and_all_of_them_twice_end_in_one_registration(
    shop: Shop, user: Any, doors: tuple[str, ...]
) -> None:
    started, imp_uid = approved(shop, user)
    for number, door in enumerate((*doors, *doors)):
        knock(shop, door, started, imp_uid)
        key = shop.billing_key(started)
        assert key.state == "active", (number, door)
    assert key.issue_imp_uid == imp_uid
    assert shop.effects == [("card_registered", key.pk)]
    assert kinds(key) == ["billing_key.created", "billing_key.registered"]


@pytest.mark.parametrize("door", DOORS)
def test_through_no_door_does_an_unfinished_window_register(shop: Shop, user: Any, door: str) -> None:
    started = shop.press_register(user)
    knock(shop, door, started, shop.window(started))
    key = shop.billing_key(started)
    assert (key.state, key.next_check_at is not None) == ("pending", True)


def test_a_phone_comes_back_to_a_page_that_shows_the_card(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    response = shop.come_back(started, imp_uid=imp_uid)
    assert response.status_code == 200
    assert response.redirect_chain == [(started["result_url"], 303)]
    assert "559410*********0" in response.content.decode()


def test_a_webhook_of_a_registration_is_one_row_and_no_payment(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    for _ in range(3):
        shop.webhook(imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"], status="paid")
    assert WebhookDelivery.objects.get().count == 3
    assert process_due() == 1
    assert shop.billing_key(started).state == "active"
    assert not Payment.objects.exists()


def test_an_inline_webhook_registers_in_its_own_request(shop: Shop, user: Any, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": "inline"}
    started, imp_uid = approved(shop, user)
    shop.webhook(imp_uid=imp_uid, merchant_uid=started["params"]["merchant_uid"], status="paid")
    assert shop.billing_key(started).state == "active"
    assert WebhookDelivery.objects.get().due_at is None


def test_a_registration_that_is_known_costs_no_call(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    shop.callback(started, imp_uid)
    count_calls(shop)
    for door in DOORS:
        knock(shop, door, started, imp_uid)
    assert shop.browser.get(started["status_url"]).json()["state"] == "registered"
    assert calls(shop) == 0


def test_the_status_asks_portone_at_most_every_few_seconds(shop: Shop, user: Any) -> None:
    started, _ = approved(shop, user)
    BillingKey.objects.update(checked_at=clock.wall())
    count_calls(shop)
    assert shop.browser.get(started["status_url"]).json() == {
        "state": "confirming", "final": False, "url": started["result_url"],
    }  # fmt: skip
    assert calls(shop) == 0
    BillingKey.objects.update(checked_at=clock.wall() - dt.timedelta(seconds=4))
    assert shop.browser.get(started["status_url"]).json()["state"] == "registered"


def test_the_status_of_the_record_need_not_be_paid(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    held = shop.sandbox.payments.get(imp_uid)
    held.record["status"] = "ready"
    shop.sandbox.payments.save(held, shop.sandbox.now())
    assert shop.callback(started, imp_uid)["state"] == "registered"


# It came to nothing ----------------------------------------------------------------------------------------------


def test_a_window_that_failed_says_why(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_number="5594100000001214")
    answer = shop.callback(started, None, error_msg="x")
    key = shop.billing_key(started)
    assert (answer["state"], key.state, key.fail_reason) == ("failed", "failed", "[1214] 카드번호 오류")
    assert "[1214] 카드번호 오류" in answer["message"]
    assert shop.effects == [("card_failed", key.pk)]


def test_a_window_that_was_only_closed_leaves_it_open(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.window(started)
    assert shop.callback(started, None, error_msg="closed")["state"] == "failed"
    key = shop.billing_key(started)
    assert (key.state, shop.effects) == ("pending", [])


def test_a_window_nobody_finished_fails_when_its_time_is_over(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.window(started)
    make_due()
    reconcile()
    assert shop.billing_key(started).state == "pending"
    let_it_expire(started)
    make_due()
    reconcile()
    key = shop.billing_key(started)
    assert (key.state, key.next_check_at is not None) == ("failed", True)
    assert shop.effects == [("card_failed", key.pk)]


def test_late_evidence_registers_what_had_failed(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    imp_uid = shop.window(started)
    let_it_expire(started)
    make_due()
    reconcile()
    assert shop.billing_key(started).state == "failed"
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    make_due()
    reconcile()
    key = shop.billing_key(started)
    assert (key.state, key.fail_reason, key.is_default) == ("active", "", True)
    assert shop.effects == [("card_failed", key.pk), ("card_registered", key.pk)]


def test_a_failed_registration_is_watched_for_a_day_after_its_window_and_no_longer(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    let_it_expire(started)
    make_due()
    reconcile()
    long_ago = clock.wall() - dt.timedelta(days=2)
    BillingKey.objects.update(created_at=long_ago, expires_at=long_ago + dt.timedelta(minutes=30))
    make_due()
    reconcile()
    key = shop.billing_key(started)
    assert (key.state, key.next_check_at) == ("failed", None)


@pytest.mark.parametrize("fault", ["http_500", "malformed", "http_503"])
def test_an_answer_that_is_none_proves_nothing(shop: Shop, user: Any, fault: str) -> None:
    started, imp_uid = approved(shop, user)
    shop.sandbox.faults.add(fault, path="/*", times=20)
    assert shop.callback(started, imp_uid)["state"] == "confirming"
    key = shop.billing_key(started)
    assert (key.state, key.next_check_at is not None) == ("pending", True)
    shop.sandbox.faults.clear()
    make_due()
    reconcile()
    assert shop.billing_key(started).state == "active"


def test_every_pending_registration_has_a_next_look(shop: Shop, user: Any) -> None:
    """I-8, whatever happened to it."""
    for fault in ("http_500", "malformed", None):
        started = shop.press_register(user)
        if fault:
            shop.sandbox.faults.add(fault, path="/*", times=20)
        shop.callback(started, None)
        shop.sandbox.faults.clear()
    pending = BillingKey.objects.filter(state="pending")
    assert (pending.count(), pending.filter(next_check_at=None).count()) == (3, 0)


def test_twenty_registrations_that_come_to_nothing_are_enough_for_an_hour(shop: Shop, user: Any, other: Any) -> None:
    config = shop.card_config(user)
    answers = [shop.start_card(user, config)["status"] for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert shop.press_register(other)["status"] == 200
    BillingKey.objects.update(created_at=clock.wall() - dt.timedelta(hours=1, seconds=1))
    assert shop.start_card(user, config)["status"] == 200


def test_a_card_that_was_registered_does_not_count_against_its_customer(shop: Shop, user: Any) -> None:
    shop.register(user)
    BillingKey.objects.filter(customer=user).update(state="deleted")
    config = shop.card_config(user)
    assert {shop.start_card(user, config)["status"] for _ in range(20)} == {200}


# No revenue ------------------------------------------------------------------------------------------------------


def test_the_comparison_misses_no_payment_for_a_registration(
    shop: Shop, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portone_django.flows.comparison_runs.SETTLED_FOR", dt.timedelta(seconds=-60))
    shop.register(user, amount=9900)
    shop.paid()
    progress = compare()
    assert progress
    assert progress.is_over
    assert (progress.found, ReconciliationBreak.objects.count()) == (0, 0)


def test_the_comparison_shows_money_that_was_taken_under_the_uid_of_a_registration(
    shop: Shop, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portone_django.flows.comparison_runs.SETTLED_FOR", dt.timedelta(seconds=-60))
    started, _ = approved(shop, user, customer_uid=None, amount=5000, channelKey=CHECKOUT)
    compare()
    found = ReconciliationBreak.objects.get()
    assert (found.kind, found.merchant_uid) == ("unknown_here", started["params"]["merchant_uid"])


def test_the_record_of_a_registration_never_settles_a_payment(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    imp_uid = shop.window(started, customer_uid="tsomebody", channelKey=BILLING)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    order.refresh_from_db()
    assert (order.state, shop.payment(started).state) == ("open", "quarantined")
    assert shop.delivered(order) == 0


# The account is gone ---------------------------------------------------------------------------------------------


def test_a_card_that_turns_out_registered_after_its_account_is_gone_is_deleted(shop: Shop, user: Any) -> None:
    started, _ = approved(shop, user)
    user.delete()
    make_due()
    reconcile()
    key = shop.billing_key(started)
    assert (key.state, key.deletion, shop.effects) == ("active", "requested", [])
    make_due()
    reconcile()
    assert shop.billing_key(started).state == "deleted"
    assert get_client().get_billing_keys([key.customer_uid]) == []


def test_asking_is_refused_inside_a_transaction(shop: Shop, user: Any) -> None:
    started, _ = approved(shop, user)
    key = shop.billing_key(started)
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic():
        sync_registration(key, source="test")
