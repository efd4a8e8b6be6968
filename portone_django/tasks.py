"""Celery's doors. Messages are hints: every task looks in the database for what there is to do.

In the project's settings or Celery app: `app.conf.beat_schedule = {**BEAT_SCHEDULE, …}`; importing this file loads no
models.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from .conf import TASK_LIMIT_SECONDS

__all__ = ["BEAT_SCHEDULE", "process_webhooks", "reconcile"]

SWEEP_SECONDS = 15


@shared_task(name="portone_django.process_webhooks", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def process_webhooks() -> None:
    """Ask PortOne about the payments that webhooks named."""
    from .flows import webhooks

    webhooks.process_due()


@shared_task(name="portone_django.reconcile", ignore_result=True, time_limit=TASK_LIMIT_SECONDS)
def reconcile() -> None:
    """One sweep over everything that is due."""
    from .flows import reconciliation

    reconciliation.reconcile(limit=200, seconds=TASK_LIMIT_SECONDS / 3)


BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "portone-reconcile": {
        "task": "portone_django.reconcile",
        "schedule": float(SWEEP_SECONDS),
        # A sweep that found no worker for so long is replaced by the next one.
        "options": {"expires": SWEEP_SECONDS * 2},
    },
}
