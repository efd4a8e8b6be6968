"""A delivery is registered once whatever becomes of the answer; what the buyer is said to want decides nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portone_django.escrow import PostalAddress
from portone_django.exceptions import DeliveryNotPossible, DeliveryRefused, DeliveryUnknown, PaymentError
from portone_django.flows.webhooks import MAX_ROWS_PER_UID, process_due
from portone_django.gateway import InsideTransaction, PortOneError
from portone_django.gateway.transport import Transport
from portone_django.models import Event, Order, Payment, WebhookDelivery
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

SENDER = PostalAddress(name="카나리아상점", tel="02-9753-1086", addr="카나리아로 97", postcode="97531")
RECEIVER = PostalAddress(name="카나리아구매자", tel="010-9753-1086", addr="종달새길 31", postcode="86420")
SENT_AT = dt.datetime(2026, 8, 6, 12, 0, tzinfo=dt.UTC)
PARCEL: dict[str, Any] = {"company": "CJGLS", "invoice": "123456789012", "sent_at": SENT_AT}
WHO: dict[str, Any] = {"sender": SENDER, "receiver": RECEIVER}
LOST = [
    ("timeout_before", False), ("timeout_after", True), ("drop_before", False), ("drop_after", True),
    ("http_500", False), ("http_502", False), ("http_429", False), ("html_200", True), ("empty_200", True),
    ("malformed", True), ("truncated", True), ("redirect", False),
]  # fmt: skip


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every write of a delivery that left."""
    calls: list[str] = []
    call = Transport.call

    def spy(self: Any, each: Any, *rest: Any) -> Any:
        if each.name in ("register_delivery", "change_delivery"):
            calls.append(each.name)
        return call(self, each, *rest)

    monkeypatch.setattr(Transport, "call", spy)
    return calls


def escrow_sale(shop: Shop, **terms: Any) -> Payment:
    started = shop.click(shop.order(**terms), escrow=True)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="card", card_code="366")
    shop.callback(started, imp_uid)
    payment = shop.payment(started)
    assert (payment.state, payment.escrow) == ("paid", True)
    return payment


def theirs(shop: Shop, payment: Payment) -> Any:
    found = shop.sandbox.deliveries.get(payment.imp_uid)
    return found and (found["company"], found["invoice"], found["sent_at"])


def fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("order").get(pk=payment.pk)


def ours(payment: Payment) -> tuple[Any, ...]:
    row = fresh(payment)
    sent_at = row.delivery_sent_at and int(row.delivery_sent_at.timestamp())
    return (row.delivery_company, row.delivery_invoice, sent_at) if row.delivery_applied_at else ()


def kinds(payment: Payment, prefix: str = "payment.delivery") -> list[str]:
    found = Event.objects.filter(payment=payment, kind__startswith=prefix).order_by("pk")
    return list(found.values_list("kind", flat=True))


def lose(shop: Shop, fault: str, *, times: int = 1, **where: Any) -> None:
    shop.sandbox.faults.add(fault, path="/escrows/*", times=times, **where)


# Deliveries ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_registered_and_kept_without_its_addresses(shop: Shop) -> None:
    payment = escrow_sale(shop)
    assert payment.register_delivery(**WHO, **PARCEL) is payment
    assert theirs(shop, payment) == ours(payment) == ("CJGLS", "123456789012", int(SENT_AT.timestamp()))
    assert payment.delivery_applied_at is not None
    assert kinds(payment) == ["payment.delivery_requested", "payment.delivery_registered"]


def test_the_same_call_again_changes_nothing(shop: Shop, sent: list[str]) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    payment.register_delivery(**WHO, **PARCEL)
    assert kinds(payment).count("payment.delivery_registered") == 1
    assert len(sent) == 2


