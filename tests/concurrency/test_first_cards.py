"""Two cards of one customer become usable at the same moment: one of them is the default, on every database."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from portone_django.flows import activation
from portone_django.flows.registration import sync_registration
from portone_django.models import BillingKey, Event
from tests.factories import UserFactory
from tests.shop import Shop

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]


def test_one_of_two_first_cards_is_the_default(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    user, meeting = UserFactory(), threading.Barrier(2)
    keys = []
    for _ in range(2):
        started = shop.press_register(user)
        shop.sandbox.approve(shop.window(started), pay_method="card", card_code="366")
        keys.append(shop.billing_key(started))
    look = activation.take_free_default

    def look_and_wait(key: BillingKey) -> None:
        look(key)
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=5)
        meeting.abort()  # who comes again is alone

    monkeypatch.setattr(activation, "take_free_default", look_and_wait)
    broken: list[Any] = []

    def register(key: BillingKey) -> None:
        try:
            sync_registration(key, source="test")
        except Exception as error:
            broken.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    mine = BillingKey.objects.filter(customer=user, state="active")
    assert (mine.count(), mine.is_default().count()) == (2, 1)
    assert Event.objects.filter(kind="billing_key.registered").count() == 2
