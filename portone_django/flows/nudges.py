"""A Celery message is only a hint that there is work in the database; losing it costs time, never money."""

from __future__ import annotations

import logging
import sys
import threading

logger = logging.getLogger("portone_django.nudges")

_pending: set[str] = set()
_lock = threading.Lock()


def nudge(task: str) -> None:
    """Tell a worker, if this project uses Celery, that the named task has work; returns at once, never raises."""
    celery = sys.modules.get("celery")
    if celery is None or not celery.current_app.conf.broker_url:
        return
    with _lock:
        if task in _pending:
            return
        _pending.add(task)
    # In a thread: a dead broker must not hold up the answer to PortOne or to a customer.
    threading.Thread(target=_send, args=(celery.current_app, task), name=f"nudge {task}", daemon=True).start()


def _send(app: object, task: str) -> None:
    try:
        app.send_task(task, ignore_result=True, retry=False, expires=60)  # type: ignore[attr-defined]
    except Exception as error:
        logger.info("No message sent for %s (%s); the sweep will find the work.", task, type(error).__name__)
    finally:
        with _lock:
            _pending.discard(task)
