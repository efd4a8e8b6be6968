"""Whether the real schema has the unique indexes that make a second payment impossible."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model, UniqueConstraint

from .registration import database_check

APP = "portone"


@database_check("portone.E022")
def check_unique_indexes(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Slots, effects and merchant_uids are only as unique as the database says (a faked migration makes none)."""
    if _has_pending_migrations(connection):
        return  # they may be what makes the index
    tables = set(connection.introspection.table_names())
    for model in apps.get_app_config(APP).get_models():
        if not router.allow_migrate_model(connection.alias, model):
            continue
        table = model._meta.db_table
        if table not in tables:
            yield _fault(f"Table {table} is missing, though its migration is recorded as applied.", table)
            continue
        there = unique_column_sets(connection, table)
        for columns in required_column_sets(model):
            if columns not in there:
                names = ", ".join(sorted(columns))
                yield _fault(
                    f"{table} has no unique index on ({names}): the same could be recorded twice.", table, names
                )


def required_column_sets(model: type[Model]) -> list[frozenset[str]]:
    """The column sets that the model declares unique, its primary key apart."""
    meta = model._meta
    columns = {field.name: str(field.column) for field in meta.local_fields}
    single = [frozenset({columns[each.name]}) for each in meta.local_fields if each.unique and not each.primary_key]
    several = [
        frozenset(columns[name] for name in constraint.fields)
        for constraint in meta.constraints
        if isinstance(constraint, UniqueConstraint) and constraint.fields and constraint.condition is None
    ]
    return [*single, *several]


def unique_column_sets(connection: BaseDatabaseWrapper, table: str) -> set[frozenset[str]]:
    """The column sets that the database keeps unique in this table."""
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return {frozenset(each["columns"]) for each in constraints.values() if each["unique"] and each["columns"]}


def _has_pending_migrations(connection: BaseDatabaseWrapper) -> bool:
    loader = MigrationLoader(connection)
    known = {key for key in loader.disk_migrations if key[0] == APP}
    return bool(known - set(loader.applied_migrations))


def _fault(sentence: str, table: str, columns: str = "") -> Error:
    sql = f"Run: CREATE UNIQUE INDEX ON {table} ({columns}); " if columns else ""
    return Error(
        sentence,
        hint=f"{sql}If duplicates stand in the way, look at them before deleting any; then compare the whole schema "
        f"with manage.py sqlmigrate {APP} 0001.",
        id="portone.E022",
    )
