"""Whether anything runs the purge: without it personal data is kept longer than its purpose, and hints for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.core.checks import CheckMessage, Warning
from django.db.backends.base.base import BaseDatabaseWrapper

from ..clock import tick
from ..models import Heartbeat, Order
from .beat import UNREAD, how_to_schedule, how_to_start, is_missing, is_unread
from .registration import check, database_check

TASK = "portone_django.purge"
STALE_AFTER = dt.timedelta(days=40)

_CRON_LINE = "Write, in crontab: 40 3 * * * manage.py portone_purge"


@check("portone.W040")
def check_purge_is_scheduled() -> Iterator[CheckMessage]:
    """A project with Celery has the purge in its beat schedule."""
    if is_missing(TASK):
        why = f": {UNREAD}" if is_unread(TASK) else "."
        yield Warning(f"No Celery beat entry runs the purge{why}", hint=how_to_schedule(TASK), id="portone.W040")


@database_check("portone.W040")
def check_purge_is_alive(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Whoever runs it, a purge that came to its end leaves a heartbeat; a young project may have none yet."""
    from ..flows.retention import HEARTBEAT

    if is_missing(TASK):
        return  # said above, without the database
    tables = connection.introspection.table_names()
    if not {Heartbeat._meta.db_table, Order._meta.db_table} <= set(tables):
        return
    hint = how_to_start(TASK, _CRON_LINE)
    before = tick(connection.alias) - STALE_AFTER
    beat = Heartbeat.objects.using(connection.alias).filter(name=HEARTBEAT).first()
    if beat is None:
        first = Order.objects.using(connection.alias).order_by("pk").values_list("created_at", flat=True).first()
        if first is not None and first < before:
            yield Warning("The purge has never run.", hint=hint, id="portone.W040")
    elif beat.beat_at < before:
        text = f"The purge ended last on {beat.beat_at:%Y-%m-%d}; personal data is kept longer than it should be."
        yield Warning(text, hint=hint, id="portone.W040")
