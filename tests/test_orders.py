"""Orders: created once, changed while open, cancelled, lapsed; bad terms get a clear error and write nothing."""

import datetime as dt
import threading
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from portone_django import signals
from portone_django.exceptions import OrderConflict, OrderNotOpen, PaymentPending
from portone_django.flows.expiry import expire_orders
from portone_django.lifecycles import OPEN_ORDER_STATES, SETTLED_ORDER_STATES
from portone_django.models import Event, Order, Payment
from portone_django.orders import create_order
from tests.factories import OrderFactory, PaymentFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_the_same_reference_makes_one_order() -> None:
    first = create_order(name="원두", amount=9900, reference="cart-1")
    second = create_order(name="원두", amount=9900, reference="cart-1")
    assert first.pk == second.pk
    assert Event.objects.filter(kind="order.created").count() == 1


def test_the_same_reference_with_other_terms_is_a_conflict_that_names_them() -> None:
    create_order(name="원두", amount=9900, reference="cart-1")
    with pytest.raises(OrderConflict, match="amount: 9900 there, 12900 asked") as caught:
        create_order(name="원두", amount=12900, reference="cart-1")
    assert caught.value.differences == {"amount": (9900, 12900)}
    assert Order.objects.get().amount == 9900


def test_another_customer_cannot_take_over_a_reference() -> None:
    create_order(name="원두", amount=9900, reference="cart-1", customer=UserFactory())
    with pytest.raises(OrderConflict, match="customer"):
        create_order(name="원두", amount=9900, reference="cart-1", customer=UserFactory())


def test_an_anonymous_customer_is_no_customer() -> None:
    assert create_order(name="원두", amount=9900, customer=AnonymousUser()).customer is None


@pytest.mark.parametrize("wrong", ["hong", 7, object()])
def test_what_is_no_user_is_not_taken_for_an_anonymous_one(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"customer must be a user or None.* Write: customer=request\.user"):
        create_order(name="원두", amount=9900, customer=wrong)


@pytest.mark.parametrize(
    ("terms", "error", "says"),
    [
        ({"amount": True}, TypeError, "amount"),
        ({"amount": "9900"}, TypeError, "amount"),
        ({"amount": 9900.0}, TypeError, "amount"),
        ({"amount": -1}, ValueError, "amount"),
        ({"amount": 10**12}, ValueError, "amount"),
        ({"currency": "krw"}, ValueError, "KRW"),
        ({"name": "  "}, ValueError, "name"),
        ({"name": "x" * 201}, ValueError, "201 characters"),
        ({"reference": ""}, ValueError, "reference"),
        ({"name": "a\x00b"}, ValueError, "NUL"),
        ({"tax_free_amount": 9901}, ValueError, "tax_free_amount"),
        ({"tax_free_amount": 5000, "vat_amount": 4901}, ValueError, "vat_amount"),
        ({"vat_amount": True}, TypeError, "vat_amount"),
        ({"expires_at": dt.datetime(2030, 1, 1)}, ValueError, "aware"),  # noqa: DTZ001
        ({"buyer_tel": 1012345678}, TypeError, "buyer_tel"),
    ],
)
def test_bad_terms_say_what_is_wrong_and_write_nothing(
    terms: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        create_order(**{"name": "원두", "amount": 9900, **terms})
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    "values", [{"amount": -1}, {"tax_free_amount": 20000}, {"vat_amount": -1}, {"refunded_amount": 12901}]
)
def test_the_database_itself_refuses_impossible_amounts(values: dict[str, int]) -> None:
    order = OrderFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(**values)


def test_the_database_itself_refuses_a_payment_of_nothing() -> None:
    payment = PaymentFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=payment.pk).update(amount=0)


