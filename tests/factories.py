"""Rows for tests that need one without walking through the doors."""

import datetime as dt

import factory
from django.contrib.auth import get_user_model
from django.utils import timezone

from portone_django.models import Order, Payment


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
