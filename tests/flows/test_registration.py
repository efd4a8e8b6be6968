"""A card is registered: the whole way, whose card it is, and one uid for one registration."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from portone_django import clock
from portone_django.billing import billing
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import CardData, get_client
from portone_django.models import BillingKey, Order, Payment
from tests.members import Members
from tests.registering import BILLING, CHECKOUT, approved, calls, count_calls, kinds, let_it_expire, make_due
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


# The whole way ---------------------------------------------------------------------------------------------------


def test_a_card_is_registered_from_the_button_to_the_callback(shop: Shop, user: Any) -> None:
    key = shop.register(user)
    assert (key.state, key.customer, key.is_default) == ("active", user, True)
    assert (key.card_name, key.card_number) == ("신한카드", "559410*********0")
    assert key.next_check_at is None
    assert shop.effects == [("card_registered", key.pk)]
    assert kinds(key) == ["billing_key.created", "billing_key.registered"]


def test_nothing_is_charged_and_no_payment_is_written(shop: Shop, user: Any) -> None:
    shop.register(user, amount=9900)
    assert (Order.objects.count(), Payment.objects.count()) == (0, 0)


def test_the_row_is_there_before_the_window_knows_the_uids(shop: Shop, user: Any) -> None:
    started = shop.press_register(user, amount=9900, language="en")
    params, key = started["params"], shop.billing_key(started)
    assert (params["customer_uid"], params["merchant_uid"]) == (key.customer_uid, key.issue_uid)
    assert (params["pay_method"], params["amount"], params["language"]) == ("card", 9900, "en")
    assert (params["channelKey"], params["notice_url"]) == (BILLING, "https://shop.example/portone/webhook/")
    assert params["m_redirect_url"].startswith("https://shop.example/portone/return/")
    assert "confirm_url" not in params
    assert (key.state, key.customer) == ("pending", user)
    assert key.next_check_at
    assert kinds(key) == ["billing_key.created"]


def test_the_first_card_is_the_default_and_the_second_is_not(shop: Shop, user: Any, other: Any) -> None:
    first, second = shop.register(user), shop.register(user)
    assert (first.is_default, second.is_default) == (True, False)
    assert list(billing(user).cards()) == [first, second]
    assert billing(user).default_card == first
    assert shop.register(other).is_default


def test_after_the_default_became_unusable_the_next_card_is_the_default(shop: Shop, user: Any) -> None:
    first = shop.register(user)
    BillingKey.objects.filter(pk=first.pk).update(state="unusable")
    assert billing(user).default_card is None
    assert shop.register(user).is_default
    first.refresh_from_db()
    assert not first.is_default


# Whose card: A16 -------------------------------------------------------------------------------------------------


def test_another_user_cannot_use_the_token_of_a_button(shop: Shop, user: Any, other: Any) -> None:
    config = shop.card_config(user)
    count_calls(shop)
    assert shop.start_card(other, config)["error"]["code"] == "other_user"
    assert shop.start_card(other, config)["status"] == 403
    assert (BillingKey.objects.count(), calls(shop)) == (0, 0)


def test_a_visitor_cannot_use_it_either(shop: Shop, user: Any) -> None:
    answer = shop.start_card(None, shop.card_config(user))
    assert (answer["status"], answer["error"]["code"]) == (403, "login")
    assert not BillingKey.objects.exists()


@pytest.mark.parametrize("token", ["", "forged", "a:b:c"])
def test_a_forged_token_starts_nothing(shop: Shop, user: Any, token: str) -> None:
    answer = shop.start_card(user, {**shop.card_config(user), "token": token})
    assert (answer["status"], answer["error"]["code"]) == (400, "bad_token")
    assert not BillingKey.objects.exists()


def test_the_token_of_a_pay_button_registers_no_card(shop: Shop, user: Any) -> None:
    answer = shop.start_card(user, {**shop.card_config(user), "token": shop.config(shop.order())["token"]})
    assert answer["error"]["code"] == "bad_token"


def test_no_uid_in_a_request_is_taken(shop: Shop, user: Any, other: Any) -> None:
    """User A posts B's uids to every door that a registration has."""
    theirs = shop.register(other)
    stolen = {"customer_uid": theirs.customer_uid, "merchant_uid": theirs.issue_uid, "issue_uid": theirs.issue_uid}
    started = shop.start_card(user, shop.card_config(user), **stolen, customer=other.pk)
    key = shop.billing_key(started)
    assert key.customer == user
    assert not {key.customer_uid, key.issue_uid} & {theirs.customer_uid, theirs.issue_uid}

    shop.callback(started, theirs.issue_imp_uid, **stolen)
    shop.come_back(started, **stolen, imp_uid=theirs.issue_imp_uid)
    key.refresh_from_db()
    assert (key.state, key.customer) == ("pending", user)
    theirs.refresh_from_db()
    assert theirs.customer == other


