"""Many rows in one statement, for PostgreSQL: what is the same in all of them is written into the statement once.

A renewal writes wide rows that differ in a few columns. Django's bulk_create prepares and sends every column of every
row, and its bulk_update is a CASE for each: most of what a drain did (benchmarks/). Elsewhere Django does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections, router
from django.db.models import Field, JSONField, Model
from django.db.models.sql import Query
from django.views.decorators.debug import sensitive_variables

# SQL and its parameters.
Piece = tuple[str, Sequence[Any]]


def is_there(model: type[Model]) -> bool:
    """Whether the database of the model is PostgreSQL."""
    return bool(_connection(model).vendor == "postgresql")


@sensitive_variables()
def insert(rows: Sequence[Model], unique: str) -> None:
    """Insert them, and give each its primary key. `unique` is a column that is known and different in each."""
    if not rows:
        return
    model = type(rows[0])
    if len(rows) == 1 or not is_there(model):
        model._default_manager.bulk_create(rows)
        return
    connection, meta = _connection(model), model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    for row in rows:
        row._prepare_related_fields_for_save(operation_name="bulk_create")  # type: ignore[attr-defined]
    values = _Values(fields, [[field.pre_save(row, add=True) for field in fields] for row in rows], connection)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    known = next(field for field in fields if unique in (field.name, field.attname))
    returned = ", ".join(quote(str(field.column)) for field in (meta.pk, known))
    chosen = _join(values.columns)
    sql = (
        f"INSERT INTO {quote(meta.db_table)} ({columns}) SELECT {chosen[0]} FROM {values.table[0]} RETURNING {returned}"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*chosen[1], *values.table[1]])
        keys = {str(value): key for key, value in cursor.fetchall()}
    for row in rows:
        row.pk = keys[str(getattr(row, unique))]
        row._state.adding, row._state.db = False, connection.alias


@sensitive_variables()
def update(rows: Sequence[Model], names: Sequence[str], guards: Sequence[str], was: Sequence[Sequence[Any]]) -> int:
    """Write these columns of the rows whose `guards` still are what they `was`; returns how many those were."""
    model = type(rows[0])
    connection, meta = _connection(model), model._meta
    quote = connection.ops.quote_name
    by_name: dict[str, Field[Any, Any]] = {field.attname: field for field in meta.concrete_fields}
    key = by_name[meta.pk.attname]
    fields = [key, *(by_name[name] for name in (*guards, *names))]
    own = [[row.pk, *before, *(row.__dict__[name] for name in names)] for row, before in zip(rows, was, strict=True)]
    values = _Values(fields, own, connection)
    table, first_new = quote(meta.db_table), 1 + len(guards)
    written = _join([
        (f"{quote(str(field.column))} = {sql}", params)
        for field, (sql, params) in zip(fields[first_new:], values.columns[first_new:], strict=True)
    ])  # fmt: skip
    same = _join([
        (f"{table}.{quote(str(field.column))} = {sql}", params)
        for field, (sql, params) in zip(fields[:first_new], values.columns[:first_new], strict=True)
    ], " AND ")  # fmt: skip
    sql = f"UPDATE {table} SET {written[0]} FROM {values.table[0]} WHERE {same[0]}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*written[1], *values.table[1], *same[1]])
        return int(cursor.rowcount)


class _Values:
    """Rows as a table of VALUES with the columns that differ; `columns` says for each what to read for it."""

    def __init__(self, fields: Sequence[Field[Any, Any]], rows: Sequence[Sequence[Any]], connection: Any) -> None:
        self.columns: list[Piece] = []
        differing: list[list[Piece]] = []
        names: list[str] = []
        for number, field in enumerate(fields):
            values = [row[number] for row in rows]
            if _is_the_same(field, values):
                self.columns.append(_placed(field, values[0], connection))
                continue
            names.append(f"c{number}")
            self.columns.append((f"v.c{number}", ()))
            pieces = [_placed(field, value, connection) for value in values]
            # The first row tells the types of all.
            pieces[0] = (f"CAST({pieces[0][0]} AS {_sql_type(field, connection)})", pieces[0][1])
            differing.append(pieces)
        listed = [_join(pieces) for pieces in zip(*differing, strict=True)]
        table, params = _join([(f"({sql})", params) for sql, params in listed])
        self.table: Piece = (f"(VALUES {table}) AS v({', '.join(names)})", params)


def _is_the_same(field: Field[Any, Any], values: Sequence[Any]) -> bool:
    # A table must have a column: the key. In JSON 1 and true differ, and in Python they do not.
    if field.primary_key or (isinstance(field, JSONField) and any(values)):
        return False
    return all(value is values[0] or value == values[0] for value in values)


def _join(pieces: Sequence[Piece], by: str = ", ") -> Piece:
    return by.join([sql for sql, _ in pieces]), [value for _, params in pieces for value in params]


def _placed(field: Field[Any, Any], value: Any, connection: Any) -> Piece:
    """What stands for the value in SQL."""
    if not hasattr(value, "resolve_expression"):
        return "%s", (field.get_db_prep_save(value, connection),)
    query = Query(field.model)
    sql, params = query.get_compiler(connection=connection).compile(value.resolve_expression(query, for_save=True))
    return sql, params


def _sql_type(field: Field[Any, Any], connection: Any) -> str:
    """Of a value, not of its column: a cast to varchar(40) would cut a text that the column refuses."""
    name = str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))
    return "text" if name.startswith("varchar") else name


def _connection(model: type[Model]) -> Any:
    return connections[router.db_for_write(model)]
