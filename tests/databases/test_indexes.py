"""I8: what must be unique is unique in the real schema, on every database, and under no condition."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, UniqueConstraint

from portone_django.checks.schema import required_column_sets, unique_column_sets
from portone_django.models import CashReceipt, Comparison, Refund
from tests.factories import PaymentFactory

MODELS = list(apps.get_app_config("portone").get_models())


@pytest.mark.django_db
@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_every_unique_column_and_constraint_is_a_real_unique_index(model: type[Model]) -> None:
    there = unique_column_sets(connection, model._meta.db_table)
    assert [columns for columns in required_column_sets(model) if columns not in there] == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model.__name__))
def test_no_unique_constraint_has_a_condition_that_mariadb_would_ignore(model: type[Model]) -> None:
    """MariaDB has no partial indexes: Django leaves such a constraint out with a warning (models.W036)."""
    unique = [each for each in model._meta.constraints if isinstance(each, UniqueConstraint)]
    conditional = [each.name for each in unique if each.condition is not None]
    assert conditional == []
    assert [each.name for each in unique if not each.fields] == [], "an expression is no index on MariaDB either"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Refund, CashReceipt, Comparison], ids=lambda model: str(model.__name__))
def test_a_slot_is_taken_once_and_empty_slots_do_not_collide(model: type[Model]) -> None:
    payment = PaymentFactory(state="paid", received_amount=12900, imp_uid="imp_1")
    rows = {
        Refund: {"payment": payment, "imp_uid": "imp_1", "source": "app", "amount": 1, "checksum": 12900},
        CashReceipt: {"payment": payment},
        Comparison: {"from_at": payment.created_at, "to_at": payment.created_at},
    }
    slot = {Refund: "imp_1", CashReceipt: payment.pk, Comparison: 1}[model]
    for _ in range(2):
        model._default_manager.create(**rows[model], open_slot=None)
    model._default_manager.create(**rows[model], open_slot=slot)
    with pytest.raises(IntegrityError), transaction.atomic():
        model._default_manager.create(**rows[model], open_slot=slot)


@pytest.mark.django_db(transaction=True)
def test_a_cancellation_is_one_refund_and_refunds_without_one_do_not_collide() -> None:
    payment = PaymentFactory(state="paid", received_amount=12900, imp_uid="imp_1")
    row = {"payment": payment, "imp_uid": "imp_1", "source": "console", "amount": 1, "checksum": 12900}
    for cancellation_id in (None, None, "1", "2"):
        Refund.objects.create(**row, cancellation_id=cancellation_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.create(**row, cancellation_id="1")
