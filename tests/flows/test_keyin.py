"""Cards typed into the shop's page: off by default, sent once, decided by asking, and nothing typed is kept."""

from __future__ import annotations

import datetime as dt
import http.client
import io
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.views.debug import ExceptionReporter

from portone_django import clock
from portone_django.billing import billing
from portone_django.clock import later
from portone_django.exceptions import OrderNotOpen, PaymentPending, TooManyRegistrations
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import InsideTransaction
from portone_django.keyin import CardData, charge_card_once, register_card
from portone_django.models import BillingKey, Order, Payment
from tests.members import Members
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER, EXPIRY, BIRTH, PASSWORD = "5594109876543210", "2041-11", "870605", "73"
# In every way that they could be written down; two digits alone are in every timestamp.
CANARIES = (NUMBER, "5594-1098-7654-3210", "9876543210", EXPIRY, BIRTH, f"'{PASSWORD}'", f'"{PASSWORD}"')
FAULTS = ("http_500", "drop_after", "drop_before", "malformed", "refuse", "http_400", "http_403", "truncated")


@pytest.fixture(autouse=True)
def is_on(settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "KEY_IN": True}


def card(number: str = NUMBER) -> CardData:
    return CardData(number, EXPIRY, BIRTH, PASSWORD)


def sweep() -> None:
    for model in (BillingKey, Payment):
        model.objects.exclude(next_check_at=None).update(next_check_at=later(-1))
    reconcile()


def taken(shop: Shop, order: Order) -> int:
    uids = Payment.objects.filter(order=order).values_list("merchant_uid", flat=True)
    records = [record for uid in uids for record in shop.sandbox.payments_of(uid)]
    return sum(record["amount"] for record in records if record["status"] == "paid")


# Off -------------------------------------------------------------------------------------------------------------


def test_it_is_off_and_says_what_it_means(settings: Any, shop: Shop, user: Any) -> None:
    settings.PORTONE = {key: value for key, value in settings.PORTONE.items() if key != "KEY_IN"}
    for call in (lambda: register_card(user, card()), lambda: charge_card_once(shop.order(), card())):
        with pytest.raises(ImproperlyConfigured, match=r"SAQ D.*contract.*\"KEY_IN\": True"):
            call()
    assert not BillingKey.objects.exists()
    assert not Payment.objects.exists()


def test_only_card_data_is_taken(shop: Shop, user: Any) -> None:
    with pytest.raises(TypeError, match="CardData"):
        register_card(user, NUMBER)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="CardData"):
        charge_card_once(shop.order(), {"number": NUMBER})  # type: ignore[arg-type]


# Registering -----------------------------------------------------------------------------------------------------


def test_a_typed_card_is_registered_and_can_be_charged(shop: Shop, user: Any) -> None:
    key = register_card(user, card(), name="내 카드")
    assert (key.state, key.source, key.is_default, key.name) == ("active", "key_in", True, "내 카드")
    assert (key.card_number, key.issue_uid) == ("559410*********0", None)
    assert shop.effects == [("card_registered", key.pk)]
    assert key.charge(amount=5000, name="원두").state == "paid"


def test_a_refused_card_says_why(shop: Shop, user: Any) -> None:
    key = register_card(user, card("5594100000001214"))
    assert (key.state, "[1214]" in key.fail_reason) == ("failed", True)
    assert not billing(user).cards().exists()


@pytest.mark.parametrize("fault", ["http_500", "drop_after", "malformed"])
def test_a_registration_without_an_answer_is_found_by_the_sweep(shop: Shop, user: Any, fault: str) -> None:
    shop.sandbox.faults.add(fault, method="POST", path="/subscribe/customers/*")
    key = register_card(user, card())
    assert (key.state, key.next_check_at is not None) == ("pending", True)
    sweep()
    key.refresh_from_db()
    is_there = bool(shop.sandbox.keys.get(key.customer_uid))
    assert key.state == ("active" if is_there else "pending")
    BillingKey.objects.filter(pk=key.pk).update(expires_at=clock.now() - dt.timedelta(seconds=1))
    sweep()
    key.refresh_from_db()
    assert key.state == ("active" if is_there else "failed")
    assert BillingKey.objects.count() == 1, "nothing is sent a second time"


