"""The purge: personal fields, old hints and old comparisons go when their time is over, a few rows in each transaction.

A card whose customer's account was deleted is deleted at PortOne, once nothing needs it.

Orders, payments, refunds, events and the differences that a comparison found are never deleted. Any number of purges
may run at once and each may be stopped anywhere: what a batch did is committed, and the next purge finds the rest.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db.models import Model, Q, QuerySet

from ..clock import Tick, later, wall
from ..conf import get_config
from ..models import BillingKey, Comparison, Heartbeat, WebhookDelivery
from . import blanking, keys
from .steps import in_one_step

HEARTBEAT = "purge"
ROWS_AT_ONCE = 1000
KEEP_COMPARISONS = dt.timedelta(days=365)


@dataclass(slots=True)
class Report:
    """What one purge did, or would do, in rows; `is_done` is False when it stopped at its limit."""

    orders_blanked: int = 0
    cards_blanked: int = 0
    cards_given_up: int = 0
    webhooks_deleted: int = 0
    comparisons_deleted: int = 0
    is_done: bool = True

    @property
    def rows(self) -> int:
        """All of them."""
        cards = self.cards_blanked + self.cards_given_up
        return self.orders_blanked + cards + self.webhooks_deleted + self.comparisons_deleted


Progress = Callable[[int], object]


def purge(*, limit: int | None = None, seconds: float = math.inf, progress: Progress = lambda rows: None) -> Report:
    """Blank and delete what is due, at most `limit` rows; no further batch is begun after `seconds`.

    `progress` is called after each batch with its number of rows.
    """
    run = _Run(limit, seconds, progress)
    for which in (blanking.out_of_retention(), blanking.forgotten_without_money()):
        run.blank(which)
    run.work(blanking.old_cards(), blanking.blank_cards, "cards_blanked")
    run.work(keys.orphans(), keys.give_up, "cards_given_up")
    run.delete(_old_webhooks(), "webhooks_deleted")
    run.delete(_old_comparisons(), "comparisons_deleted")
    if run.report.is_done:
        in_one_step(_beat)
    return run.report


def count_due() -> Report:
    """What a purge would do now; changes nothing."""
    due = blanking.out_of_retention() | blanking.forgotten_without_money()
    return Report(
        orders_blanked=blanking.not_blanked().filter(due).count(),
        cards_blanked=blanking.old_cards().count(),
        cards_given_up=keys.orphans().count(),
        webhooks_deleted=_old_webhooks().count(),
        comparisons_deleted=_old_comparisons().count(),
    )


def _beat() -> None:
    # In a step: two first purges that insert it at once are a deadlock on MariaDB.
    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": Tick()})


class _Run:
    """One purge: how much of its limit is left, and what it did."""

    def __init__(self, limit: int | None, seconds: float, progress: Progress) -> None:
        self.report, self.progress = Report(), progress
        self.left = math.inf if limit is None else limit
        self.end = time.monotonic() + seconds

    def blank(self, which: Q) -> None:
        due = blanking.not_blanked().filter(which)
        self._in_batches(due, blanking.ORDERS_AT_ONCE, partial(_blank, which), "orders_blanked")

    def work(self, due: QuerySet[BillingKey], change: Callable[[list[int]], int], name: str) -> None:
        self._in_batches(due, blanking.ORDERS_AT_ONCE, change, name)

    def delete(self, due: QuerySet[WebhookDelivery] | QuerySet[Comparison], name: str) -> None:
        self._in_batches(due, ROWS_AT_ONCE, partial(_delete, due), name)

    def _in_batches(self, due: QuerySet[Model], size: int, work: Callable[[list[int]], int], name: str) -> None:
        after, is_last = 0, False
        while not is_last:
            room = int(min(size, self.left))
            if room < 1 or time.monotonic() > self.end:
                self.report.is_done = False
                return
            pks = list(due.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:room])
            is_last = len(pks) < room
            if pks:
                after = pks[-1]
                done = in_one_step(partial(work, pks))
                self.left -= done
                setattr(self.report, name, getattr(self.report, name) + done)
                self.progress(done)


def _blank(which: Q, pks: list[int]) -> int:
    # Whoever holds one of them is at work on it: the next purge will find it.
    return blanking.blank(blanking.lock(pks, skip_locked=True), which, source="purge")


def _delete(due: QuerySet[WebhookDelivery] | QuerySet[Comparison], pks: list[int]) -> int:
    # With its condition again: a webhook that was repeated since is news.
    return due.filter(pk__in=pks).delete()[0]


def _old_webhooks() -> QuerySet[WebhookDelivery]:
    before = later(-get_config().keep_webhook_days * 24 * 3600)
    return WebhookDelivery.objects.filter(processed_at__isnull=False, due_at=None, last_seen_at__lt=before)


def _old_comparisons() -> QuerySet[Comparison]:
    return Comparison.objects.filter(open_slot=None, ended_at__lt=wall() - KEEP_COMPARISONS)
