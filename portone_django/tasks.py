"""Celery's doors. Messages are hints: every task looks in the database for what there is to do.

In the project's settings or Celery app: `app.conf.beat_schedule = {**BEAT_SCHEDULE, …}`; importing this file loads no
models.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task
from celery.schedules import crontab

from .conf import TASK_LIMIT_SECONDS

__all__ = ["BEAT_SCHEDULE", "charge_due", "process_webhooks", "purge", "reconcile"]

SWEEP_SECONDS = 15
CHARGE_SECONDS = 30


@shared_task(name="portone_django.process_webhooks", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def process_webhooks() -> None:
    """Ask PortOne about the payments that webhooks named."""
    from .flows import webhooks

    webhooks.process_due()


@shared_task(name="portone_django.reconcile", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def reconcile() -> None:
    """One sweep over everything that is due, and a stretch of the nightly comparison when that is."""
    from .flows import comparing, comparison_runs, reconciliation

    reconciliation.reconcile(limit=200, seconds=TASK_LIMIT_SECONDS / 3)
    if comparison_runs.is_due():
        comparing.compare(seconds=TASK_LIMIT_SECONDS / 6)


@shared_task(name="portone_django.charge_due", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def charge_due() -> None:
    """Charge what is due; what does not fit into one task goes on in the next."""
    from .flows import drain, nudges

    report = drain.drain(seconds=TASK_LIMIT_SECONDS / 3)
    if report.taken and not report.gave_up and drain.count_due():
        nudges.nudge(charge_due.name)


@shared_task(name="portone_django.purge", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def purge() -> None:
    """Blank and delete what need not be kept any longer; what does not fit into one task goes on in the next."""
    from .flows import nudges, retention

    report = retention.purge(seconds=TASK_LIMIT_SECONDS / 3)
    if report.rows and not report.is_done:
        nudges.nudge(purge.name)


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "portone-reconcile": {
        "task": "portone_django.reconcile",
        "schedule": float(SWEEP_SECONDS),
        # A sweep that found no worker for so long is replaced by the next one.
        "options": {"expires": SWEEP_SECONDS * 2},
    },
    "portone-charge-due": {
        "task": "portone_django.charge_due",
        "schedule": float(CHARGE_SECONDS),
        "options": {"expires": CHARGE_SECONDS * 2},
    },
    # At night, in the time zone of the project's Celery app.
    "portone-purge": {"task": "portone_django.purge", "schedule": crontab(minute="40", hour="3")},
}
