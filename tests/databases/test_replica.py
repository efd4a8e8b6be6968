"""I5: a router that reads from a stale copy cannot make a refund too many: what decides is locked, on the primary.

Check portone.E024 refuses such a router (tests/checks/test_placement.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper

from portone_django import refunds
from portone_django.exceptions import PaymentError
from portone_django.flows.refunds import carry_on
from portone_django.models import Order, Payment, Refund
from tests.shop import Shop
from tests.wire import cancels, fresh

from .ledgers import differences, let_time_pass

pytestmark = pytest.mark.django_db(transaction=True)

REPLICA = "replica"


class ReadsFromTheReplica:
    """As a project's router does it that forgot our models."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return REPLICA if model._meta.app_label == "portone" else None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True


@pytest.fixture
def stale(tmp_path: Any, transactional_db: None, settings: Any) -> Iterator[Any]:
    """Copy the primary's rows to a replica, and from then on read from there: stale() as of now."""
    file = {**connections.settings["default"], "NAME": str(tmp_path / "replica.sqlite3"), "OPTIONS": {}}
    connections[REPLICA] = DatabaseWrapper(file, alias=REPLICA)
    call_command("migrate", "portone", database=REPLICA, verbosity=0)

    def freeze() -> None:
        rows = {model: list(model._default_manager.all()) for model in (Order, Payment, Refund)}
        for model, objects in rows.items():
            model._default_manager.using(REPLICA).bulk_create(objects)
        settings.DATABASE_ROUTERS = [f"{__name__}.ReadsFromTheReplica"]

    yield freeze
    settings.DATABASE_ROUTERS = []
    connections[REPLICA].close()
    del connections[REPLICA]


def test_the_balance_that_a_refund_is_reserved_on_is_the_primarys(shop: Shop, stale: Any) -> None:
    payment = shop.paid()
    stale()
    Payment.objects.filter(pk=payment.pk).update(cancel_amount=12000, state="partially_refunded")
    known = Payment.objects.get(pk=payment.pk)
    assert known.remaining_amount == 12900, "the copy is stale"
    with pytest.raises(ValueError, match="900"):
        known.request_refund(amount=901, reason="x")
    with transaction.atomic():
        assert known.request_refund(reason="x").checksum == 900
        transaction.set_rollback(True)


def test_a_refund_that_the_copy_still_shows_as_reserved_is_sent_once(
    shop: Shop, stale: Any, sent: list[Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = shop.paid()
    with monkeypatch.context() as patch:
        patch.setattr(refunds, "carry_on", lambda refund, *args, **options: refund)
        refund = payment.refund(amount=900, reason="x")
    stale()
    for _ in range(3):
        # What is raised counts for nothing here: such a router is refused at the start.
        with suppress(PaymentError, DatabaseError):
            carry_on(refund)
        assert Refund.objects.get(pk=refund.pk).state == "reserved", "the copy is stale"
    assert (cancels(shop, payment), len(sent)) == ([900], 1)
    settings.DATABASE_ROUTERS = []
    let_time_pass(shop)
    assert (cancels(shop, payment), len(sent), fresh(payment).cancel_amount) == ([900], 1, 900)
    assert differences(shop) == []
