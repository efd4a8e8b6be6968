"""Money goes back once: read first, intent before the send, settled by PortOne's cancel_history, unknown by asking."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import translation

from portone_django import refunds
from portone_django.clock import later
from portone_django.exceptions import NotRefundable, RefundConflict, RefundPending
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.refunds import carry_on
from portone_django.flows.refusals import explain, hint_for
from portone_django.gateway import InsideTransaction
from portone_django.gateway.transport import Transport
from portone_django.models import Event, Payment, Refund
from portone_django.refunds import RefundAccount
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")


def fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("order").get(pk=payment.pk)


def cancels(shop: Shop, payment: Payment) -> list[int]:
    """What PortOne's own ledger says went back, cancel by cancel."""
    return [each["amount"] for each in shop.sandbox.payment(payment.imp_uid)["cancel_history"]]


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bodies of every POST /payments/cancel that left."""
    bodies: list[dict[str, Any]] = []
    call = Transport.call

    def spy(self: Any, each: Any, *rest: Any) -> Any:
        if each.name == "cancel_payment":
            bodies.append(dict(each.body))
        return call(self, each, *rest)

    monkeypatch.setattr(Transport, "call", spy)
    return bodies


def kinds(payment: Payment) -> list[str]:
    return list(Event.objects.filter(payment=payment).order_by("pk").values_list("kind", flat=True))


# The ordinary cases ----------------------------------------------------------------------------------------------


def test_a_whole_refund_sends_the_balance_explicitly_and_tells_the_shop_once(shop: Shop) -> None:
    payment = shop.paid()
    refund = payment.order.refund(reason="변심")
    payment = fresh(payment)
    assert (refund.state, refund.amount, refund.checksum, refund.source) == ("succeeded", 12900, 12900, "app")
    assert (payment.state, payment.order.state, payment.order.refunded_amount) == ("refunded", "refunded", 12900)
    assert cancels(shop, payment) == [12900]
    assert refund.cancellation_id == shop.sandbox.payment(payment.imp_uid)["cancel_history"][0]["cancellation_id"]
    assert shop.delivered(payment.order, "order_refunded") == 1
    assert shop.delivered(payment.order, "payment_refunded") == 1


def test_many_parts_add_up_and_the_last_one_closes_the_payment(shop: Shop) -> None:
    payment = shop.paid()
    for amount in (900, 2000, 5000):
        assert payment.refund(amount=amount, reason="부분").state == "succeeded"
        assert payment.state == "partially_refunded"
    assert payment.refund(reason="나머지").amount == 5000
    payment = fresh(payment)
    assert (payment.state, payment.remaining_amount, payment.order.refunded_amount) == ("refunded", 0, 12900)
    assert cancels(shop, payment) == [900, 2000, 5000, 5000]
    with pytest.raises(NotRefundable, match="all of it went back"):
        payment.refund(reason="again")


@pytest.mark.parametrize("amount", [0, -1, 12901, True, "900", 900.0])
def test_no_amount_that_portone_could_take_for_everything_ever_leaves(shop: Shop, amount: Any) -> None:
    payment = shop.paid()
    with pytest.raises((TypeError, ValueError), match="amount"):
        payment.refund(amount=amount, reason="x")
    assert cancels(shop, payment) == []
    assert not Refund.objects.exists()


def test_every_cancel_on_the_wire_names_its_amount_and_its_checksum(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    payment.refund(amount=900, reason="부분")
    payment.refund(reason="나머지")
    assert [(each["amount"], each["checksum"]) for each in sent] == [(900, 12900), (12000, 12000)]


def test_a_reason_is_asked_for(shop: Shop) -> None:
    with pytest.raises(ValueError, match="reason is empty"):
        shop.paid().refund(amount=900, reason=" ")


def test_what_was_never_paid_cannot_be_refunded(shop: Shop) -> None:
    order = shop.order()
    payment = shop.payment(shop.click(order))
    with pytest.raises(NotRefundable, match="pending"):
        payment.refund(reason="x")
    with pytest.raises(NotRefundable, match="not settled"):
        order.refund(reason="x")


def test_an_undecided_payment_is_asked_about_before_anything_is_said_of_its_money(shop: Shop) -> None:
    started, _imp_uid = shop.pay(shop.order())
    payment = shop.payment(started)
    assert payment.state == "pending"
    assert payment.refund(amount=900, reason="x").state == "succeeded"
    assert fresh(payment).state == "partially_refunded"


def test_the_same_reference_is_one_refund(shop: Shop) -> None:
    payment = shop.paid()
    first = payment.refund(amount=900, reason="x", reference="return-17")
    assert payment.refund(amount=900, reason="x", reference="return-17").pk == first.pk
    assert cancels(shop, payment) == [900]
    with pytest.raises(RefundConflict):
        payment.refund(amount=1000, reason="x", reference="return-17")
    with pytest.raises(RefundConflict):
        shop.paid().refund(amount=900, reason="x", reference="return-17")


# Inside a transaction --------------------------------------------------------------------------------------------


def test_refund_inside_a_transaction_raises_and_says_what_to_write(shop: Shop) -> None:
    payment = shop.paid()
    with pytest.raises(InsideTransaction, match="request_refund"), transaction.atomic():
        payment.refund(reason="x")
    assert not Refund.objects.exists()


def test_a_requested_refund_is_reserved_now_and_sent_after_the_commit(shop: Shop) -> None:
    payment = shop.paid()
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x")
        assert refund.state == "reserved"
        assert cancels(shop, payment) == []
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


def test_a_requested_refund_that_is_rolled_back_never_was(shop: Shop) -> None:
    payment = shop.paid()

    def host() -> None:
        with transaction.atomic():
            payment.request_refund(reason="x")
            raise RuntimeError("host")

    with pytest.raises(RuntimeError, match="host"):
        host()
    reconcile()
    assert cancels(shop, payment) == []
    assert not Refund.objects.exists()


def test_a_requested_refund_whose_process_died_is_sent_by_the_sweep(shop: Shop, monkeypatch: Any) -> None:
    payment = shop.paid()
    monkeypatch.setattr(refunds, "carry_on", lambda *args, **options: None)
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x")
    reconcile()
    assert cancels(shop, payment) == [], "the lease of the process that reserved it is not over"
    shop.quiet()
    assert reconcile().refunds == 1
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


# One at a time ---------------------------------------------------------------------------------------------------


def test_while_one_refund_is_open_a_second_is_refused(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    assert payment.refund(amount=900, reason="x").state == "unknown"
    with pytest.raises(RefundPending, match="900 won is unknown"):
        payment.refund(amount=100, reason="x")
    assert Refund.objects.count() == 1


def test_the_database_itself_refuses_a_second_open_refund_and_one_above_the_balance(shop: Shop) -> None:
    from django.db import IntegrityError

    payment = shop.paid()
    row = {"payment": payment, "imp_uid": payment.imp_uid, "source": "app", "reason": "x", "checksum": 12900}
    Refund.objects.create(**row, amount=1, open_slot=payment.imp_uid)
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(**row, amount=1, open_slot=payment.imp_uid)
    for wrong in ({"amount": 12901}, {"amount": 0}, {"amount": 10, "vat_amount": 11}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Refund.objects.create(**row, **wrong)
    for wrong in ({"cancel_amount": 12901}, {"external_refund_amount": 12901}, {"cancel_amount": -1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(**wrong)


# What PortOne answers, or does not -------------------------------------------------------------------------------

DONE = ["timeout_after", "drop_after", "truncated", "malformed", "html_200", "empty_200", "duplicate_keys"]
NOT_DONE = ["timeout_before", "drop_before", "refuse", "http_500", "http_502", "http_503", "http_504", "http_429"]


@pytest.mark.parametrize("fault", DONE)
def test_an_answer_that_was_lost_is_found_by_reading(shop: Shop, fault: str) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add(fault, path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x")
    assert refund.state == "succeeded"
    assert (cancels(shop, payment), fresh(payment).cancel_amount) == ([900], 900)
    assert shop.delivered(payment.order, "order_refunded") == 1


@pytest.mark.parametrize("fault", NOT_DONE)
def test_what_did_not_arrive_is_sent_again_with_the_same_checksum_after_the_quiet_period(
    shop: Shop, fault: str
) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add(fault, path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x")
    assert refund.state == "unknown"
    for _ in range(3):
        refund = refund.sync()
    assert (refund.state, refund.send_count, cancels(shop, payment)) == ("unknown", 1, []), "not before its time"
    shop.quiet()
    refund = refund.sync()
    assert (refund.state, cancels(shop, payment)) == ("unknown", []), "one look is not enough"
    refund = refund.sync()
    assert refund.send_count == 1, "and the second look comes a minute later"
    shop.quiet()
    refund = refund.sync()
    assert (refund.state, refund.send_count, refund.checksum) == ("succeeded", 2, 12900)
    assert (cancels(shop, payment), fresh(payment).cancel_amount) == ([900], 900)


def test_a_cancel_that_lands_late_is_not_sent_twice(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_late", path="/payments/cancel", seconds=0.4)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, cancels(shop, payment)) == ("unknown", []), "it is still on its way"
    import time

    time.sleep(0.6)
    shop.quiet()
    refund = refund.sync()
    assert (refund.state, cancels(shop, payment), refund.send_count) == ("succeeded", [900], 1)


def test_a_cancel_that_arrives_after_its_repetition_is_refused_by_its_checksum(shop: Shop) -> None:
    from portone_django.sandbox.cancelling import Cancel, cancel
    from portone_django.sandbox.ledger import Refused

    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x")
    for _ in range(2):
        shop.quiet()
        refund = refund.sync()
    assert refund.state == "succeeded"
    with pytest.raises(Refused):  # the first one, held up on its way until now
        cancel(shop.sandbox, Cancel(imp_uid=payment.imp_uid, amount=900, checksum=refund.checksum))
    assert cancels(shop, payment) == [900]


def test_after_three_sends_a_person_must_look_and_no_other_refund_can_start(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel", times=10)
    refund = payment.refund(amount=900, reason="x")
    for _ in range(8):
        shop.quiet()
        refund = refund.sync()
    assert (refund.state, refund.send_count, cancels(shop, payment)) == ("review", 3, [])
    assert shop.delivered(payment.order, "refund_review") == 1
    with pytest.raises(RefundPending):
        payment.refund(reason="x")


def test_a_refusal_moves_no_money_and_keeps_portones_words(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    shop.sandbox.cancel_at_inicis(payment.imp_uid)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason) == ("failed", "refused")
    assert "500626" in refund.refusal
    assert (fresh(payment).state, fresh(payment).cancel_amount) == ("paid", 0)
    assert shop.delivered(payment.order, "refund_failed") == 1
    assert len(sent) == 1, "no loop"


def test_a_phone_bill_of_last_month_is_refused_once_and_the_hint_says_what_is_left_to_do(
    shop: Shop, sent: list[Any]
) -> None:
    started = shop.click(shop.order(), pay_method="phone", digital=False)
    imp_uid = shop.window(started)
    shop.sandbox.approve(imp_uid, pay_method="phone")
    payment = shop.payment(started).sync()
    shop.sandbox.advance(32 * 24 * 3600)
    refund = payment.refund(reason="x")
    for _ in range(3):
        shop.quiet()
        reconcile()
    refund.refresh_from_db()
    assert (refund.state, refund.fail_reason, len(sent)) == ("failed", "refused", 1), "a refusal is no reason to try on"
    with translation.override("en"):
        assert "512714" in explain(refund)
        assert "too late to cancel" in explain(refund)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("[500626|기 취소 거래]", "record a refund made elsewhere"),
        ("(500707|부분취소 불가 카드사)", "Only the whole payment"),
        ("500906|취소한도초과", "limit for cancels"),
        ("[1222] 취소불가능 거래", "ask KG Inicis"),
        ("[11C9] 해당 카드는 부분취소가 불가능한 카드입니다", "Only the whole payment"),
        ("120061 취소기한 경과로 취소 불가", "too late"),
        ("(504643|환불 은행코드 오류)", "bank code"),
        ("(599999|새로운 오류)", ""),
        ("잔액 500626123원", ""),
    ],
)
def test_inicis_codes_become_advice_and_unknown_ones_none(refusal: str, words: str) -> None:
    with translation.override("en"):
        assert words in hint_for(refusal)
        assert bool(hint_for(refusal)) == bool(words)


def test_a_refusal_because_an_earlier_send_was_done_is_a_success(
    shop: Shop, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer is lost and reads lag behind; the second send is told that all is cancelled already."""
    from portone_django.flows import refunds as flow

    payment = shop.paid()
    shop.sandbox.faults.add("timeout_after", path="/payments/cancel")
    with monkeypatch.context() as blind:
        blind.setattr(flow._Errand, "_uncertain", lambda self, error: self._to_unknown(0))
        refund = payment.refund(reason="x")
    assert refund.state == "unknown"
    flow._Errand(refund, None, 45.0, flow.Breaker())._send()
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [12900], 2)


