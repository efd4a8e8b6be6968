"""Mails to customers: each at most once, in their language, and never where a slow mail server could hold up money.

An event is written with `notice_due_at`; the sweep sends what is due. A mail that raises is tried again with growing
pauses, and given up when it would be old news. A process that is killed while it sends one loses it.
"""

from __future__ import annotations

import datetime as dt
import errno
import logging
import math
import smtplib
import socket
import time

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from ..clock import Tick, later, wall
from ..conf import get_config
from ..models import Event
from .notice_texts import compose
from .steps import in_one_statement

logger = logging.getLogger("portone_django.notices")

# event.kind → the key of PORTONE["NOTICES"], and the name of the templates.
NOTICES = {
    "billing_key.registered": "card_registered",
    "bill.paid": "bill_paid",
    "bill.failed": "bill_failed",
    "bill.given_up": "bill_given_up",
    "subscription.ended": "subscription_ended",
    "subscription.card_needed": "card_needed",
}
# Where EMAIL_TIMEOUT is not set, Django waits for ever.
TIMEOUT_SECONDS = 10
MAX_FAILURES_IN_A_ROW = 3
# Nobody is there, or not at that name; all else that goes wrong is worth its stack trace.
_AWAY = (ConnectionError, TimeoutError, socket.gaierror, smtplib.SMTPConnectError, smtplib.SMTPServerDisconnected)
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_SHORTEST_PAUSE, _LONGEST_PAUSE = 60.0, 6 * 3600.0
_OLD_NEWS = dt.timedelta(days=3)
_RELATED = ("order__cycle", "billing_key__customer", "subscription__customer", "subscription__price__plan")


def is_wanted(kind: str) -> bool:
    """Whether an event of this kind is told by a mail: PORTONE["NOTICES"] switches each off."""
    notice = NOTICES.get(kind)
    return notice is not None and get_config().notices.get(notice, True)


def send_due(*, limit: int = 500, end: float = math.inf) -> int:
    """Send the mails that are due, none begun after `end` (of time.monotonic); returns how many were sent."""
    due = Event.objects.filter(notice_due_at__lte=Tick()).select_related(*_RELATED, "subscription__billing_key")
    events = list(due.order_by("notice_due_at", "pk")[:limit])
    if not events:
        return 0
    connection = get_connection()
    if getattr(connection, "timeout", 0) is None:
        connection.timeout = TIMEOUT_SECONDS  # type: ignore[attr-defined]
    try:
        connection.open()
        return _send_all(events, connection, end)
    except Exception as error:
        _tell(error, connection, len(events))
        return 0
    finally:
        connection.close()


def _tell(error: Exception, connection: BaseEmailBackend, waiting: int) -> None:
    is_away = isinstance(error, _AWAY) or (isinstance(error, OSError) and error.errno in _UNREACHABLE)
    if not is_away:
        logger.exception("Mails could not be sent (%s); %d wait.", type(error).__name__, waiting)
        return
    host = getattr(connection, "host", "")
    logger.error(
        "The mail server (%s) does not answer (%s); %d mails wait. Write the one you have: EMAIL_HOST = …, EMAIL_PORT "
        '= …, or while developing: EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"',
        f"{host}:{getattr(connection, 'port', '')}" if host else settings.EMAIL_BACKEND,
        type(error).__name__,
        waiting,
    )


def _send_all(events: list[Event], connection: BaseEmailBackend, end: float) -> int:
    sent = failures = 0
    for event in events:
        if failures == MAX_FAILURES_IN_A_ROW or time.monotonic() > end:
            break
        try:
            sent += _send(event, connection)
            failures = 0
        except Exception:
            logger.exception("No mail about %s %s; it will be tried again.", event.kind, event.event_id)
            failures += 1
    return sent


def _send(event: Event, connection: BaseEmailBackend) -> bool:
    """Whether a mail went out: composed first, then claimed, then sent."""
    waiting = Event.objects.filter(pk=event.pk, notified_at=None, notice_due_at=event.notice_due_at)
    again = {"notified_at": None, "notice_due_at": later(_pause(event))}
    try:
        mail = None if _is_old_news(event) else compose(event, NOTICES[event.kind])
    except Exception:
        in_one_statement(lambda: waiting.update(**again))
        raise
    if mail is None:
        in_one_statement(lambda: waiting.update(notice_due_at=None))
        return False
    if not in_one_statement(lambda: waiting.update(notified_at=Tick(), notice_due_at=None)):
        return False  # another process was faster
    try:
        mail.connection = connection
        mail.send()
    except Exception:
        in_one_statement(lambda: Event.objects.filter(pk=event.pk).update(**again))
        raise
    return True


def _is_old_news(event: Event) -> bool:
    return not is_wanted(event.kind) or wall() - event.created_at > _OLD_NEWS


def _pause(event: Event) -> float:
    """As long as it has waited already, within bounds."""
    return min(max((wall() - event.created_at).total_seconds(), _SHORTEST_PAUSE), _LONGEST_PAUSE)
