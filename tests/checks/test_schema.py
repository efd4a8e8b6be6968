"""E022: the unique indexes are in the real schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from portone_django.models import Event, Heartbeat, Order, Payment, WebhookDelivery

from .conftest import Said

ONCE = next(each for each in WebhookDelivery._meta.constraints if each.name == "portone_webhook_once")


@pytest.fixture
def without_constraint(transactional_db: None) -> Iterator[None]:
    declared, WebhookDelivery._meta.constraints = WebhookDelivery._meta.constraints, []
    with connection.schema_editor() as editor:
        editor.remove_constraint(WebhookDelivery, ONCE)
    WebhookDelivery._meta.constraints = declared
    yield
    with connection.schema_editor() as editor:
        editor.add_constraint(WebhookDelivery, ONCE)


@pytest.fixture
def changed_field(transactional_db: None) -> Iterator[Callable[[type[models.Model], str], None]]:
    """Make a unique field an ordinary one, until the end of the test."""
    changed: list[tuple[type[models.Model], models.Field, models.Field]] = []  # type: ignore[type-arg]

    def change(model: type[models.Model], name: str) -> None:
        field = model._meta.get_field(name)
        assert isinstance(field, models.Field)
        plain = field.clone()
        plain._unique = False
        plain.set_attributes_from_name(name)
        plain.model = model
        with connection.schema_editor() as editor:
            editor.alter_field(model, field, plain)
        changed.append((model, plain, field))

    yield change
    for model, plain, field in changed:
        with connection.schema_editor() as editor:
            editor.alter_field(model, plain, field)


@pytest.mark.django_db
def test_a_migrated_database_has_them_all(said: Said) -> None:
    assert said("portone.E022", databases=["default"]) == []


def test_a_missing_constraint_over_several_columns_is_named(said: Said, without_constraint: None) -> None:
    (message,) = said("portone.E022", databases=["default"])

    assert "portone_webhookdelivery" in message.msg
    assert "(cancellation_id, imp_uid, merchant_uid, status)" in message.msg
    assert message.hint
    assert "CREATE UNIQUE INDEX" in message.hint


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Payment, "open_slot"),
        (Payment, "paid_slot"),
        (Payment, "merchant_uid"),
        (Event, "effect"),
        (Order, "reference"),
    ],
)
def test_a_slot_that_the_database_does_not_keep_unique_is_an_error(
    said: Said,
    changed_field: Callable[[type[models.Model], str], None],
    model: type[models.Model],
    name: str,
) -> None:
    changed_field(model, name)

    (message,) = said("portone.E022", databases=["default"])

    assert f"{model._meta.db_table} has no unique index on ({name})" in message.msg


@pytest.mark.django_db(transaction=True)
def test_a_faked_migration_is_seen_by_its_missing_table(said: Said) -> None:
    with connection.schema_editor() as editor:
        editor.delete_model(Heartbeat)
    try:
        (message,) = said("portone.E022", databases=["default"])
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(Heartbeat)

    assert "Table portone_heartbeat is missing" in message.msg


def test_a_pending_migration_is_given_the_chance_to_make_the_index(said: Said, without_constraint: None) -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("portone", "0001_initial")
    try:
        assert said("portone.E022", databases=["default"]) == []
    finally:
        recorder.record_applied("portone", "0001_initial")