@pytest.mark.parametrize("part", [0, 900])
def test_inicis_that_wants_no_amount_for_a_whole_cancel_gets_it_once_with_the_same_checksum(
    shop: Shop, part: int
) -> None:
    payment = shop.paid()
    if part:
        payment.refund(amount=part, reason="x")
    shop.sandbox.settings.set(refuse_full_as_partial=True)
    refund = payment.refund(reason="x")
    assert (refund.state, refund.is_without_amount, refund.checksum) == ("succeeded", True, 12900 - part)
    assert sum(cancels(shop, payment)) == 12900


def test_a_partial_cancel_is_never_sent_without_an_amount(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.cancel_at_inicis(payment.imp_uid)
    refund = payment.refund(amount=12900, reason="x")
    assert refund.is_without_amount is False, "500626 is not one of the two codes"


def test_portone_that_does_not_answer_the_look_gets_nothing_sent(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("http_503", method="GET", times=10)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, len(sent)) == ("reserved", 0)
    shop.sandbox.faults.clear()
    shop.quiet()
    reconcile()
    refund.refresh_from_db()
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


def test_an_interrupted_send_is_unknown_not_failed(shop: Shop, monkeypatch: Any) -> None:
    from portone_django.gateway.client import Client

    class SoftTimeLimitExceeded(BaseException):
        pass

    def interrupted(self: Any, **fields: Any) -> Any:
        raise SoftTimeLimitExceeded

    payment = shop.paid()
    monkeypatch.setattr(Client, "cancel_payment", interrupted)
    with pytest.raises(SoftTimeLimitExceeded):
        payment.refund(amount=900, reason="x")
    assert Refund.objects.get().state == "unknown"


def test_a_process_that_slept_before_its_send_does_not_send(shop: Shop, sent: list[Any], monkeypatch: Any) -> None:
    from portone_django.flows import refunds as flow

    payment = shop.paid()
    intend = flow._Errand._intend

    def slept(self: Any) -> bool:
        monkeypatch.setattr(flow, "FENCE_SECONDS", -1.0)
        return intend(self)

    monkeypatch.setattr(flow._Errand, "_intend", slept)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, len(sent)) == ("unknown", 0)


