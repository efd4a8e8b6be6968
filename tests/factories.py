"""Rows for tests that need one without walking through the doors."""

import datetime as dt
import itertools
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone

from portone_django import clock, periods
from portone_django.conf import get_config
from portone_django.lifecycles import LIVE_SUBSCRIPTION_STATES, USABLE_KEY_STATES
from portone_django.models import BillingCycle, BillingKey, CycleLine, Order, Payment, Plan, Price, Subscription

_numbers = itertools.count(1)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"customer{n}")


class OrderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Order

    reference = factory.Sequence(lambda n: f"order-{n}")
    name = "아메리카노 원두 500g"
    amount = 12900
    buyer_name = "홍길동"
    buyer_email = "buyer@example.com"
    buyer_tel = "010-0000-0000"


class PaymentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Payment

    order = factory.SubFactory(OrderFactory)
    attempt_no = factory.Sequence(lambda n: n + 1)
    merchant_uid = factory.Sequence(lambda n: f"t{n:024d}")
    state = "pending"
    open_slot = factory.LazyAttribute(lambda payment: payment.order.pk if payment.state == "pending" else None)
    amount = factory.SelfAttribute("order.amount")
    name = factory.SelfAttribute("order.name")
    channel = "checkout"
    expected_pg_provider = "html5_inicis"
    expected_pg_id = "INIpayTest"
    expected_sandbox = True
    expires_at = factory.LazyFunction(lambda: timezone.now() + dt.timedelta(minutes=30))
    next_check_at = factory.LazyFunction(lambda: timezone.now() + dt.timedelta(seconds=30))


def paid_in_the_window(sandbox: Any, *, price: int = 12900, edited: int | None = None, **terms: Any) -> Payment:
    """An attempt as a row, paid by card in the sandbox, for another amount when it was edited. Nobody has told us."""
    payment = PaymentFactory(order=OrderFactory(amount=price, **terms))
    params = {
        "merchant_uid": payment.merchant_uid, "amount": edited or price, "buyer_tel": "010-0000-0000",
        "pg": f"{payment.expected_pg_provider}.{payment.expected_pg_id}", "pay_method": "card",
    }  # fmt: skip
    sandbox.approve(sandbox.open_window(params, device="pc", user_agent="tests")["imp_uid"], card_code="366")
    return payment


def paid_payment(sandbox: Any, **terms: Any) -> Payment:
    """The same, settled by asking the sandbox."""
    return paid_in_the_window(sandbox, **terms).sync()


def plan(code: str = "pro", **terms: Any) -> Plan:
    """The plan of that code, made when there is none."""
    return Plan.objects.get_or_create(code=code, defaults={"name": code.title(), **terms})[0]


def price(plan_code: str = "pro", *, amount: int = 9900, unit: str = "month", every: int = 1, **terms: Any) -> Price:
    """A new price of a plan."""
    terms = {"code": f"{plan_code}-{next(_numbers)}", **terms}
    return Price.objects.create(plan=plan(plan_code), amount=amount, unit=unit, every=every, **terms)


def billing_key(customer: Any = None, *, state: str = "active", default: bool = False, **terms: Any) -> BillingKey:
    """A card on file as a row, of a new customer unless one is given; the sandbox knows nothing of it."""
    number, now = next(_numbers), clock.now()
    if customer is None:
        customer = UserFactory(email=f"holder{number}@example.com")
    has_card = state not in ("pending", "failed")
    terms = {
        "customer_uid": f"tc{number:024d}", "issue_uid": f"ti{number:024d}", "channel": "checkout",
        "expected_pg_provider": "html5_inicis", "expected_pg_id": "INIpayTest", "expected_sandbox": True,
        "default_slot": str(customer.pk) if default and state in USABLE_KEY_STATES else None,
        "issue_imp_uid": f"imp_{number:012d}" if has_card else None,
        "card_name": "신한카드" if has_card else "", "card_number": "433012******1234" if has_card else "",
        "registered_at": now if has_card else None, "expires_at": now + dt.timedelta(minutes=30), **terms,
    }  # fmt: skip
    return BillingKey.objects.create(customer=customer, state=state, **terms)


def subscription(
    customer: Any = None,
    *,
    state: str = "active",
    price: Price | None = None,
    reference: str = "",
    **terms: Any,
) -> Subscription:
    """A subscription as a row, in its first period, which began today; without its bill (see `cycle`).

    past_due: within its days of grace. Without a card unless billing_key=… gives one.
    """
    if customer is None:
        customer = UserFactory(email=f"subscriber{next(_numbers)}@example.com")
    price = price or _any_price()
    config, now, anchor = get_config(), clock.now(), terms.pop("anchor", clock.today())
    begun, is_live = state != "incomplete", state in LIVE_SUBSCRIPTION_STATES
    start, end = periods.period(anchor, price.unit, price.every, 1)
    terms = {
        "live_slot": None if state == "ended" else f"{customer.pk}:{reference or price.plan.code}",
        "anchor": anchor, "cycle_no": 1 if begun else 0,
        "period_start": start if begun else None, "period_end": end if begun else None,
        "next_bill_at": periods.due_at(end, config.charge_hour, config.zone) if is_live and state != "paused" else None,
        "grace_until": now + dt.timedelta(days=config.grace_days) if state == "past_due" else None,
        "started_at": now if begun else None, "ended_at": now if state == "ended" else None,
        "end_reason": "cancelled" if state == "ended" else "", **terms,
    }  # fmt: skip
    return Subscription.objects.create(customer=customer, state=state, price=price, reference=reference, **terms)


def cycle(
    subscription: Subscription, *, state: str = "open", number: int | None = None, amount: int | None = None,
    **terms: Any,
) -> BillingCycle:  # fmt: skip
    """The bill of one period (the newest unless `number` is given) with its line and, unless waived, its order."""
    price, config = subscription.price, get_config()
    number = number or max(subscription.cycle_no, 1)
    amount = price.amount if amount is None else amount
    start, end = periods.period(subscription.anchor, price.unit, price.every, number)
    due, next_due = (periods.due_at(day, config.charge_hour, config.zone) for day in (start, end))
    paid_at = clock.now() if state == "paid" else None
    if state != "waived" and "order" not in terms:
        order_state = {"paid": "paid", "uncollectible": "cancelled", "void": "cancelled"}.get(state, "open")
        terms["order"] = OrderFactory(
            kind="cycle", customer=subscription.customer, name=price.plan.name, amount=amount, state=order_state,
            reference=f"cycle-{subscription.pk}-{number}", paid_at=paid_at,
        )  # fmt: skip
    bill = BillingCycle.objects.create(
        subscription=subscription, number=number, period_start=start, period_end=end, state=state, amount=amount,
        paid_at=paid_at, **{"due_at": due, "next_due_at": next_due, **terms},
    )  # fmt: skip
    CycleLine.objects.create(cycle=bill, kind="price", name=price.plan.name, amount=amount)
    return bill


def _any_price() -> Price:
    return Price.objects.filter(plan=plan()).first() or price()
