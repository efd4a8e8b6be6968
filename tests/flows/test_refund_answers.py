"""What became of a refund is read from cancel_history, whatever PortOne answered or did not."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from portone_django.exceptions import RefundPending
from portone_django.flows.reconciliation import reconcile
from portone_django.flows.refunds import close_by_hand
from portone_django.flows.refusals import explain, hint_for
from portone_django.models import Event, Payment, Refund
from portone_django.refunds import RefundAccount
from tests.members import Members
from tests.shop import Shop
from tests.wire import cancels, cancels_sent, fresh, kinds, late_ones_land

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = RefundAccount(bank="088", number="562-1110-5948400", holder="홍길동")


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return cancels_sent(monkeypatch)


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
    shop.sandbox.faults.add("timeout_late", path="/payments/cancel", seconds=3)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, cancels(shop, payment)) == ("unknown", []), "it is still on its way"
    late_ones_land()
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


@pytest.mark.parametrize("pay_method", ["trans", "phone", "vbank"])
def test_inicis_says_the_same_of_every_method_under_its_own_code(shop: Shop, pay_method: str) -> None:
    if pay_method == "vbank":
        payment, account = shop.deposited(), ACCOUNT
    else:
        more = {"digital": True} if pay_method == "phone" else {}
        started = shop.click(shop.order(), pay_method=pay_method, **more)
        shop.sandbox.approve(shop.window(started), pay_method=pay_method)
        payment, account = shop.payment(started).sync(), None
    shop.sandbox.settings.set(refuse_full_as_partial=True)
    refund = payment.refund(reason="x", account=account)
    assert (refund.state, refund.is_without_amount) == ("succeeded", True)


def test_inicis_says_the_same_of_a_card_on_file(members: Members) -> None:
    payment = members.card(members.user()).charge(amount=5000, name="x")
    members.sandbox.settings.set(refuse_full_as_partial=True)
    refund = payment.refund(reason="x")
    assert (refund.state, refund.is_without_amount) == ("succeeded", True)


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

    with monkeypatch.context() as patch:
        patch.setattr(flow._Errand, "_intend", console_first)
        refund = payment.refund(amount=900, reason="x")
    # Should PortOne write another reason than ours, this would be ours: nobody but a person can tell.
    assert (refund.state, refund.fail_reason) == ("review", "stale: 12900 → 12000")
    assert [(each.source, each.state) for each in payment.refunds.order_by("pk")] == [
        ("app", "review"), ("console", "succeeded"),
    ]  # fmt: skip
    with pytest.raises(RefundPending):
        payment.refund(amount=900, reason="x")
    refund = close_by_hand(refund, reason="refused", by=None)
    with translation.override("en"):
        assert (refund.state, explain(refund)) == ("failed", "It was closed by hand: refused")
    assert payment.refund(amount=900, reason="x").state == "succeeded"
    assert cancels(shop, payment) == [900, 900]


def test_one_that_was_refused_because_something_else_was_cancelled_is_not_said_to_have_stayed_here(
    shop: Shop, monkeypatch: Any
) -> None:
    from portone_django.flows import refunds as flow

    payment = shop.paid()
    intend = flow._Errand._intend

    def console_first(self: Any) -> bool:
        shop.sandbox.console_cancel(payment.imp_uid, 1000)
        return intend(self)

    monkeypatch.setattr(flow._Errand, "_intend", console_first)
    refund = payment.refund(amount=900, reason="x")
    assert (refund.state, refund.fail_reason, refund.send_count) == ("failed", "stale: 12900 → 11900", 1)
    with translation.override("en"):
        assert "PortOne did not carry it out" in explain(refund)


@pytest.mark.parametrize("reason", ["우리 사유", "주문 2026080600012345 반품", " 1234-5678-9012-3456 ", "끝에 공백 "])
def test_a_cancel_with_our_own_words_is_ours_although_portone_answered_no(
    shop: Shop, monkeypatch: Any, reason: str
) -> None:
    from portone_django.gateway.client import Client
    from portone_django.gateway.errors import Refused

    payment = shop.paid()
    cancel = Client.cancel_payment

    def done_and_refused(self: Any, **fields: Any) -> Any:
        cancel(self, **fields)
        raise Refused(-1, "결제취소에 실패하였습니다.")

    monkeypatch.setattr(Client, "cancel_payment", done_and_refused)
    refund = payment.refund(amount=900, reason=reason)
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


def test_a_sum_that_is_told_apart_later_counts_once(shop: Shop) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="ours")
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cancel_amount"] = 1000
    shop.sandbox.payments.save(held, shop.sandbox.now())
    shop.quiet()
    assert refund.sync().state == "review"
    held = shop.sandbox.payments.get(payment.imp_uid)
    entry = {"pg_tid": "t", "cancelled_at": shop.sandbox.now(), "receipt_url": None}
    held.record["cancel_history"] = [
        {**entry, "amount": 100, "reason": "console", "cancellation_id": "c1"},
        {**entry, "amount": 900, "reason": "ours", "cancellation_id": "c2"},
    ]
    shop.sandbox.payments.save(held, shop.sandbox.now())
    for _ in range(2):
        assert refund.sync().state == "succeeded"
        found = Refund.objects.order_by("pk").values_list("source", "state", "amount", "cancellation_id")
        assert list(found) == [("app", "succeeded", 900, "c2"), ("console", "succeeded", 100, "c1")]
    assert (fresh(payment).cancel_amount, fresh(payment).order.refunded_amount) == (1000, 1000)


def test_a_sum_of_just_our_amount_that_was_told_as_somebodys_is_not_counted_again(shop: Shop) -> None:
    payment = shop.paid()
    held = shop.sandbox.payments.get(payment.imp_uid)
    held.record["cancel_amount"] = 900
    shop.sandbox.payments.save(held, shop.sandbox.now())
    payment.sync()
    mine = Refund.objects.create(
        payment=payment, imp_uid=payment.imp_uid, source="app", state="review", amount=900, checksum=12900,
        reason="ours", open_slot=payment.imp_uid, send_count=1,
    )  # fmt: skip
    held = shop.sandbox.payments.get(payment.imp_uid)
    entry = {"pg_tid": "t", "cancelled_at": shop.sandbox.now(), "receipt_url": None}
    held.record["cancel_history"] = [{**entry, "amount": 900, "reason": "ours", "cancellation_id": "c1"}]
    shop.sandbox.payments.save(held, shop.sandbox.now())
    payment.sync()
    mine.refresh_from_db()
    told = Refund.objects.get(source="console")
    assert (mine.state, told.state, told.cancellation_id) == ("review", "succeeded", "c1")


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