def test_a_write_that_deadlocks_after_the_answer_is_repeated_without_a_second_send(
    shop: Shop, sent: list[Any], monkeypatch: Any
) -> None:
    from django.db import OperationalError

    from portone_django.flows import cancellations

    payment = shop.paid()
    failures = iter([True, True, False])
    announce = cancellations.announce

    def deadlocked(*args: Any) -> None:
        if next(failures, False):
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        announce(*args)

    monkeypatch.setattr(cancellations, "announce", deadlocked)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, cancels(shop, payment), len(sent)) == ("succeeded", [900], 1)
    assert kinds(payment).count("payment.refunded") == 1


# The console and other hands -------------------------------------------------------------------------------------


def test_a_cancel_in_the_console_is_imported_by_its_webhook(shop: Shop) -> None:
    payment = shop.paid()
    record = shop.sandbox.console_cancel(payment.imp_uid, 2900)
    cancellation_id = record["cancel_history"][0]["cancellation_id"]
    shop.webhook(
        merchant_uid=payment.merchant_uid, imp_uid=payment.imp_uid, status="cancelled", cancellation_id=cancellation_id
    )
    reconcile()
    refund = Refund.objects.get()
    assert (refund.source, refund.state, refund.amount, refund.cancellation_id) == (
        "console", "succeeded", 2900, cancellation_id,
    )  # fmt: skip
    assert fresh(payment).order.refunded_amount == 2900
    assert shop.delivered(payment.order, "order_refunded") == 1


