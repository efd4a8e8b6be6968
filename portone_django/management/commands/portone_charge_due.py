"""manage.py portone_charge_due: charges what is due, once from cron or in a loop; no broker is needed.

It stops between two charges, never in one; what it had claimed goes back or is found by the next one.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.utils.translation import gettext as _

from ...flows.drain import DrainReport, count_due, drain
from ..stopping import TROUBLE, counts_of, positive, stoppable, tell_refused, tell_trouble

# After a drain in which PortOne did not answer: longer each time, so that its return finds one asker and no crowd.
_REST_SECONDS, _LONGEST_REST_SECONDS = 15.0, 300.0


class Command(BaseCommand):
    """Renders what flows/drain did."""

    help = (
        "Charges the bills of subscriptions that are due and asks PortOne about charges that are not decided. "
        "Status 1 when PortOne does not answer or refuses our keys."
    )
    # A fault elsewhere in the project must not stop the renewals.
    requires_system_checks: list[str] = []
    is_refused = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until it is stopped (SIGTERM or Ctrl-C)")
        parser.add_argument("--every", type=positive, default=5, metavar="SECONDS", help="pause of the loop (5)")
        parser.add_argument("--seconds", type=positive, help="begin no further charge after so many seconds")
        parser.add_argument("--limit", type=positive, help="at most so many charges")
        parser.add_argument("--concurrency", type=positive, help="threads (default: PORTONE['CONCURRENCY'])")
        parser.add_argument(
            "--look-first",
            action="store_true",
            help="the database was restored from a copy: ask PortOne about every charge before it is sent",
        )
        parser.add_argument("--quiet", action="store_true", help="print nothing but trouble")

    def handle(self, *args: Any, **options: Any) -> None:
        with stoppable() as stop:
            is_answered, taken = self._drain(options, stop)
            # A period that was found leads to the next one, until the restored database has caught up.
            while options["look_first"] and is_answered and taken and not options["limit"] and not stop.is_set():
                is_answered, taken = self._drain(options, stop)
            rest = _REST_SECONDS
            while options["loop"] and not stop.wait(options["every"] if is_answered else rest):
                rest = _REST_SECONDS if is_answered else min(rest * 2, _LONGEST_REST_SECONDS)
                close_old_connections()
                is_answered, _taken = self._drain(options, stop)
        if (self.is_refused or not is_answered) and not options["loop"]:
            sys.exit(1)

    def _drain(self, options: dict[str, Any], stop: threading.Event) -> tuple[bool, int]:
        """One drain: whether PortOne (and, in a loop, the database) answered, and how many charges it took."""
        try:
            with self._progress(options) as progress:
                report = drain(
                    concurrency=options["concurrency"],
                    seconds=options["seconds"] or math.inf,
                    limit=options["limit"],
                    look_first=options["look_first"],
                    is_stopped=stop.is_set,
                    progress=progress,
                )
        except TROUBLE as error:
            tell_trouble(self, error, goes_on=options["loop"])
            return False, 0
        if not options["quiet"] and (report.taken or not options["loop"]):
            self.stdout.write(counts_of(report, "is_refused"))
        if report.is_refused:
            self.is_refused = True
            tell_refused(self)
        elif report.gave_up:
            self.stderr.write(self.style.ERROR(_("PortOne does not answer; what is due is charged when it does.")))
        return not report.gave_up, report.taken

    @contextmanager
    def _progress(self, options: dict[str, Any]) -> Iterator[Callable[[DrainReport], None]]:
        """A bar where somebody watches."""
        due = count_due() if not options["quiet"] and self.stdout.isatty() else 0
        if not due:
            yield lambda report: None
            return
        import click  # comes with Celery

        with click.progressbar(length=min(due, options["limit"] or due), label="charges") as bar:
            yield lambda report: bar.update(1)
