"""What a shop with such users does; tests/test_uuid_users.py runs it under the settings beside this file."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from portone_django.billing import billing
from portone_django.flows.retention import purge
from portone_django.models import Event, Payment, Refund
from portone_django.orders import create_order
from portone_django.subscriptions import subscribe, use_key
from tests.admin.desk import ALL, Operator
from tests.flows.test_decisions import quarantined
from tests.members import Members
from tests.receipting import PHONE
from tests.shop import Shop

pytestmark = pytest.mark.django_db(transaction=True)


def who(**filters: Any) -> Any:
    """The key of whoever did it, as the newest such event has it."""
    return Event.objects.filter(**filters).latest("pk").data["user"]


def test_an_operator_refunds_decides_and_writes_down(shop: Shop) -> None:
    operator = Operator(*ALL)
    payment = shop.paid()
    operator.refund(payment, amount="900")
    assert "KRW 900 went back." in operator.text
    refund = Refund.objects.get()
    assert (refund.requested_by, who(kind="refund.reserved")) == (operator.user, str(operator.user.pk))
    typed = {"amount": "1000", "refunded_on": "2026-01-01", "reference": "r", "reason": "x"}
    operator.open("payment_refund_elsewhere", payment.pk).press(**typed)
    assert who(kind="refund.recorded") == str(operator.user.pk)
    held = quarantined(shop)
    operator.open("payment_resolve", held.pk).press(decision="accept", reason="x", is_sure="on")
    assert (Payment.objects.get(pk=held.pk).state, who(kind="payment.decided")) == ("paid", str(operator.user.pk))
    for page in ("event", "refund", "payment"):
        assert operator.browser.get(reverse(f"admin:portone_{page}_changelist")).status_code == 200


def test_a_superuser_adds_a_plan(admin_client: Client) -> None:
    answer = admin_client.post(
        reverse("admin:portone_plan_add"),
        {"code": "pro", "name": "Pro", "is_active": "on", "prices-TOTAL_FORMS": "0", "prices-INITIAL_FORMS": "0"},
    )
    assert answer.status_code == 302, answer.content.decode()


def test_a_customer_pays_keeps_a_card_subscribes_and_is_forgotten(members: Members) -> None:
    user, other = members.user(), members.user()
    first, second = members.card(user), members.card(user)
    second.make_default(by=user)
    assert (billing(user).default_card, who(billing_key=second)) == (second, str(user.pk))
    assert first.charge(amount=5000, name="x", reference="r").state == "paid"
    subscription = subscribe(user, members.price(9900), billing_key=second)
    plan = subscription.price.plan.code
    assert [billing(each).is_subscribed(plan) for each in (user, other)] == [True, False]
    use_key(subscription, first, by=user)
    assert members.renew(subscription).state == "paid"
    subscription.cancel(when="now", by=user)
    assert who(subscription=subscription, kind="subscription.cancelled") == str(user.pk)
    order = create_order(name="x", amount=1000, customer=user)
    assert order.customer == user
    billing(user).forget()
    assert not billing(user).cards().exists()
    lonely = members.card(other)
    other.delete()
    assert purge().cards_given_up == 1
    lonely.refresh_from_db()
    assert lonely.deletion == "requested"


def test_a_receipt_is_asked_for_by_somebody(shop: Shop) -> None:
    user = get_user_model().objects.create(username="clerk")
    assert shop.deposited().issue_cash_receipt(identifier=PHONE, by=user).state == "issued"
    assert who(kind="receipt.requested") == str(user.pk)


def test_a_user_who_is_not_saved_has_no_billing() -> None:
    with pytest.raises(TypeError, match="saved user"):
        billing(get_user_model()())
