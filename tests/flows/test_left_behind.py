"""E13: a charge that ends its worker again and again goes to a person; one that was only claimed does not."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.flows.charging import MOST_CRASHES, Charge
from portone_django.flows.claims import claim
from portone_django.models import Payment
from tests.members import Members

pytestmark = pytest.mark.django_db


def an_unknown_charge(members: Members) -> Payment:
    """Sent and charged, and nobody here knows."""
    subscription = members.subscribed()
    members.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    members.renew(subscription)
    members.ask_again()
    payment = members.charges(subscription)[-1]
    assert payment.state == "unknown"
    return payment


def test_what_is_claimed_and_given_back_untouched_was_not_left_behind(members: Members) -> None:
    """While PortOne is away, every drain claims a few more than it asks about."""
    payment = an_unknown_charge(members)
    for _ in range(MOST_CRASHES * 2):
        (claimed,) = claim(10)
        Charge(claimed, claimed_at=0.0).give_back()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.crash_count) == ("paid", 0)


def test_a_look_up_that_ends_its_worker_each_time_goes_to_a_person(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = an_unknown_charge(members)
    with monkeypatch.context() as patch:
        patch.setattr("portone_django.flows.charging.sync_payment", _die)
        for _ in range(MOST_CRASHES):
            assert Payment.objects.get(pk=payment.pk).state == "unknown"
            members.engine()
            members.ask_again()
    members.engine()
    payment.refresh_from_db()
    assert (payment.state, payment.charge_due_at) == ("review", None)


def _die(*arguments: Any, **options: Any) -> None:
    raise MemoryError
