"""The customers' mailboxes, and the mails that wait to go there."""

from __future__ import annotations

from typing import Any

from django.core import mail

from portone_django.adapter import Adapter
from portone_django.clock import later
from portone_django.flows.notices import send_due
from portone_django.models import Event


def forget_mails() -> None:
    """What was to be said so far is not of interest."""
    Event.objects.update(notice_due_at=None)


def mails() -> list[Any]:
    """What the sweep sends now."""
    mail.outbox.clear()
    send_due()
    return list(mail.outbox)


def make_due() -> None:
    Event.objects.exclude(notice_due_at=None).update(notice_due_at=later(-1))


def use_adapter(settings: Any, adapter: type[Adapter]) -> None:
    globals()[adapter.__name__] = adapter
    settings.PORTONE = {**settings.PORTONE, "ADAPTER": f"{__name__}.{adapter.__name__}"}