def test_typed_cards_are_tried_a_bounded_number_of_times(shop: Shop, user: Any) -> None:
    for _ in range(20):
        register_card(user, card("5594100000001214"))
    with pytest.raises(TooManyRegistrations):
        register_card(user, card())


def test_a_typed_card_replaces_and_pays_for_a_subscription(shop: Shop, members: Members) -> None:
    subscription = members.subscribed()
    old = members.change_card(subscription, "5594100000001254")
    members.renew(subscription)
    key = register_card(subscription.customer, card(), replaces=old)
    subscription.refresh_from_db()
    assert (subscription.state, subscription.billing_key) == ("active", key)


# Paying once -----------------------------------------------------------------------------------------------------


def test_a_typed_card_pays_an_order(shop: Shop) -> None:
    order = shop.order()
    payment = charge_card_once(order, card())
    order.refresh_from_db()
    assert (payment.state, order.state, shop.delivered(order)) == ("paid", "paid", 1)
    assert payment.billing_key is None
    assert taken(shop, order) == order.amount
    with pytest.raises(OrderNotOpen):
        charge_card_once(order, card())


def test_a_declined_card_leaves_the_order_to_be_paid(shop: Shop) -> None:
    order = shop.order()
    payment = charge_card_once(order, card("5594100000001254"))
    assert (payment.state, "잔액부족" in payment.fail_reason) == ("failed", True)
    assert charge_card_once(order, card()).state == "paid"
    assert taken(shop, order) == order.amount


def test_a_refusal_before_the_card_company_is_told_at_once(shop: Shop) -> None:
    payment = charge_card_once(shop.order(), card("5594100000001214"))
    assert (payment.state, "[1214]" in payment.fail_reason) == ("failed", True)
    assert payment.open_slot is None


@pytest.mark.parametrize("fault", ["http_500", "drop_after", "malformed", "truncated"])
def test_without_an_answer_nothing_is_sent_again_and_nothing_else_can_pay(shop: Shop, fault: str) -> None:
    order = shop.order()
    shop.sandbox.faults.add(fault, method="POST", path="/subscribe/payments/onetime")
    payment = charge_card_once(order, card())
    assert (payment.state, payment.next_check_at is not None) == ("unknown", True)
    with pytest.raises(PaymentPending):
        charge_card_once(order, card())
    if taken(shop, order) == 0:
        assert shop.click(order)["action"] == "redirect", "the window stays shut while it is unknown"
    sweep()
    payment.refresh_from_db()
    order.refresh_from_db()
    is_paid = taken(shop, order) == order.amount
    assert (payment.state, order.state) == (("paid", "paid") if is_paid else ("unknown", "open"))

    Payment.objects.filter(pk=payment.pk).update(expires_at=clock.now() - dt.timedelta(seconds=1))
    sweep()
    payment.refresh_from_db()
    assert payment.state == ("paid" if is_paid else "failed")
    if not is_paid:
        assert charge_card_once(order, card()).state == "paid"
    assert taken(shop, order) == order.amount


def test_what_was_surely_not_sent_can_be_tried_again_at_once(shop: Shop) -> None:
    order = shop.order()
    shop.sandbox.faults.add("refuse", path="/subscribe/payments/onetime")
    payment = charge_card_once(order, card())
    assert (payment.state, payment.fail_reason != "") == ("failed", True)
    assert charge_card_once(order, card()).state == "paid"


def test_late_money_of_a_closed_attempt_is_seen(shop: Shop) -> None:
    order = shop.order()
    shop.sandbox.faults.add("late_paid", merchant_uid="*", seconds=0, answer="failed")
    payment = charge_card_once(order, card())
    sweep()
    payment.refresh_from_db()
    order.refresh_from_db()
    assert (payment.state, order.state) == ("paid", "paid")


def test_a_recorded_amount_that_differs_is_not_believed(shop: Shop) -> None:
    order = shop.order()
    shop.sandbox.faults.add("tampered", merchant_uid="*", amount=100)
    assert charge_card_once(order, card()).state == "quarantined"