def test_another_delivery_of_the_same_sale_is_a_change(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    with pytest.raises(DeliveryRefused, match=r"이미 배송정보가 등록된 결제건입니다.*change_delivery") as caught:
        payment.register_delivery(**WHO, **{**PARCEL, "invoice": "9"})
    assert caught.value.message == "이미 배송정보가 등록된 결제건입니다."
    assert ours(payment)[1] == "123456789012"
    payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9", "company": "EPOST"})
    assert theirs(shop, payment) == ours(payment) == ("EPOST", "9", int(SENT_AT.timestamp()))
    assert kinds(payment)[-1] == "payment.delivery_changed"


def test_what_was_never_registered_cannot_be_changed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    with pytest.raises(DeliveryRefused, match="register_delivery"):
        payment.change_delivery(**WHO, **PARCEL)
    assert (theirs(shop, payment), ours(payment)) == (None, ())


def test_after_the_buyer_decided_nothing_is_changed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    shop.sandbox.escrow(payment.imp_uid, "escrow_confirm")
    with pytest.raises(DeliveryRefused, match="수정할 수 없는"):
        payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
    assert ours(payment)[1] == "123456789012"


def test_only_an_escrow_sale_whose_money_is_here_is_delivered(shop: Shop, sent: list[str]) -> None:
    with pytest.raises(DeliveryNotPossible, match="no escrow sale"):
        shop.paid().register_delivery(**WHO, **PARCEL)
    started = shop.click(shop.order(), escrow=True)
    shop.window(started)
    with pytest.raises(PaymentError, match="the payment is pending"):
        shop.payment(started).register_delivery(**WHO, **PARCEL)
    refunded = escrow_sale(shop)
    refunded.refund(reason="x")
    with pytest.raises(DeliveryNotPossible, match="the payment is refunded"):
        refunded.register_delivery(**WHO, **PARCEL)
    assert sent == []


def test_an_undecided_payment_is_asked_about_first(shop: Shop) -> None:
    started = shop.click(shop.order(), escrow=True)
    shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
    payment = shop.payment(started)
    assert payment.state == "pending"
    payment.register_delivery(**WHO, **PARCEL)
    assert (payment.state, payment.delivery_invoice) == ("paid", "123456789012")


def test_inside_a_transaction_nothing_is_sent(shop: Shop, sent: list[str]) -> None:
    payment = escrow_sale(shop)
    for verb in (payment.register_delivery, payment.change_delivery):
        with pytest.raises(InsideTransaction), transaction.atomic():
            verb(**WHO, **PARCEL)
    assert sent == []


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"company": "CJ"}, "courier codes: CJGLS, EPOST"),
        ({"company": ""}, "courier codes"),
        ({"invoice": ""}, "invoice must be"),
        ({"invoice": "1" * 41}, "invoice must be"),
        ({"invoice": "<b>"}, "invoice must be"),
        ({"invoice": 12345}, "invoice must be"),
        ({"sent_at": dt.datetime(2026, 8, 6)}, "time zone"),  # noqa: DTZ001 - that is what is refused
        ({"sent_at": 1785985200}, "must be a datetime"),
        ({"sent_at": dt.date(2026, 8, 6)}, "must be a datetime"),
    ],
)
def test_a_parcel_that_cannot_be_is_refused(shop: Shop, sent: list[str], wrong: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        escrow_sale(shop).register_delivery(**WHO, **{**PARCEL, **wrong})
    assert sent == []


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_answer_is_decided_by_looking_it_up(shop: Shop, fault: str, is_done: bool) -> None:
    payment = escrow_sale(shop)
    lose(shop, fault, method="POST")
    if is_done:
        payment.register_delivery(**WHO, **PARCEL)
    else:
        with pytest.raises(DeliveryUnknown, match=r"payment.register_delivery\(…\) again"):
            payment.register_delivery(**WHO, **PARCEL)
        assert ours(payment) == ()
        payment.register_delivery(**WHO, **PARCEL)
    assert ours(payment) == theirs(shop, payment)
    assert kinds(payment).count("payment.delivery_registered") == 1


@pytest.mark.parametrize(("fault", "is_done"), LOST)
def test_a_lost_change_is_decided_by_looking_it_up(shop: Shop, fault: str, is_done: bool) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    lose(shop, fault, method="PUT")
    if is_done:
        payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
        assert ours(payment)[1] == "9"
    else:
        with pytest.raises(DeliveryUnknown, match="change_delivery"):
            payment.change_delivery(**WHO, **{**PARCEL, "invoice": "9"})
        assert ours(payment)[1] == "123456789012"
    assert ours(payment) == theirs(shop, payment)


def test_a_lost_change_of_addresses_alone_is_not_taken_for_done(shop: Shop) -> None:
    payment = escrow_sale(shop)
    payment.register_delivery(**WHO, **PARCEL)
    lose(shop, "timeout_before", method="PUT")
    with pytest.raises(DeliveryUnknown):
        payment.change_delivery(sender=SENDER, receiver=SENDER, **PARCEL)


def test_when_the_look_up_is_lost_too_nothing_is_claimed(shop: Shop) -> None:
    payment = escrow_sale(shop)
    lose(shop, "timeout_after", times=20)
    with pytest.raises(DeliveryUnknown):
        payment.register_delivery(**WHO, **PARCEL)
    assert (ours(payment), theirs(shop, payment) is not None) == ((), True)
    with pytest.raises(PortOneError):
        payment.sync_delivery()
    shop.sandbox.faults.clear()
    assert payment.sync_delivery() is True
    assert ours(payment) == theirs(shop, payment)


@pytest.mark.parametrize("fault", ["refuse", "connect_timeout"])
def test_what_surely_did_not_leave_is_said_so(shop: Shop, fault: str) -> None:
    payment = escrow_sale(shop)
    lose(shop, fault, method="POST")
    with pytest.raises(DeliveryNotPossible, match="nothing was sent"):
        payment.register_delivery(**WHO, **PARCEL)
    assert payment.register_delivery(**WHO, **PARCEL).delivery_invoice == "123456789012"


def test_the_intent_is_seen_even_when_the_process_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = escrow_sale(shop)

    def killed(*args: Any, **options: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("portone_django.gateway.client.Client.register_delivery", killed)
        with pytest.raises(SystemExit):
            payment.register_delivery(**WHO, **PARCEL)
    assert kinds(payment) == ["payment.delivery_requested"]
    assert payment.register_delivery(**WHO, **PARCEL).delivery_invoice == "123456789012"


def test_a_look_up_tells_whether_something_is_registered(shop: Shop) -> None:
    payment = escrow_sale(shop)
    assert payment.sync_delivery() is False
    payment.register_delivery(**WHO, **PARCEL)
    assert payment.sync_delivery() is True
    with pytest.raises(DeliveryNotPossible):
        shop.paid().sync_delivery()


def test_names_telephones_and_addresses_are_in_no_row_and_no_log(shop: Shop, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    errors: list[str] = []
    for fault in (None, "http_400", "http_500", "timeout_after", "refuse"):
        payment = escrow_sale(shop)
        if fault:
            lose(shop, fault, method="POST", message="카나리아구매자 010-9753-1086 종달새길 31 86420 오류")
        try:
            payment.register_delivery(**WHO, **PARCEL)
        except PaymentError as error:
            errors.append(f"{error!r} {error} {vars(error)}")
    assert len(errors) == 3
    texts = [caplog.text, *errors, repr(SENDER), f"{WHO}"]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {table}")
            texts.append(repr(cursor.fetchall()))
    for canary in ("카나리아", "9753-1086", "종달새길", "97531", "86420"):
        assert [text for text in texts if canary in text] == []


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
