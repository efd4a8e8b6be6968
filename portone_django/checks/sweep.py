"""Whether anything runs the sweep: without it a payment whose webhook is lost is never delivered."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning
from django.db.backends.base.base import BaseDatabaseWrapper

from ..clock import tick
from ..models import Heartbeat
from .registration import check, database_check

TASK = "portone_django.reconcile"
STALE_AFTER = dt.timedelta(minutes=10)

_BEAT_LINE = (
    "Write: from portone_django.tasks import BEAT_SCHEDULE; app.conf.beat_schedule = {**BEAT_SCHEDULE, …}, and run "
    "celery beat and a worker."
)
_CRON_LINE = "Write, in crontab: * * * * * manage.py portone_reconcile --quiet (or run portone_reconcile --loop 15)."


@check("portone.W016")
def check_sweep_is_scheduled() -> Iterator[CheckMessage]:
    """A project with Celery has the sweep in its beat schedule."""
    app = _celery_app()
    if app is not None and not _is_scheduled(app):
        yield Warning("No Celery beat entry runs the sweep.", hint=_BEAT_LINE, id="portone.W016")


@database_check("portone.W016")
def check_sweep_is_alive(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Whoever runs it, a sweep that ended leaves a heartbeat."""
    from ..flows.reconciliation import HEARTBEAT

    app = _celery_app()
    if app is not None and not _is_scheduled(app):
        return  # said above, without the database
    if Heartbeat._meta.db_table not in connection.introspection.table_names():
        return
    beat = Heartbeat.objects.using(connection.alias).filter(name=HEARTBEAT).first()
    hint = _CRON_LINE if app is None else "Start celery beat and a worker; their logs say why they stand."
    if beat is None:
        if app is None:
            yield Warning("The sweep has never run, and no Celery beat entry runs it.", hint=hint, id="portone.W016")
    elif tick(connection.alias) - beat.beat_at > STALE_AFTER:
        yield Warning(
            f"The sweep ended last at {beat.beat_at:%Y-%m-%d %H:%M} UTC; lost webhooks are not made up for.",
            hint=hint,
            id="portone.W016",
        )


def _celery_app() -> Any:
    """The project's Celery app, if it has one with a broker."""
    celery = sys.modules.get("celery")
    if celery is None or not celery.current_app.conf.broker_url:
        return None
    return celery.current_app


def _is_scheduled(app: Any) -> bool:
    # A scheduler that keeps its entries in the database cannot be read from here; its heartbeat can.
    if "database" in str(app.conf.beat_scheduler).lower():
        return True
    return any(entry.get("task") == TASK for entry in (app.conf.beat_schedule or {}).values())
