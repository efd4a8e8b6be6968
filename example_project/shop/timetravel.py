"""Moves business time, of the shop and of PortOne's sandbox alike, to see renewals at once. With DEBUG only."""

from __future__ import annotations

import datetime as dt
from typing import Any

import requests
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from portone_django import clock
from portone_django.conf import get_config
from portone_django.tasks import charge_due

SANDBOX_SECONDS = 10
# Every process looks up the offset once a second; a worker that is told earlier would still see the old time.
SEEN_SECONDS = 2
FURTHEST = dt.timedelta(days=5 * 366)


def is_movable() -> bool:
    """Whether this is the demo: nobody's real money depends on the time."""
    return bool(settings.DEBUG and settings.SANDBOX_URL and get_config().movable_clock)


def clock_panel(next_step_at: dt.datetime | None) -> dict[str, Any] | None:
    """What the page offers: now, a day later, and right after what is due next."""
    if not is_movable():
        return None
    now = clock.now()
    step = next_step_at + dt.timedelta(seconds=1) if next_step_at and next_step_at > now else None
    return {"now": now, "tomorrow": now + dt.timedelta(days=1), "step": step}


@never_cache
@transaction.non_atomic_requests
@login_required
@require_POST
def move_clock(request: HttpRequest) -> HttpResponse:
    """POST to=<ISO 8601>: it is that time now, and a worker is told that something may be due."""
    if not is_movable():
        raise Http404
    to = _moment(request.POST.get("to", ""))
    by = (to - clock.now()).total_seconds() if to else 0
    if not 0 < by < FURTHEST.total_seconds():
        messages.error(request, _("The clock only goes forward, at most five years at once."))
    elif not _move_sandbox(round(by)):
        messages.error(request, _("The sandbox does not answer, so the clock stays."))
    else:
        clock.move(dt.timedelta(seconds=round(by)))
        charge_due.apply_async(countdown=SEEN_SECONDS)
    return redirect("shop:membership")


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _move_sandbox(seconds: int) -> bool:
    """First, so that nothing is charged before the time at which it is due."""
    address = f"{settings.SANDBOX_URL}/_sandbox/clock"
    try:
        return requests.post(address, json={"advance": seconds}, timeout=SANDBOX_SECONDS).ok
    except requests.RequestException:
        return False
