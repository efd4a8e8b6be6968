"""Whether the sweep and the charges run, told by the heartbeat that each one leaves at its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from ...clock import tick
from ...models import Heartbeat, Subscription
from ..drain import HEARTBEAT as CHARGE_HEARTBEAT
from ..reconciliation import HEARTBEAT
from .findings import Finding, Level

STALE_AFTER = dt.timedelta(minutes=10)

_AREA = "sweep"


def examine_sweep() -> Iterator[Finding]:
    """Age of the heartbeat, in database time."""
    hint = _("Run celery beat and a worker with CELERY_BEAT_SCHEDULE, or portone_reconcile from cron every minute.")
    beat = Heartbeat.objects.filter(name=HEARTBEAT).first()
    if beat is None:
        level = Level.WARNING if settings.DEBUG else Level.FAILURE
        yield Finding(_AREA, level, _("The sweep has never run: lost webhooks are not made up for."), hint)
        return
    age = tick() - beat.beat_at
    minutes, seconds = divmod(max(int(age.total_seconds()), 0), 60)
    text = _("The sweep ended last %(minutes)d min %(seconds)d s ago.") % {"minutes": minutes, "seconds": seconds}
    if age > STALE_AFTER:
        yield Finding(_AREA, Level.FAILURE, text, hint)
    else:
        yield Finding(_AREA, Level.OK, text)


def examine_charging() -> Iterator[Finding]:
    """Where there are subscriptions: when their bills were charged last, in database time."""
    if not Subscription.objects.all().is_live().exists():
        return
    hint = _("Run celery beat and a worker with CELERY_BEAT_SCHEDULE, or portone_charge_due --loop.")
    beat = Heartbeat.objects.filter(name=CHARGE_HEARTBEAT).first()
    if beat is None:
        yield Finding(_AREA, Level.FAILURE, _("There are subscriptions, and nothing charges their bills."), hint)
        return
    minutes = max(int((tick() - beat.beat_at).total_seconds()), 0) // 60
    text = _("Bills were charged last %(minutes)d min ago.") % {"minutes": minutes}
    if tick() - beat.beat_at > STALE_AFTER:
        yield Finding(_AREA, Level.FAILURE, text, hint)
    else:
        yield Finding(_AREA, Level.OK, text)
