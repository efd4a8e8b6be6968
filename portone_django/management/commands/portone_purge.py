"""manage.py portone_purge: the purge from cron; it can be stopped at any time, and the next one goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from ...flows.retention import Progress, Report, count_due, purge
from ..stopping import TROUBLE, counts_of, positive, tell_trouble


class Command(BaseCommand):
    """Renders what flows/retention did."""

    help = (
        "Empties the personal fields of orders whose legal retention is over (PORTONE['KEEP_PAYMENT_DAYS']) or whose "
        "customer was forgotten, has the cards of deleted accounts deleted at PortOne, and deletes webhooks older than "
        "PORTONE['KEEP_WEBHOOK_DAYS'] and comparisons older than a year. Orders, payments, refunds and events stay. "
        "Run it daily."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print what is due and change nothing")
        parser.add_argument("--limit", type=positive, help="at most so many rows in this run (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["dry_run"]:
                self._tell(_("Due, and left as it is:"), count_due())
                return
            with self._progress(options["limit"]) as advance:
                report = purge(limit=options["limit"], progress=advance)
        except TROUBLE as error:
            tell_trouble(self, error, goes_on=False)
        else:
            self._tell(_("Done:") if report.is_done else _("Done up to the limit:"), report)

    def _tell(self, words: str, report: Report) -> None:
        self.stdout.write(f"{words} {counts_of(report, 'is_done')}")

    @contextmanager
    def _progress(self, limit: int | None) -> Iterator[Progress]:
        """A bar where somebody watches."""
        if not self.stdout.isatty():
            yield lambda rows: None
            return
        import click  # comes with Celery

        due = count_due().rows
        with click.progressbar(length=due if limit is None else min(due, limit), label="Purge") as bar:
            yield bar.update
