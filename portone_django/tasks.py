"""Celery's doors. Messages are hints: every task looks in the database for what there is to do.

In the project's Celery app: `app.conf.beat_schedule = {**BEAT_SCHEDULE, …}`.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from .conf import TASK_LIMIT_SECONDS
from .flows import reconciliation, webhooks

__all__ = ["BEAT_SCHEDULE", "process_webhooks", "reconcile"]

SWEEP_SECONDS = 15


@shared_task(name=webhooks.TASK, ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def process_webhooks() -> None:
    """Ask PortOne about the payments that webhooks named."""
    webhooks.process_due()


@shared_task(name="portone_django.reconcile", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def reconcile() -> None:
    """One sweep over everything that is due."""
    reconciliation.reconcile(limit=200)


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "portone-reconcile": {
        "task": "portone_django.reconcile",
        "schedule": float(SWEEP_SECONDS),
        # A sweep that found no worker for so long is replaced by the next one.
        "options": {"expires": SWEEP_SECONDS * 2},
    },
}
