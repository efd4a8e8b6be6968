"""Whether every limit leaves room for the one below it: send deadline < time limit < lease < quiet period."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

from django.core.checks import CheckMessage, Error

from .. import conf
from .registration import check

Limits = Sequence[tuple[str, float]]


@check("portone.E018")
def check_timing_order() -> Iterator[CheckMessage]:
    """A lease shorter than the call it covers lets two workers ask, and later charge, at once."""
    for chain in (_own_limits(), _celery_limits()):
        yield from timing_faults(chain)


def timing_faults(limits: Limits) -> Iterator[CheckMessage]:
    """One error for each (name, seconds) that is not above the one before it."""
    for (lower, short), (upper, long) in pairwise(limits):
        if short >= long:
            yield Error(
                f"{lower} ({short:g} s) must be shorter than {upper} ({long:g} s): what the longer one guards would "
                "be given up while it is still running.",
                hint=f"Write: {upper} = {short * 2:g}",
                id="portone.E018",
            )


def _own_limits() -> Limits:
    from ..flows import due, webhooks
    from ..gateway.client import SEND_DEADLINE_SECONDS as CLIENT_SECONDS

    return [
        ("the send deadline", max(conf.SEND_DEADLINE_SECONDS, CLIENT_SECONDS)),
        ("TASK_LIMIT_SECONDS", conf.TASK_LIMIT_SECONDS),
        ("LEASE_SECONDS", min(conf.LEASE_SECONDS, due.LEASE_SECONDS, webhooks.LEASE_SECONDS)),
        ("QUIET_PERIOD_SECONDS", conf.QUIET_PERIOD_SECONDS),
    ]


def _celery_limits() -> Limits:
    """The project's own soft limit, which our tasks inherit, interrupts a call that is under way."""
    celery = sys.modules.get("celery")
    soft = celery.current_app.conf.task_soft_time_limit if celery else None
    return [("the send deadline", conf.SEND_DEADLINE_SECONDS), ("task_soft_time_limit", soft)] if soft else []