def test_an_order_of_nothing_is_paid_at_once_without_portone(
    django_capture_on_commit_callbacks: Any,
) -> None:
    paid: list[int] = []

    def receiver(*, order: Order, payment: Payment | None, **kwargs: Any) -> None:
        assert payment is None
        paid.append(order.pk)

    signals.order_paid.connect(receiver)
    with django_capture_on_commit_callbacks(execute=True):
        order = create_order(name="쿠폰으로 전액 할인", amount=0)
    signals.order_paid.disconnect(receiver)
    assert order.is_paid
    assert paid == [order.pk]


def test_an_open_order_changes_and_remembers_what_it_was() -> None:
    order = create_order(name="원두", amount=9900)
    order.change(amount=15000)
    assert Order.objects.get().amount == 15000
    assert Event.objects.get(kind="order.changed").data == {"amount": [9900, 15000]}


def test_a_change_to_nothing_settles_the_order() -> None:
    order = create_order(name="원두", amount=9900)
    assert order.change(amount=0).is_paid


def test_a_change_is_checked_like_a_new_order() -> None:
    order = create_order(name="원두", amount=9900, tax_free_amount=9000)
    with pytest.raises(ValueError, match="tax_free_amount"):
        order.change(amount=5000)
    with pytest.raises(TypeError, match="state"):
        order.change(state="paid")
    assert Order.objects.get().amount == 9900


@pytest.mark.parametrize("state", ["paid", "refunded", "expired", "cancelled", "awaiting_deposit"])
def test_an_order_that_is_not_open_does_not_change(state: str) -> None:
    order = OrderFactory(state=state)
    with pytest.raises(OrderNotOpen, match=state):
        order.change(amount=1)


def test_an_order_does_not_change_while_its_payment_is_undecided() -> None:
    payment = PaymentFactory(state="unknown", open_slot=None)
    Payment.objects.update(open_slot=payment.order_id)
    with pytest.raises(PaymentPending, match="unknown"):
        payment.order.change(amount=1)


def test_cancelling_twice_is_cancelling_once() -> None:
    order = create_order(name="원두", amount=9900)
    order.cancel(reason="품절")
    order.cancel()
    assert Order.objects.get().state == "cancelled"
    assert Event.objects.filter(kind="order.cancelled").count() == 1


def test_a_paid_order_is_not_cancelled() -> None:
    with pytest.raises(OrderNotOpen):
        OrderFactory(state="paid").cancel()


def test_an_order_lapses_at_its_time_and_not_while_an_attempt_is_open() -> None:
    past = timezone.now() - dt.timedelta(minutes=1)
    lapsed, trying = OrderFactory(expires_at=past), OrderFactory(expires_at=past)
    lasting = OrderFactory(expires_at=timezone.now() + dt.timedelta(hours=1))
    PaymentFactory(order=trying)
    assert expire_orders() == 1
    states = {order.pk: order.state for order in Order.objects.all()}
    assert states == {lapsed.pk: "expired", trying.pk: "open", lasting.pk: "open"}


def test_every_question_gives_the_same_answer_on_row_and_queryset() -> None:
    for state in Order.State.values:
        order = OrderFactory(state=state)
        assert order.is_open is (state in OPEN_ORDER_STATES)
        assert order.is_paid is (state in SETTLED_ORDER_STATES)
        assert Order.objects.is_open().filter(pk=order.pk).exists() is order.is_open
        assert Order.objects.is_paid().filter(pk=order.pk).exists() is order.is_paid
        for hold in Payment.Hold.values:
            for payment_state in Payment.State.values:
                payment = PaymentFactory(order=order, state=payment_state, hold_reason=hold, open_slot=None)
                for question in ("is_open", "is_received", "is_held"):
                    there = getattr(Payment.objects, question)().filter(pk=payment.pk).exists()
                    assert there is getattr(payment, question), (question, payment_state, hold)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_twenty_simultaneous_creations_of_one_reference_make_one_order() -> None:
    barrier = threading.Barrier(20)
    seen: list[int] = []

    def create() -> None:
        barrier.wait()
        seen.append(create_order(name="원두", amount=9900, reference="cart-1").pk)
        connection.close()

    threads = [threading.Thread(target=create) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 20
    assert len(set(seen)) == 1