def test_a_record_of_another_customer_uid_registers_nothing(shop: Shop, user: Any, other: Any) -> None:
    """The browser gave the window B's customer_uid: PortOne has replaced B's card, and A gets nothing for it."""
    theirs = shop.register(other)
    started, imp_uid = approved(shop, user, customer_uid=theirs.customer_uid)
    answer = shop.callback(started, imp_uid)
    key = shop.billing_key(started)
    assert (answer["state"], key.state) == ("checking", "failed")
    assert "customer_uid" in key.quarantine_reason
    assert not billing(user).cards().exists()
    assert shop.effects[-1] == ("card_failed", key.pk)


def test_a_record_of_another_customer_uid_counts_not_even_beside_a_card_of_ours(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user, customer_uid="tsomebodyelses")
    get_client().issue_billing_key(
        started["params"]["customer_uid"], CardData("5594100000000000", "2033-12", "880101", "11"), channel_key=BILLING
    )
    shop.callback(started, imp_uid)
    assert shop.billing_key(started).state == "failed"


def test_a_card_without_a_record_of_its_registration_is_not_believed(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    get_client().issue_billing_key(
        started["params"]["customer_uid"], CardData("5594100000000000", "2033-12", "880101", "11"), channel_key=BILLING
    )
    assert shop.callback(started, None)["state"] == "confirming"
    key = shop.billing_key(started)
    long_ago = clock.wall() - dt.timedelta(days=3)
    BillingKey.objects.filter(pk=key.pk).update(created_at=long_ago, expires_at=long_ago)
    make_due()
    reconcile()
    key.refresh_from_db()
    assert (key.state, key.quarantine_reason) == ("failed", "PortOne shows the card and no registration of it")


def test_a_record_without_a_card_is_not_believed(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    get_client().delete_billing_key(started["params"]["customer_uid"])
    assert shop.callback(started, imp_uid)["state"] == "confirming"
    let_it_expire(started)
    make_due()
    reconcile()
    assert shop.billing_key(started).state == "failed"


def test_a_payment_under_the_uid_of_a_registration_registers_nothing_and_shows_in_the_comparison(
    shop: Shop, user: Any
) -> None:
    """The browser left customer_uid out: real money, for nothing that we sell."""
    started, imp_uid = approved(shop, user, customer_uid=None, amount=5000, channelKey=CHECKOUT)
    shop.callback(started, imp_uid)
    key = shop.billing_key(started)
    assert (key.state, "customer_uid_usage" in key.quarantine_reason) == ("failed", True)
    assert not Payment.objects.exists()


def test_a_registration_on_another_channel_is_not_believed(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    BillingKey.objects.update(expected_pg_id="MOIother01")
    shop.callback(started, imp_uid)
    assert "pg_id: MOIother01 → INIBillTst" in shop.billing_key(started).quarantine_reason


def test_a_test_card_is_not_believed_where_no_test_payments_are(shop: Shop, user: Any, settings: Any) -> None:
    started, imp_uid = approved(shop, user)
    settings.PORTONE = {**settings.PORTONE, "ACCEPT_TEST_PAYMENTS": False}
    shop.callback(started, imp_uid)
    assert "ACCEPT_TEST_PAYMENTS" in shop.billing_key(started).quarantine_reason


def test_a_registration_older_than_its_row_is_of_another_database(shop: Shop, user: Any) -> None:
    started, imp_uid = approved(shop, user)
    BillingKey.objects.update(created_at=clock.wall() + dt.timedelta(minutes=10))
    shop.callback(started, imp_uid)
    assert "started_at" in shop.billing_key(started).quarantine_reason


# One uid for one registration: A17 -------------------------------------------------------------------------------


def test_every_click_has_uids_of_its_own(shop: Shop, user: Any) -> None:
    config = shop.card_config(user)
    started = [shop.start_card(user, config) for _ in range(5)]
    uids = [each["params"][name] for each in started for name in ("customer_uid", "merchant_uid")]
    assert len(set(uids)) == 10
    assert all(re.fullmatch("t[a-z2-7]{24}|t[a-z2-7]{32}", uid) for uid in uids)


def test_a_try_after_a_failure_takes_a_new_uid(shop: Shop, user: Any) -> None:
    started = shop.press_register(user)
    shop.sandbox.fail(shop.window(started), "사용자가 결제를 취소하셨습니다")
    shop.callback(started, None, error_msg="cancelled")
    assert shop.billing_key(started).state == "failed"
    key = shop.register(user)
    assert key.customer_uid != started["params"]["customer_uid"]


def test_the_old_card_is_replaced_and_deleted_only_after_the_new_one_works(shop: Shop, user: Any) -> None:
    old = shop.register(user)
    started = shop.press_register(user, replaces=old)
    imp_uid = shop.window(started)
    reconcile()
    old.refresh_from_db()
    assert (old.state, old.is_default, old.deletion) == ("active", True, "")

    shop.sandbox.approve(imp_uid, pay_method="card", card_code="381")
    shop.callback(started, imp_uid)
    new = shop.billing_key(started)
    old.refresh_from_db()
    assert (new.state, new.is_default) == ("active", True)
    assert (old.state, old.is_default, old.deletion) == ("superseded", False, "requested")
    assert get_client().get_billing_key(old.customer_uid)

    make_due()
    reconcile()
    old.refresh_from_db()
    assert (old.state, old.deletion) == ("deleted", "")
    assert get_client().get_billing_keys([old.customer_uid, new.customer_uid]) == [
        get_client().get_billing_key(new.customer_uid)
    ]


def test_a_replacement_that_fails_leaves_the_old_card_alone(shop: Shop, user: Any) -> None:
    old = shop.register(user)
    started = shop.press_register(user, replaces=old)
    shop.sandbox.fail(shop.window(started), "사용자가 결제를 취소하셨습니다")
    shop.callback(started, None, error_msg="cancelled")
    make_due()
    reconcile()
    old.refresh_from_db()
    assert (old.state, old.is_default) == ("active", True)
    assert get_client().get_billing_key(old.customer_uid)


def test_the_subscriptions_of_the_old_card_pay_with_the_new_one(shop: Shop, members: Members) -> None:
    subscription = members.subscribed()
    old = subscription.billing_key
    assert old
    new = shop.register(subscription.customer, replaces=old)
    subscription.refresh_from_db()
    assert subscription.billing_key == new
    assert len(members.charges(subscription)) == 1, "nothing was open"
    members.renew(subscription)
    assert [each.billing_key for each in members.charges(subscription)] == [old, new]


def test_the_new_card_pays_the_open_bill_at_once(shop: Shop, members: Members) -> None:
    subscription = members.subscribed()
    old = members.change_card(subscription, "5594100000001254")
    members.renew(subscription)
    assert subscription.state == "past_due"
    new = shop.register(subscription.customer, replaces=old)
    subscription.refresh_from_db()
    assert (subscription.state, subscription.billing_key) == ("active", new)
    assert members.taken(subscription) == [9900, 9900]


def test_a_card_replaced_while_a_charge_is_unknown_charges_nothing_beside_it(shop: Shop, members: Members) -> None:
    """D9: no new attempt while one is open; the old card is not deleted before it is decided."""
    subscription = members.subscribed()
    old = subscription.billing_key
    assert old
    shop.sandbox.faults.add("http_500", path="/subscribe/payments/again")
    members.renew(subscription)
    assert [each.state for each in members.charges(subscription)] == ["paid", "unknown"]

    new = shop.register(subscription.customer, replaces=old)
    subscription.refresh_from_db()
    assert subscription.billing_key == new
    assert [each.state for each in members.charges(subscription)] == ["paid", "unknown"]
    make_due()
    reconcile()
    old.refresh_from_db()
    assert (old.state, old.deletion) == ("superseded", "requested"), "its charge is not decided"

    members.settle()
    assert len(members.taken(subscription)) == 2
    make_due()
    reconcile()
    old.refresh_from_db()
    assert old.state == "deleted"


def test_a_card_for_a_subscription_begins_it_within_the_callback(shop: Shop, members: Members) -> None:
    from portone_django.subscriptions import subscribe

    user = members.user()
    subscription = subscribe(user, members.price())
    started = shop.press_register(user, subscription=subscription)
    assert (started["params"]["amount"], started["params"]["name"]) == (9900, str(subscription.price)[:40])
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    assert shop.callback(started, imp_uid)["state"] == "registered"
    subscription.refresh_from_db()
    assert (subscription.state, subscription.billing_key) == ("active", shop.billing_key(started))
    assert members.taken(subscription) == [9900]


def test_found_by_the_sweep_the_first_bill_is_the_engines(shop: Shop, members: Members) -> None:
    from portone_django.subscriptions import subscribe

    user = members.user()
    subscription = subscribe(user, members.price())
    started = shop.press_register(user, subscription=subscription)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    make_due()
    reconcile()
    assert [each.state for each in members.charges(subscription)] == ["created"]
    members.engine()
    subscription.refresh_from_db()
    assert subscription.state == "active"
    assert members.taken(subscription) == [9900]


def test_a_registration_that_turns_out_well_late_takes_nothing_from_a_newer_card(shop: Shop, members: Members) -> None:
    from portone_django.subscriptions import subscribe

    user = members.user()
    subscription = subscribe(user, members.price())
    late = shop.press_register(user, subscription=subscription)
    late_imp_uid = shop.window(late)
    used = shop.register(user, subscription=subscription)
    shop.sandbox.approve(late_imp_uid, pay_method="card", card_code="366")
    shop.callback(late, late_imp_uid)
    assert shop.billing_key(late).state == "active"
    subscription.refresh_from_db()
    assert subscription.billing_key == used
