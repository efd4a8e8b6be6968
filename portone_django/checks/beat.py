"""What can be known, without running anything, about who runs our recurring jobs: the project's Celery app."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings

# The lines of README's CELERY_BEAT_SCHEDULE.
_ENTRIES = {
    "portone_django.reconcile": (
        '"portone-reconcile": {"task": "portone_django.reconcile", "schedule": 15.0, "options": {"expires": 30}},'
    ),
    "portone_django.charge_due": (
        '"portone-charge-due": {"task": "portone_django.charge_due", "schedule": 30.0, "options": {"expires": 60}},'
    ),
    "portone_django.purge": (
        '"portone-purge": {"task": "portone_django.purge", "schedule": crontab(minute="40", hour="3")},'
    ),
}

UNREAD = "it is in settings.CELERY_BEAT_SCHEDULE, and no Celery app reads that."
_APP_LINES = """\
Write, in {package}/celery.py:
    import os
    from celery import Celery
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{module}")
    app = Celery("{package}")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()
and in {package}/__init__.py:
    from .celery import app as celery_app
Then run: celery -A {package} beat, and: celery -A {package} worker"""


def celery_app() -> Any:
    """The project's Celery app, if it has one with a broker or a schedule."""
    celery = sys.modules.get("celery")
    if celery is None or not (celery.current_app.conf.broker_url or celery.current_app.conf.beat_schedule):
        return None
    return celery.current_app


def is_missing(task: str) -> bool:
    """Whether there is a Celery app whose beat, as far as its settings tell, does not send the task."""
    app = celery_app()
    # A scheduler that keeps its entries in the database cannot be read from here; its heartbeat can.
    if app is None or "database" in str(app.conf.beat_scheduler).lower():
        return False
    return not _has(app.conf.beat_schedule, task)


def is_unread(task: str) -> bool:
    """Whether the settings schedule the task, and no Celery app that this process knows of reads them."""
    app = celery_app()
    in_app = app is not None and _has(app.conf.beat_schedule, task)
    return not in_app and _has(getattr(settings, "CELERY_BEAT_SCHEDULE", None), task)


def how_to_schedule(task: str) -> str:
    """The lines to write so that celery beat sends the task."""
    if is_unread(task):
        return app_lines()
    return f"Write, in CELERY_BEAT_SCHEDULE: {_ENTRIES[task]} and run celery beat and a worker."


def how_to_start(task: str, cron_line: str) -> str:
    """What to do about a job that stands still."""
    if is_unread(task):
        return app_lines()
    return cron_line if celery_app() is None else "Start celery beat and a worker; their logs say why they stand."


def app_lines() -> str:
    """The Celery app that reads the settings, as a project without one has to write it."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    package, dot, _name = module.partition(".")
    if not dot:  # settings that are in no package name none
        package, module = "shop", module or "shop.settings"
    return _APP_LINES.format(package=package, module=module)


def _has(schedule: Any, task: str) -> bool:
    entries = schedule.values() if isinstance(schedule, dict) else ()
    return any(isinstance(entry, dict) and entry.get("task") == task for entry in entries)