def test_a_cancel_in_the_console_between_the_look_and_the_send_is_told_and_nothing_is_sent(
    shop: Shop, monkeypatch: Any
) -> None:
    payment = shop.paid()
    from portone_django.flows import refunds as flow

    intend = flow._Errand._intend

    def console_first(self: Any) -> bool:
        shop.sandbox.console_cancel(payment.imp_uid, 5000)
        return intend(self)

    monkeypatch.setattr(flow._Errand, "_intend", console_first)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason) == ("failed", "stale: 12900 → 7900")
    assert cancels(shop, payment) == [5000]
    assert [(each.source, each.state) for each in payment.refunds.order_by("pk")] == [
        ("app", "failed"), ("console", "succeeded"),
    ]  # fmt: skip


def test_a_cancel_in_the_console_before_the_look_costs_no_send(shop: Shop, sent: list[Any]) -> None:
    payment = shop.paid()
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason, len(sent)) == ("failed", "stale: 12900 → 7900", 0)
    assert payment.remaining_amount == 7900
    assert payment.refund(amount=900, reason="x").state == "succeeded"


def test_a_refund_made_elsewhere_is_written_down_once_and_counts(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    day = dt.date(2026, 8, 6)
    for _ in range(2):
        refund = payment.record_refund(amount=2900, refunded_on=day, reference="IBK-17", reason="계좌이체")
    assert (refund.source, refund.state, refund.refunded_on) == ("external", "succeeded", day)
    assert (payment.remaining_amount, payment.state, fresh(payment).order.refunded_amount) == (
        10000, "partially_refunded", 2900,
    )  # fmt: skip
    assert shop.delivered(payment.order, "order_refunded") == 1
    with pytest.raises(ValueError, match="10000"):
        payment.refund(amount=10001, reason="x")
    rest = payment.refund(reason="나머지")
    assert (rest.amount, rest.checksum, cancels(shop, payment)) == (10000, 12900, [10000])
    assert fresh(payment).state == "refunded"
    with pytest.raises(RefundConflict):
        payment.record_refund(amount=1, refunded_on=day, reference="IBK-17", reason="x")


def test_a_refund_made_elsewhere_cannot_be_of_tomorrow_or_of_nothing(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    with pytest.raises(ValueError, match="future"):
        payment.record_refund(amount=1, refunded_on=dt.date(2100, 1, 1), reference="r", reason="x")
    with pytest.raises(ValueError, match="reference is empty"):
        payment.record_refund(amount=1, refunded_on=dt.date(2026, 1, 1), reference="", reason="x")
    with pytest.raises(ValueError, match="12900"):
        payment.record_refund(amount=12901, refunded_on=dt.date(2026, 1, 1), reference="r", reason="x")


def test_more_back_than_was_received_is_shown_not_lost(shop: Shop) -> None:
    import datetime as dt

    payment = shop.paid()
    payment.record_refund(amount=2900, refunded_on=dt.date(2026, 8, 6), reference="r", reason="x")
    shop.sandbox.console_cancel(payment.imp_uid)
    payment.sync()
    assert (payment.state, payment.cancel_amount, fresh(payment).order.refunded_amount) == ("refunded", 12900, 12900)
    assert "payment.over_refunded" in kinds(payment)


# Virtual accounts ------------------------------------------------------------------------------------------------


def test_a_virtual_accounts_money_goes_to_the_account_that_was_typed(shop: Shop) -> None:
    payment = shop.deposited()
    with pytest.raises(NotRefundable, match="RefundAccount"):
        payment.refund(amount=900, reason="x")
    assert payment.refund(amount=900, reason="x", account=ACCOUNT).state == "succeeded"
    assert payment.order.refund(reason="x", account=ACCOUNT).state == "succeeded"
    assert cancels(shop, payment) == [900, 12000]


def test_a_card_is_not_refunded_to_a_bank_account(shop: Shop) -> None:
    payment = shop.paid()
    with pytest.raises(ValueError, match="the way it came"):
        payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert cancels(shop, payment) == []


def test_a_virtual_account_refund_is_never_sent_again_by_machine(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert refund.state == "unknown"
    for _ in range(3):
        shop.quiet()
        refund = refund.sync()
    assert (refund.state, refund.fail_reason, refund.send_count) == ("failed", "not_executed", 1)
    assert payment.refund(amount=900, reason="x", account=ACCOUNT).state == "succeeded"
    assert cancels(shop, payment) == [900]


def test_a_virtual_account_refund_that_could_not_leave_is_typed_again(shop: Shop) -> None:
    payment = shop.deposited()
    shop.sandbox.faults.add("http_503", method="GET", times=20)
    refund = payment.refund(amount=900, reason="x", account=ACCOUNT)
    assert (refund.state, refund.fail_reason) == ("failed", "unreachable")


def test_a_reserved_virtual_account_refund_whose_process_died_fails_and_says_so(shop: Shop, monkeypatch: Any) -> None:
    payment = shop.deposited()
    monkeypatch.setattr(refunds, "carry_on", lambda *args, **options: None)
    with transaction.atomic():
        refund = payment.request_refund(amount=900, reason="x", account=ACCOUNT)
    assert carry_on(refund).state == "reserved"
    Refund.objects.update(created_at=later(-200))
    assert (carry_on(refund).state, carry_on(refund).fail_reason) == ("failed", "account_lost")


def test_the_bank_account_is_in_no_row_and_no_text(shop: Shop, caplog: Any) -> None:
    payment = shop.deposited()
    caplog.set_level("DEBUG")
    shop.sandbox.faults.add("http_500", path="/payments/cancel")
    payment.refund(amount=900, reason="x", account=ACCOUNT)
    number = "56211105948400"
    assert number not in repr(ACCOUNT) + str(ACCOUNT) + caplog.text
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("portone_"):
                cursor.execute(f"SELECT * FROM {table}")
                assert number not in repr(cursor.fetchall())


@pytest.mark.parametrize(
    "wrong", [{"bank": "88"}, {"number": "12-34"}, {"number": "계좌"}, {"holder": " "}, {"tel": "abc"}], ids=str
)
def test_an_account_that_cannot_be_is_refused_without_being_repeated(wrong: dict[str, str]) -> None:
    fields = {"bank": "088", "number": "56211105948400", "holder": "홍길동", **wrong}
    with pytest.raises(ValueError, match="must be") as raised:
        RefundAccount(**fields)
    assert "5621110" not in str(raised.value)


# Taxes -----------------------------------------------------------------------------------------------------------


def test_parts_that_were_stated_must_be_stated_again(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    with pytest.raises(ValueError, match=r"tax_free_amount=… \(0 to 900 won\)"):
        payment.refund(amount=900, reason="x")
    with pytest.raises(ValueError, match="vat_amount=…"):
        payment.refund(amount=900, tax_free_amount=900 - 11, reason="x")
    refund = payment.refund(amount=1100, tax_free_amount=0, vat_amount=100, reason="x")
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 0, 100)
    rest = payment.refund(reason="나머지")
    assert (rest.state, rest.amount, rest.tax_free_amount, rest.vat_amount) == ("succeeded", 11800, 2900, 809)


def test_parts_that_were_never_stated_cannot_be_refunded(shop: Shop) -> None:
    with pytest.raises(ValueError, match="not stated when the payment was made"):
        shop.paid().refund(amount=900, vat_amount=81, reason="x")


def test_a_zero_rated_payment_is_refunded_at_zero(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=0, vat_amount=0)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 0, 0)


def test_after_a_cancel_in_the_console_the_parts_are_asked_for(shop: Shop) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    payment.sync()
    with pytest.raises(ValueError, match="tax_free_amount=…"):
        payment.refund(reason="x")
    assert payment.refund(tax_free_amount=2900, vat_amount=454, reason="x").state == "succeeded"


# Judged by evidence, not by a clock ------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-4000, 4000])
def test_a_cancel_is_ours_whatever_portones_clock_says(shop: Shop, seconds: int) -> None:
    payment = shop.paid()
    shop.sandbox.settings.set(offset=seconds)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])
    assert [each.source for each in payment.refunds.all()] == ["app"]


