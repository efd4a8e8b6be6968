"""Rows that are changed in memory and written once: only what changed, and where asked only if nobody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.models import Model
from django.views.decorators.debug import sensitive_variables

from ..clock import wall
from . import bulk

Values = dict[str, Any]
Row = tuple[Model, Values, Values]


class Stale(Exception):
    """A row is not any more what it was when it was read: the step is done anew, under locks."""


@sensitive_variables()
def values_of(row: Model) -> Values:
    """The columns as they are now, to compare with later."""
    state = row.__dict__
    values = {field.attname: state[field.attname] for field in row._meta.concrete_fields}
    return {name: dict(value) if type(value) is dict else value for name, value in values.items()}


@sensitive_variables()
def write_changes(row: Any, before: Values, *, is_claimed: bool = False) -> None:
    """Write what differs from `before`, in one UPDATE. `is_claimed`: the row is not locked but was only read, so
    Stale is raised when it was written (or its lease taken) since."""
    changed = _changed(row, before)
    if not changed:
        return
    rows = type(row)._default_manager.filter(pk=row.pk)
    if is_claimed:
        rows = rows.filter(updated_at=before["updated_at"])
        if before.get("lease_token"):
            rows = rows.filter(lease_token=before["lease_token"], state=before["state"])
    row.updated_at = wall()
    if not rows.update(**changed, updated_at=row.updated_at) and is_claimed:
        raise Stale


class Changes:
    """Rows that were read and not locked, changed in memory by many small steps and written together: Stale is raised
    if any of them was written (or its lease taken) since. In the caller's transaction."""

    def __init__(self) -> None:
        self._rows: dict[type[Model], dict[Any, tuple[Model, Values]]] = {}

    def add(self, row: Model, before: Values) -> None:
        """A row that is to be written, and its columns as they were read."""
        self._rows.setdefault(type(row), {})[row.pk] = (row, before)

    @sensitive_variables()
    def write(self) -> None:
        """Write what changed, a table at a time, in the order in which the tables were first added."""
        for model, added in self._rows.items():
            rows = [(row, before, changed) for row, before in added.values() if (changed := _changed(row, before))]
            if len(rows) > 1 and bulk.is_there(model):
                _write_together(model, rows)
            else:
                for row, before, _ in rows:
                    write_changes(row, before, is_claimed=True)


@sensitive_variables()
def _changed(row: Model, before: Values) -> Values:
    values = values_of(row)
    return {name: value for name, value in values.items() if value is not before[name] and value != before[name]}


@sensitive_variables()
def _write_together(model: type[Model], rows: Sequence[Row]) -> None:
    """A column that changed in one of them is written, as it is in memory, in the others, too."""
    names = sorted({name for _, _, changed in rows for name in changed} | {"updated_at"})
    guards = ["updated_at", *(["lease_token", "state"] if "lease_token" in rows[0][1] else [])]
    now = wall()
    for row, _, _ in rows:
        row.__dict__["updated_at"] = now
    was = [[before[name] for name in guards] for _, before, _ in rows]
    if bulk.update([row for row, _, _ in rows], names, guards, was) != len(rows):
        raise Stale


def write_many(rows: Sequence[Model], columns: Sequence[str]) -> None:
    """Write these columns of rows that are there and locked, in one statement: where there is no `bulk`, by an upsert,
    which costs a seventh of bulk_update's CASE WHEN (benchmarks/)."""
    model = type(rows[0])
    if bulk.is_there(model):
        bulk.update(rows, columns, [], [[]] * len(rows))
        return
    manager = model._default_manager
    has_target = connections[manager.db].features.supports_update_conflicts_with_target
    manager.bulk_create(
        rows, update_conflicts=True, update_fields=columns, unique_fields=["id"] if has_target else None
    )
