"""What an error of the database is about, in words: it is away, or nobody has run migrate."""

from __future__ import annotations

from django.apps import apps
from django.db import DatabaseError, InterfaceError, connections, router
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

from ..models import Payment

MIGRATE = "manage.py migrate"


def explain(error: Exception) -> tuple[str, str]:
    """A sentence, and the command to run ("" when none helps). Of the error only the type: a driver's message may carry
    the database's address and user."""
    name = type(error).__name__
    if _is_migrate_due():
        return _("The database has no tables of ours, or not the newest (%(error)s).") % {"error": name}, MIGRATE
    return _("The database did not answer (%s).") % name, ""


def _is_migrate_due() -> bool:
    """Whether a table or a migration of ours is missing; False when the database does not say."""
    connection = connections[router.db_for_write(Payment)]
    portone = apps.get_app_config(Payment._meta.app_label)
    try:
        tables = set(connection.introspection.table_names())
        applied = MigrationLoader(connection)
    except (DatabaseError, InterfaceError):
        return False
    is_pending = any(key[0] == portone.label for key in set(applied.disk_migrations) - set(applied.applied_migrations))
    return is_pending or any(model._meta.db_table not in tables for model in portone.get_models())
