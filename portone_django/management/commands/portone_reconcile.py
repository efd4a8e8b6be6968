"""manage.py portone_reconcile: the sweep and, nightly, the comparison of both books; once from cron or in a loop.

It stops between two payments or two pages, never in one, and goes on there the next time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils.translation import gettext as _

from ...flows.comparing import Progress, compare
from ...flows.comparison_runs import is_due
from ...flows.reconciliation import Report, count_due, reconcile
from ...models import ReconciliationBreak
from ..stopping import TROUBLE, counts_of, positive, stoppable, tell_refused, tell_trouble


class Command(BaseCommand):
    """Renders what flows/reconciliation and flows/comparing did."""

    help = (
        "Asks PortOne about every payment and refund that is due and settles it; once a day compares PortOne's books "
        "of the last three days with ours and prints what differs. Status 1 when PortOne does not answer or refuses "
        "our keys."
    )
    # A fault elsewhere in the project must not stop the safety net.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="ask about every open attempt, not only those due")
        parser.add_argument("--limit", type=positive, default=1000, help="payments in one sweep (default 1000)")
        parser.add_argument("--loop", type=positive, metavar="SECONDS", help="sweep again after so many seconds")
        parser.add_argument("--compare", action="store_true", help="compare the books now, not only once a day")
        parser.add_argument("--days", type=_days, default=3, help="days that a comparison spans, 1 to 89 (default 3)")
        parser.add_argument("--quiet", action="store_true", help="print nothing but trouble")

    def handle(self, *args: Any, **options: Any) -> None:
        with stoppable() as stop:
            is_answered = self._sweep(options, stop) and self._compare(options, stop)
            while options["loop"] and not stop.wait(options["loop"]):
                # What the database closed meanwhile is opened anew, as between two requests.
                close_old_connections()
                is_answered = self._sweep(options, stop) and self._compare({**options, "compare": False}, stop)
        if not is_answered and not options["loop"]:
            sys.exit(1)

    def _sweep(self, options: dict[str, Any], stop: threading.Event) -> bool:
        """One sweep; False when PortOne (or, in a loop, the database) did not answer."""
        seen = _Seen()
        try:
            with self._progress(options) as advance:
                seen.report = reconcile(
                    everything=options["all"], limit=options["limit"], progress=seen.until(stop, advance)
                )
        except _Stopped:
            pass
        except TROUBLE as error:
            tell_trouble(self, error, goes_on=options["loop"])
            return False
        return self._tell(seen.report, options)

    def _compare(self, options: dict[str, Any], stop: threading.Event) -> bool:
        """The comparison, if it is time; False when PortOne did not answer."""
        seen: list[Progress] = []
        if stop.is_set() or not (options["compare"] or is_due()):
            return True
        try:
            with self._page_progress(options) as advance:

                def tell(progress: Progress) -> None:
                    seen[:] = [progress]
                    advance(progress)
                    if stop.is_set():
                        raise _Stopped

                done = compare(days=options["days"], progress=tell)
                if done is not None and done.is_resumed and done.is_over and options["compare"]:
                    done = compare(days=options["days"], progress=tell)  # that was an older one's rest
        except _Stopped:
            done = seen[0]
        except (DatabaseError, InterfaceError) as error:
            tell_trouble(self, error, goes_on=True)
            return bool(options["loop"])
        if done is None:
            if not options["quiet"]:
                self.stdout.write(_("Another process compares the books at this moment."))
            return True
        return self._tell_comparison(done, options)

    def _tell_comparison(self, done: Progress, options: dict[str, Any]) -> bool:
        if not options["quiet"]:
            end = "yes" if done.is_over else "no"
            self.stdout.write(f"compared={done.compared}, differences={done.found}, finished={end}")
        rows = ReconciliationBreak.objects.all().is_unexplained().order_by("pk")
        for each in rows.iterator() if done.is_over or options["compare"] else ():
            self.stderr.write(f"  {each.kind:15} {each.merchant_uid} {each.imp_uid}  {each.ours} ↔ {each.theirs}")
        if done.is_refused:
            tell_refused(self)
        elif not done.is_answered:
            self.stderr.write(self.style.ERROR(_("PortOne does not answer; the comparison goes on the next time.")))
        return done.is_answered

    @contextmanager
    def _page_progress(self, options: dict[str, Any]) -> Iterator[Callable[[Progress], object]]:
        """A bar where somebody watches; the length is known once the first page of a phase is."""
        if options["quiet"] or not self.stdout.isatty():
            yield lambda progress: None
            return
        import click  # comes with Celery

        with click.progressbar(length=1, label="books", item_show_func=str) as bar:

            def advance(progress: Progress) -> None:
                bar.length = max(progress.total, progress.done, 1)
                bar.pos = progress.done
                bar.update(0, progress.phase)

            yield advance

    def _tell(self, report: Report, options: dict[str, Any]) -> bool:
        if not options["quiet"]:
            self.stdout.write(counts_of(report, "is_refused"))
        silent = report.gave_up or (report.checked > 0 and report.unreachable == report.checked)
        if report.is_refused:
            tell_refused(self)
        elif silent:
            self.stderr.write(self.style.ERROR(_("PortOne does not answer; the next sweep asks again.")))
        return not (silent or report.is_refused)

    @contextmanager
    def _progress(self, options: dict[str, Any]) -> Iterator[Callable[[Report], object]]:
        """A bar where somebody watches."""
        if options["quiet"] or not self.stdout.isatty():
            yield lambda report: None
            return
        import click  # comes with Celery

        due = min(count_due(everything=options["all"]), options["limit"])
        with click.progressbar(length=due, label="PortOne") as bar:
            yield lambda report: bar.update(report.checked + report.reread - bar.pos)


class _Stopped(Exception):
    """A signal asked for the end; what was done is committed."""


class _Seen:
    """The newest report, also of a sweep that was stopped."""

    def __init__(self) -> None:
        self.report = Report()

    def until(self, stop: threading.Event, advance: Callable[[Report], object]) -> Callable[[Report], None]:
        def progress(report: Report) -> None:
            self.report = report
            advance(report)
            if stop.is_set():
                raise _Stopped

        return progress


def _days(text: str) -> int:
    """PortOne V1 lists at most 90 days at a time."""
    value = int(text)
    if not 1 <= value <= 89:
        raise ValueError(text)
    return value