def test_a_cancel_of_the_same_amount_in_the_console_is_not_ours_when_ours_was_refused(
    shop: Shop, monkeypatch: Any
) -> None:
    from portone_django.flows import refunds as flow

    payment = shop.paid()
    intend = flow._Errand._intend

    def console_first(self: Any) -> bool:
        shop.sandbox.console_cancel(payment.imp_uid, 900)
        return intend(self)

    monkeypatch.setattr(flow._Errand, "_intend", console_first)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason) == ("failed", "stale: 12900 → 12000")
    assert [(each.source, each.state) for each in payment.refunds.order_by("pk")] == [
        ("app", "failed"), ("console", "succeeded"),
    ]  # fmt: skip


def test_a_cancel_with_our_own_words_is_ours_although_portone_answered_no(shop: Shop, monkeypatch: Any) -> None:
    from portone_django.gateway.client import Client
    from portone_django.gateway.errors import Refused

    payment = shop.paid()
    cancel = Client.cancel_payment

    def done_and_refused(self: Any, **fields: Any) -> Any:
        cancel(self, **fields)
        raise Refused(-1, "결제취소에 실패하였습니다.")

    monkeypatch.setattr(Client, "cancel_payment", done_and_refused)
    refund = payment.refund(amount=900, reason="우리 사유")
    assert (refund.state, cancels(shop, payment)) == ("succeeded", [900])


