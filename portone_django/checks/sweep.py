"""Whether anything runs the sweep and the charges: else lost webhooks are not made up for, and no bill is charged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.core.checks import CheckMessage, Warning
from django.db.backends.base.base import BaseDatabaseWrapper

from ..clock import tick
from ..lifecycles import LIVE_SUBSCRIPTION_STATES
from ..models import Heartbeat, Subscription
from .beat import UNREAD, app_lines, celery_app, how_to_schedule, how_to_start, is_missing, is_unread
from .registration import check, database_check

TASK = "portone_django.reconcile"
CHARGE_TASK = "portone_django.charge_due"
STALE_AFTER = dt.timedelta(minutes=10)

_CRON_LINE = "Write, in crontab: * * * * * manage.py portone_reconcile --quiet (or run portone_reconcile --loop 15)."

_CHARGE_LINE = (
    'Keep "portone-charge-due" in CELERY_BEAT_SCHEDULE, with celery beat and a worker running, or run: manage.py '
    "portone_charge_due --loop"
)


@check("portone.W016")
def check_sweep_is_scheduled() -> Iterator[CheckMessage]:
    """A project with Celery has the sweep in its beat schedule."""
    if is_missing(TASK):
        why = f": {UNREAD}" if is_unread(TASK) else "."
        yield Warning(f"No Celery beat entry runs the sweep{why}", hint=how_to_schedule(TASK), id="portone.W016")


@database_check("portone.W016")
def check_sweep_is_alive(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Whoever runs it, a sweep that ended leaves a heartbeat."""
    from ..flows.reconciliation import HEARTBEAT

    if is_missing(TASK):
        return  # said above, without the database
    if Heartbeat._meta.db_table not in connection.introspection.table_names():
        return
    beat = Heartbeat.objects.using(connection.alias).filter(name=HEARTBEAT).first()
    hint = how_to_start(TASK, _CRON_LINE)
    if beat is None:
        if celery_app() is None:
            why = f": {UNREAD}" if is_unread(TASK) else ", and no Celery beat entry runs it."
            yield Warning(f"The sweep has never run{why}", hint=hint, id="portone.W016")
    elif tick(connection.alias) - beat.beat_at > STALE_AFTER:
        yield Warning(
            f"The sweep ended last at {beat.beat_at:%Y-%m-%d %H:%M} UTC; lost webhooks are not made up for.",
            hint=hint,
            id="portone.W016",
        )


@database_check("portone.W016")
def check_charging_is_alive(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Where there are subscriptions, something charges them."""
    from ..flows.drain import HEARTBEAT

    tables = connection.introspection.table_names()
    if Heartbeat._meta.db_table not in tables or Subscription._meta.db_table not in tables:
        return
    live = Subscription.objects.using(connection.alias).filter(state__in=LIVE_SUBSCRIPTION_STATES)
    beat = Heartbeat.objects.using(connection.alias).filter(name=HEARTBEAT).first()
    is_fresh = beat is not None and tick(connection.alias) - beat.beat_at <= STALE_AFTER
    if is_fresh or not live.exists():
        return
    since = f"last at {beat.beat_at:%Y-%m-%d %H:%M} UTC" if beat else "never"
    hint = app_lines() if is_unread(CHARGE_TASK) else _CHARGE_LINE
    yield Warning(f"There are subscriptions, and their bills were charged {since}.", hint=hint, id="portone.W016")
