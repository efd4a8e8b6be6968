"""Which comparison is at work: one at a time, held under a lease, and beginning where the one before it ended."""

from __future__ import annotations

import datetime as dt
import secrets
from contextlib import suppress
from typing import Any

from django.db import IntegrityError
from django.db.models import Max, Q, QuerySet

from ..clock import Tick, later, tick
from ..conf import LEASE_SECONDS
from ..models import Comparison, Payment
from .steps import in_one_step

EVERY = dt.timedelta(hours=20)
# What happened a moment ago may still be on its way here.
SETTLED_FOR = dt.timedelta(minutes=10)
# PortOne lists 90 days at most.
LONGEST = dt.timedelta(days=89)


def is_due() -> bool:
    """Whether what was compared ends long enough ago, or a comparison waits to be gone on with; never before the first
    payment."""
    if not (Payment.objects.exists() or Comparison.objects.exists()):
        return False
    if Comparison.objects.filter(open_slot=1).exists():
        return Comparison.objects.filter(_free(), open_slot=1).exists()
    last = _last_end()
    return last is None or tick() - last > EVERY


def _last_end() -> dt.datetime | None:
    end: dt.datetime | None = Comparison.objects.exclude(ended_at=None).aggregate(end=Max("to_at"))["end"]
    return end


def _free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=Tick())


def claim(days: int) -> tuple[Comparison | None, bool]:
    """The comparison under our lease, and whether it was begun here."""
    now, mine = tick(), None
    if not Comparison.objects.filter(open_slot=1).exists():
        end = now - SETTLED_FOR
        begin = end - dt.timedelta(days=days)
        if last := _last_end():  # no day is left out, for as long as PortOne lists them
            begin = max(min(begin, last), end - LONGEST)
        with suppress(IntegrityError):  # somebody else began at this moment
            mine = in_one_step(lambda: Comparison.objects.create(open_slot=1, from_at=begin, to_at=end))
    token = secrets.token_hex(8)
    if not Comparison.objects.filter(_free(), open_slot=1).update(lease_token=token, lease_until=later(LEASE_SECONDS)):
        return None, False
    run = Comparison.objects.filter(lease_token=token).first()
    return run, run is not None and run == mine


def hold(run: Comparison, **values: Any) -> bool:
    """Keep its lease, and write how far it has come; False when somebody else has it."""
    return bool(_mine(run).update(lease_until=later(LEASE_SECONDS), **values))


def let_go(run: Comparison) -> None:
    """Whoever comes next goes on at once."""
    _mine(run).update(lease_until=None)


def began_at(run: Comparison) -> dt.datetime:
    """By database time."""
    return run.to_at + SETTLED_FOR


def _mine(run: Comparison) -> QuerySet[Comparison]:
    return Comparison.objects.filter(pk=run.pk, lease_token=run.lease_token)