def test_a_sum_that_grew_without_saying_by_whom_is_a_persons_to_judge(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x")
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cancel_amount"] = 2000  # of which 900 may be ours: the history says nothing
    shop.sandbox.payments.save(held, shop.sandbox.now())
    shop.quiet()
    assert refund.sync().state == "review"


def test_what_somebody_took_further_is_not_closed_by_who_judged_it_before(shop: Shop) -> None:
    from portone_django.flows import refunds as flow

    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="x")
    before = Refund.objects.get(pk=refund.pk)
    Refund.objects.filter(pk=refund.pk).update(send_count=2)
    flow._close(before, "failed", "judged too early")
    refund.refresh_from_db()
    assert refund.state == "unknown"


def test_portone_is_asked_before_a_person_says_that_it_did_not_happen(shop: Shop) -> None:
    from portone_django.flows.refunds import close_by_hand

    payment = shop.paid()
    shop.sandbox.faults.add("timeout_after", path="/payments/cancel")
    shop.sandbox.faults.add("http_500", method="GET", path="/payments/*", times=2)
    refund = payment.refund(amount=900, reason="x")
    Refund.objects.filter(pk=refund.pk).update(state="review", open_slot=payment.imp_uid, cancellation_id=None)
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=0, state="paid")
    shop.sandbox.faults.clear()
    Event.objects.filter(refund=refund).delete()
    assert close_by_hand(refund, reason="nothing in the console", by=None).state == "succeeded"