def test_an_open_window_is_given_up_and_money_in_it_counts(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order)
    assert charge_card_once(order, card()).state == "paid"
    assert shop.payment(started).state == "expired"

    paid = shop.order()
    shop.pay(paid)
    with pytest.raises(OrderNotOpen):
        charge_card_once(paid, card())
    assert taken(shop, paid) == paid.amount


def test_an_account_that_waits_for_its_deposit_is_not_given_up(shop: Shop) -> None:
    order = shop.order()
    started = shop.click(order, pay_method="vbank")
    imp_uid = shop.window(started)
    shop.sandbox.issue_vbank(imp_uid, bank_code="088")
    shop.callback(started, imp_uid)
    with pytest.raises(PaymentPending):
        charge_card_once(order, card())


def test_the_bill_of_a_subscription_is_not_paid_around_the_engine(members: Members) -> None:
    subscription = members.subscribed()
    members.change_card(subscription, "5594100000001254")
    members.renew(subscription)
    bill = members.bill(subscription).order
    assert bill
    Order.objects.filter(pk=bill.pk).update(buyer_name="a", buyer_email="a@example.com", buyer_tel="010")
    bill.refresh_from_db()
    with pytest.raises(OrderNotOpen):
        charge_card_once(bill, card())


def test_inicis_needs_a_buyer(shop: Shop) -> None:
    order = shop.order(buyer_name="")
    with pytest.raises(ValueError, match="buyer_name"):
        charge_card_once(order, card())


def test_neither_is_called_inside_a_transaction(shop: Shop, user: Any) -> None:
    for call in (lambda: register_card(user, card()), lambda: charge_card_once(shop.order(), card())):
        with pytest.raises(InsideTransaction), transaction.atomic():
            call()


# Nothing typed is kept -------------------------------------------------------------------------------------------


def every_row() -> str:
    return "\n".join(str(row) for model in apps.get_models() for row in model._default_manager.values())


def reports(error: BaseException) -> str:
    """All that careless and careful reporters could write down."""
    frames = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    page = ExceptionReporter(None, type(error), error, error.__traceback__).get_traceback_html()
    return f"{error!r} {error} {error.__dict__} {frames} {page}"


@pytest.mark.parametrize("fault", [None, *FAULTS])
@pytest.mark.parametrize("what", ["register", "charge"])
def test_no_row_log_or_error_holds_what_was_typed(
    shop: Shop,
    user: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    what: str,
    fault: str | None,
) -> None:
    settings.DEBUG = True  # the error page shows variables
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 2)
    for name in ("", "urllib3", "requests", "portone_django", "django.db.backends"):
        caplog.set_level(logging.DEBUG, logger=name)
    if fault:
        shop.sandbox.faults.add(fault, path="/subscribe/*", times=9)
    order = shop.order()
    outcome = ""
    # The last one breaks in the middle of our own flow.
    for broken in (False, True):
        if broken:
            monkeypatch.setattr("portone_django.flows.keyin.new_event", broken_function)
        typed = card()
        call: Callable[[], Any] = (
            (lambda typed=typed: register_card(user, typed))
            if what == "register"
            else (lambda typed=typed: charge_card_once(order, typed))
        )
        try:
            outcome += repr(vars(call()))
        except Exception as error:
            outcome += reports(error)
    shop.sandbox.faults.clear()
    monkeypatch.undo()
    settings.PORTONE = {**settings.PORTONE, "KEY_IN": True}
    sweep()
    printed = capfd.readouterr()
    written = "\n".join([every_row(), caplog.text, printed.out, printed.err, outcome])
    assert "keyin" in written or "key_in" in written
    assert [canary for canary in CANARIES if canary in written] == []


def broken_function(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("a fault of ours")


def test_the_canaries_really_travel(shop: Shop, user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would prove nothing."""
    sent = io.StringIO()
    from portone_django.sandbox import charging

    issue = charging.issue

    def listen(sandbox: Any, customer_uid: str, body: dict[str, Any]) -> Any:
        sent.write(str(body))
        return issue(sandbox, customer_uid, body)

    monkeypatch.setattr(charging, "issue", listen)
    register_card(user, card())
    assert all(canary in sent.getvalue() for canary in ("5594-1098-7654-3210", EXPIRY, BIRTH, f"'{PASSWORD}'"))
