"""What the buyer is said to want is shown and told, and decides nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django.flows.webhooks import MAX_ROWS_PER_UID, process_due
from portone_django.models import Event, Order, Payment, WebhookDelivery
from tests.delivering import PARCEL, WHO, escrow_sale
from tests.shop import Shop
from tests.wire import fresh

pytestmark = pytest.mark.django_db(transaction=True)


# What a webhook reports ------------------------------------------------------------------------------------------

NOW = int(timezone.now().timestamp())


def report(shop: Shop, payment: Payment, status: str, changed_at: Any = NOW, **more: Any) -> None:
    extra = {"escrow_status": status, "changed_at": changed_at, **more}
    body = {"event": "Inicis.Escrow.Changed", "imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid}
    assert shop.webhook(**{**body, "status": "paid", "extra": extra}).status_code == 200


def reported(payment: Payment) -> tuple[str, int | None, str]:
    row = fresh(payment)
    changed_at = row.escrow_changed_at and int(row.escrow_changed_at.timestamp())
    return row.escrow_status, changed_at, row.escrow_denied_reason


def due_now() -> None:
    WebhookDelivery.objects.exclude(due_at=None).update(due_at=timezone.now() - dt.timedelta(seconds=1))


def settle() -> None:
    due_now()
    process_due()


def mode(settings: Any, name: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "WEBHOOK_MODE": name}


@pytest.mark.parametrize("name", ["deferred", "inline"])
@pytest.mark.parametrize("content_type", ["json", "form"])
def test_a_whole_escrow_life_is_shown_and_told(shop: Shop, settings: Any, name: str, content_type: str) -> None:
    mode(settings, name)

    def deliver(url: str, body: bytes, mime: str) -> int:
        return Client().post(reverse("portone:webhook"), body, content_type=mime).status_code

    shop.sandbox.webhooks.deliver = deliver
    shop.sandbox.settings.set(
        webhook_url="https://shop.example/portone/webhook/", escrow_webhooks=True, webhook_content_type=content_type
    )
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    process_due()
    assert reported(payment)[0] == "2"
    shop.sandbox.escrow(payment.imp_uid, "escrow_refuse", "색이 달라요")
    process_due()
    assert (reported(payment)[0], reported(payment)[2]) == ("4", "색이 달라요")
    assert fresh(payment).state == "paid", "a report moves no money"
    shop.sandbox.escrow(payment.imp_uid, "escrow_accept_refusal")
    process_due()
    assert reported(payment)[0] == "8"
    row = fresh(payment)
    assert (row.state, row.order.state, row.cancel_amount) == ("refunded", "refunded", 12900)
    told = [event.data["status"] for event in Event.objects.filter(kind="payment.escrow_changed").order_by("pk")]
    assert told in (["2", "4", "10", "8"], ["2", "4", "8"])
    assert shop.delivered(payment.order, "escrow_changed") == len(told)
    assert {"escrow:2", "escrow:4", "escrow:10", "escrow:8"} <= set(
        WebhookDelivery.objects.values_list("status", flat=True)
    )


def test_every_state_is_a_row_of_its_own_beside_the_payments(shop: Shop) -> None:
    payment = escrow_sale(shop)
    shop.webhook(imp_uid=payment.imp_uid, merchant_uid=payment.merchant_uid, status="paid")
    for status in ("2", "4", "10", "2"):
        report(shop, payment, status)
    rows = WebhookDelivery.objects.order_by("pk").values_list("status", "count")
    assert list(rows) == [("paid", 1), ("escrow:2", 2), ("escrow:4", 1), ("escrow:10", 1)]


def test_the_newest_report_wins_in_whatever_order_they_come(shop: Shop) -> None:
    history = [("2", NOW - 30), ("4", NOW - 20), ("10", NOW - 10), ("8", NOW - 10)]
    for order in itertools.permutations(range(4)):
        payment = escrow_sale(shop)
        for index in order:
            report(shop, payment, *history[index])
            if index % 2:
                settle()
        settle()
        assert reported(payment) == ("8", NOW - 10, ""), order


def test_all_that_wait_are_taken_with_one_look_up(shop: Shop) -> None:
    payment = escrow_sale(shop)
    for status, changed_at in (("3", NOW - 1), ("2", NOW - 30)):
        report(shop, payment, status, changed_at)
    due_now()
    last = WebhookDelivery.objects.filter(status="escrow:2")
    last.update(due_at=timezone.now() - dt.timedelta(seconds=9))
    assert process_due(limit=1) == 1
    assert reported(payment) == ("3", NOW - 1, "")
    assert not WebhookDelivery.objects.exclude(due_at=None).exists()


def test_a_repeat_with_an_older_time_does_not_hide_the_newer_one_that_waits(shop: Shop) -> None:
    payment = escrow_sale(shop)
    report(shop, payment, "4", NOW - 5, denied_reason="새 사유")
    report(shop, payment, "4", NOW - 50, denied_reason="옛 사유")
    settle()
    assert reported(payment) == ("4", NOW - 5, "새 사유")
    report(shop, payment, "4", NOW - 1, denied_reason="더 새 사유")
    settle()
    assert reported(payment) == ("4", NOW - 1, "더 새 사유")


def test_repeats_change_nothing_and_tell_nobody_again(shop: Shop) -> None:
    payment = escrow_sale(shop)
    for _ in range(3):
        report(shop, payment, "3")
        settle()
    assert Event.objects.filter(kind="payment.escrow_changed").count() == 1
    assert shop.delivered(payment.order, "escrow_changed") == 1


@pytest.mark.parametrize("name", ["deferred", "inline"])
@pytest.mark.parametrize(
    "forged",
    [
        {"imp_uid": "imp_000000000001"},
        {"imp_uid": ""},
        {"merchant_uid": "t" + "a" * 24},
        {"event": "Inicis.Escrow.Done"},
        {"event": None},
        {"extra": {"escrow_status": "99", "changed_at": NOW}},
        {"extra": {"escrow_status": "", "changed_at": NOW}},
        {"extra": {"escrow_status": "3"}},
        {"extra": {"escrow_status": "3", "changed_at": 0}},
        {"extra": {"escrow_status": "3", "changed_at": -5}},
        {"extra": {"escrow_status": "3", "changed_at": "soon"}},
        {"extra": {"escrow_status": "3", "changed_at": "٣"}},
        {"extra": {"escrow_status": "3", "changed_at": 10**30}},
        {"extra": {"escrow_status": "3", "changed_at": NOW + 90000}},
        {"extra": {"escrow_status": ["3"], "changed_at": NOW}},
        {"extra": [1]},
    ],
)
def test_what_cannot_be_this_payments_report_is_dropped(
    shop: Shop, settings: Any, name: str, forged: dict[str, Any]
) -> None:
    mode(settings, name)
    payment = escrow_sale(shop)
    body = {
        "event": "Inicis.Escrow.Changed",
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "status": "paid",
        "extra": {"escrow_status": "3", "changed_at": NOW},
    }
    assert shop.webhook(**{**body, **forged}).status_code == 200
    settle()
    assert reported(payment) == ("", None, "")
    shop.webhook(**body)
    settle()
    assert reported(payment) == ("3", NOW, ""), "the right one still counts"


@pytest.mark.parametrize("name", ["deferred", "inline"])
def test_a_sale_without_escrow_has_no_escrow_state(shop: Shop, settings: Any, name: str) -> None:
    mode(settings, name)
    payment = shop.paid()
    report(shop, payment, "3")
    settle()
    assert reported(payment) == ("", None, "")


def test_a_forged_report_moves_no_money_and_no_goods(shop: Shop) -> None:
    payment = escrow_sale(shop)
    money = [*Order.objects.values("pk", "state", "refunded_amount"), *Payment.objects.values("pk", "state")]
    for status in ("2", "3", "31", "32", "4", "10", "8"):
        report(shop, payment, status, NOW - 1)
    settle()
    assert reported(payment)[0] == "8"
    row = fresh(payment)
    assert (row.cancel_amount, row.delivery_applied_at, row.state) == (0, None, "paid")
    assert [*Order.objects.values("pk", "state", "refunded_amount"), *Payment.objects.values("pk", "state")] == money


@pytest.mark.parametrize("name", ["deferred", "inline"])
def test_a_report_waits_until_portone_answers(shop: Shop, settings: Any, name: str) -> None:
    mode(settings, name)
    payment = escrow_sale(shop)
    shop.sandbox.faults.add("http_503", path="/payments/*", times=20)
    report(shop, payment, "3")
    settle()
    assert reported(payment)[0] == ""
    shop.sandbox.faults.clear()
    settle()
    assert reported(payment) == ("3", NOW, "")


def test_a_flood_of_rows_hides_no_report_that_waits(shop: Shop) -> None:
    payment = escrow_sale(shop)
    for number in range(MAX_ROWS_PER_UID):
        shop.webhook(imp_uid=f"imp_{number:012d}", merchant_uid=payment.merchant_uid, status="paid")
    report(shop, payment, "4", NOW - 2, denied_reason="사유")
    shop.webhook(imp_uid="imp_999999999999", merchant_uid=payment.merchant_uid, status="paid")
    report(shop, payment, "2", NOW - 9)
    settle()
    assert reported(payment) == ("4", NOW - 2, "사유")


def test_a_buyers_words_are_in_no_event(shop: Shop) -> None:
    payment = escrow_sale(shop)
    report(shop, payment, "4", denied_reason="종달새길 31, 010-9753-1086")
    settle()
    assert reported(payment)[2] == "종달새길 31, 010-9753-1086"
    assert "종달새길" not in str(list(Event.objects.values_list("data", flat=True)))


def test_a_late_report_brings_no_words_back_to_a_sale_that_was_blanked(shop: Shop) -> None:
    payment = escrow_sale(shop)
    Order.objects.update(blanked_at=timezone.now())
    report(shop, payment, "4", denied_reason="종달새길 31")
    settle()
    assert reported(payment) == ("4", NOW, "")


def test_a_buyers_reason_is_cut_and_hides_no_card_number(shop: Shop) -> None:
    payment = escrow_sale(shop)
    report(shop, payment, "4", denied_reason="카드 4902201234567894 " + "가" * 300)
    settle()
    reason = reported(payment)[2]
    assert len(reason) <= 200
    assert "490220123456" not in reason


def test_a_form_is_read_as_php_writes_it(shop: Shop) -> None:
    payment = escrow_sale(shop)
    fields = {
        "event": "Inicis.Escrow.Changed",
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "status": "paid",
        "extra[escrow_status]": "31",
        "extra[changed_at]": str(NOW),
    }
    form = "application/x-www-form-urlencoded"
    assert Client().post(reverse("portone:webhook"), urlencode(fields), content_type=form).status_code == 200
    settle()
    assert reported(payment) == ("31", NOW, "")


def test_portones_own_example_is_a_report(shop: Shop) -> None:
    payment = escrow_sale(shop)
    body = json.loads(
        '{"event": "Inicis.Escrow.Changed", "imp_uid": "imp_123412341234", "merchant_uid": "asdfasdfasdf", '
        '"status": "paid", "extra": {"escrow_status": "4", "changed_at": 112312323, "denied_reason": "구매 거절 사유"}}'
    )
    shop.webhook(**{**body, "imp_uid": payment.imp_uid, "merchant_uid": payment.merchant_uid})
    settle()
    assert reported(payment) == ("4", 112312323, "구매 거절 사유")
