"""Two who refund at the same moment, a step of the one between two steps of the other: also where no row is locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portone_django.exceptions import RefundPending
from portone_django.flows import refunds as flow
from portone_django.flows import reserving
from portone_django.flows.refunds import carry_on
from portone_django.models import Event, Refund
from tests import ledgers
from tests.shop import Shop
from tests.wire import cancels

pytestmark = pytest.mark.django_db(transaction=True)


def meanwhile(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, deed: Callable[[], Any]) -> None:
    """The other one does `deed` just before this one gets there, once."""
    original, waiting = getattr(place, name), [deed]

    def after_the_deed(*args: Any, **options: Any) -> Any:
        if waiting:
            waiting.pop()()
        return original(*args, **options)

    monkeypatch.setattr(place, name, after_the_deed)


def slot_seems_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look for an open refund finds none, once: the other one writes theirs right after it, as no lock forbids."""
    look, blind = reserving._refuse_second, [True]

    def look_too_early(imp_uid: str) -> None:
        if blind:
            blind.pop()
        else:
            look(imp_uid)

    monkeypatch.setattr(reserving, "_refuse_second", look_too_early)


def test_a_slot_that_is_taken_after_the_look_is_refused_by_the_database_and_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    assert payment.refund(amount=900, reason="r1").state == "unknown"
    slot_seems_free(monkeypatch)
    with pytest.raises(RefundPending, match="900 won is unknown"):
        payment.refund(amount=100, reason="r2")
    assert Refund.objects.count() == 1


def test_a_reference_that_is_taken_after_the_look_is_the_same_refund(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    first = payment.refund(amount=900, reason="r1", reference="return-17")
    look, blind = Refund.objects.filter, [True]

    def look_too_early(*args: Any, **options: Any) -> Any:
        found = look(*args, **options)
        return found.none() if "reference" in options and blind and blind.pop() else found

    monkeypatch.setattr(Refund.objects, "filter", look_too_early)
    assert payment.refund(amount=900, reason="r1", reference="return-17").pk == first.pk
    assert not blind
    assert cancels(shop, payment) == [900]


def test_of_two_who_carry_on_the_same_refund_one_sends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the balance and found it right; the intent is a compare-and-swap."""
    payment = shop.paid()
    meanwhile(monkeypatch, flow._Errand, "_intend", lambda: carry_on(Refund.objects.get()))
    refund = payment.refund(amount=900, reason="r1")
    assert (refund.state, refund.send_count, cancels(shop, payment)) == ("succeeded", 1, [900])
    assert ledgers.disagreements(shop.sandbox) == []


def test_of_two_sweeps_that_send_an_unknown_refund_again_one_does(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    refund = payment.refund(amount=900, reason="r1")
    shop.quiet()
    refund.sync()
    shop.quiet()
    meanwhile(monkeypatch, flow._Errand, "_intend", lambda: carry_on(Refund.objects.get()))
    refund = refund.sync()
    assert (refund.state, refund.send_count, cancels(shop, payment)) == ("succeeded", 2, [900])
    assert ledgers.disagreements(shop.sandbox) == []


def test_a_refund_that_is_proved_while_another_gives_it_up_is_a_success(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    shop.sandbox.cancel_at_inicis(payment.imp_uid)

    def proved() -> None:
        held = shop.sandbox.payments.get(payment.imp_uid)
        held.facts["pg_cancelled"] = False
        shop.sandbox.payments.save(held, shop.sandbox.now())
        shop.sandbox.console_cancel(payment.imp_uid, 900, "r1")
        payment.sync()

    meanwhile(monkeypatch, flow, "_close", proved)
    refund = payment.refund(amount=900, reason="r1")
    assert (refund.state, payment.state) == ("succeeded", "partially_refunded")
    assert Event.objects.filter(kind="refund.failed").count() == 0
    assert ledgers.disagreements(shop.sandbox) == []


def test_a_reservation_on_a_balance_that_is_older_than_another_refund_is_never_sent(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    payment.refund(amount=5000, reason="r1")
    monkeypatch.setattr(reserving, "_balance", lambda payment, ask: (payment.imp_uid, 12900))
    refund = payment.refund(amount=900, reason="r2")
    assert (refund.state, refund.fail_reason, cancels(shop, payment)) == ("failed", "stale: 12900 → 7900", [5000])
    assert ledgers.disagreements(shop.sandbox) == []
