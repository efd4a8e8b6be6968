"""Eight presses at the same moment on the same form: one refund, one charge, one deletion at PortOne, eight answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from portone_django.models import Event, Refund, Subscription
from tests.flows.test_decisions import late
from tests.members import GOOD, NO_FUNDS, Members
from tests.shop import Shop

from .desk import ACCOUNT, ALL, Operator

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

THREADS = 8


def at_once(operator: Operator, fields: Callable[[int], dict[str, Any]]) -> list[int]:
    """Post the page's form from eight browsers of one session at once; the statuses of their answers."""
    start = threading.Barrier(THREADS)
    answers: list[int] = []

    def press(number: int) -> None:
        browser = Client(headers={"accept-language": "en"})
        browser.cookies = operator.browser.cookies.copy()
        try:
            start.wait(30)
            answers.append(browser.post(operator.url, fields(number)).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("is_vbank", [False, True])
@pytest.mark.parametrize("button", ["look", "everything"])
def test_the_same_form_pressed_eight_times_at_once_refunds_once(shop: Shop, is_vbank: bool, button: str) -> None:
    operator = Operator(*ALL)
    payment = shop.deposited() if is_vbank else shop.paid()
    operator.open("payment_refund", payment.pk).press(button, amount="900", reason="x")
    typed = {**operator.fields(), "send": "1", **(ACCOUNT if is_vbank else {})}

    answers = at_once(operator, lambda number: typed)

    refund = Refund.objects.get()
    amount = 900 if button == "look" else 12900
    assert (refund.state, refund.amount, refund.send_count) == ("succeeded", amount, 1)
    assert shop.sandbox.payment(payment.imp_uid)["cancel_amount"] == amount
    assert answers == [303] * THREADS
    assert Event.objects.filter(kind="payment.refunded").count() == 1


def test_eight_forms_with_eight_parts_at_once_never_send_back_more_than_there_is(shop: Shop) -> None:
    operator = Operator(*ALL)
    payment = shop.paid()
    operator.open("payment_refund", payment.pk).press("look", amount="5000", reason="x")
    typed = {**operator.fields(), "send": "1"}
    numbers = [f"admin-{number:032x}" for number in range(THREADS)]

    answers = at_once(operator, lambda number: {**typed, "form": numbers[number], "amount": str(5000 + number)})

    cancelled = shop.sandbox.payment(payment.imp_uid)["cancel_amount"]
    done = [each.amount for each in Refund.objects.filter(state="succeeded")]
    assert sum(done) == cancelled <= 12900
    assert set(answers) <= {200, 303}
    assert all(each.send_count <= 1 for each in Refund.objects.all())


def test_a_decision_pressed_eight_times_at_once_is_made_once(shop: Shop) -> None:
    operator = Operator(*ALL)
    payment = late(shop)
    operator.open("payment_resolve", payment.pk)
    typed = {"decision": "accept", "reason": "x", "is_sure": "on"}

    answers = at_once(operator, lambda number: typed)

    payment.refresh_from_db()
    assert (payment.hold_reason, payment.order.state) == ("", "paid")
    assert Event.objects.filter(kind="payment.decided").count() == 1
    assert sorted(answers) == [200] * (THREADS - 1) + [303]


def test_a_cancellation_with_its_refund_pressed_eight_times_at_once_is_one(members: Members) -> None:
    operator = Operator(*ALL)
    kept = members.subscribed()
    (payment,) = members.charges(kept)
    operator.open("subscription_cancel", kept.pk)
    typed = {"decision": "now:all:9900", "reason": "x", "is_sure": "on"}

    answers = at_once(operator, lambda number: typed)

    assert Refund.objects.get().send_count == 1
    assert members.sandbox.payment(payment.imp_uid)["cancel_amount"] == 9900
    assert Event.objects.filter(kind="subscription.cancelled").count() == 1
    assert set(answers) <= {200, 303}


@pytest.mark.parametrize("number", [GOOD, NO_FUNDS])
def test_a_bill_tried_again_eight_times_at_once_is_charged_once(members: Members, number: str) -> None:
    operator = Operator(*ALL)
    kept = members.subscribed(NO_FUNDS)
    members.renew(kept)
    if number == GOOD:
        members.change_card(kept, GOOD)
    operator.open("subscription_retry", kept.pk)
    typed = operator.fields()

    answers = at_once(operator, lambda number: typed)

    assert answers == [303] * THREADS
    assert len(members.charges(kept)) == 3
    assert members.taken(kept) == ([9900, 9900] if number == GOOD else [9900])


def test_a_subscription_taken_up_eight_times_at_once_is_charged_once(members: Members) -> None:
    operator = Operator(*ALL)
    kept = members.subscribed()
    Subscription.objects.filter(pk=kept.pk).update(state="paused", next_bill_at=None)
    operator.open("subscription_resume", kept.pk)
    typed = operator.fields()

    answers = at_once(operator, lambda number: typed)

    assert answers == [303] * THREADS
    assert members.taken(kept) == [9900, 9900]


def test_a_card_deleted_eight_times_at_once_is_asked_for_once(members: Members) -> None:
    operator = Operator(*ALL)
    key = members.card(members.user())
    operator.open("billingkey_remove", key.pk)

    answers = at_once(operator, lambda number: {"is_sure": "on"})

    key.refresh_from_db()
    assert key.state == "deleted"
    assert answers == [303] * THREADS
    assert Event.objects.filter(kind="billing_key.deletion_requested").count() == 1
