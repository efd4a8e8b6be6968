"""manage.py portone_reconcile: the sweep, once from cron or in a loop; it stops between two payments, never in one."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils.translation import gettext as _

from ...flows.reconciliation import Report, count_due, reconcile


class Command(BaseCommand):
    """Renders what flows/reconciliation did."""

    help = "Asks PortOne about every payment that is due and settles it. Status 1 when PortOne does not answer."
    # A fault elsewhere in the project must not stop the safety net.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="ask about every open attempt, not only those due")
        parser.add_argument("--limit", type=_positive, default=1000, help="payments in one sweep (default 1000)")
        parser.add_argument("--loop", type=_positive, metavar="SECONDS", help="sweep again after so many seconds")
        parser.add_argument("--quiet", action="store_true", help="print nothing but trouble")

    def handle(self, *args: Any, **options: Any) -> None:
        with _stoppable() as stop:
            is_answered = self._sweep(options, stop)
            while options["loop"] and not stop.wait(options["loop"]):
                # What the database closed meanwhile is opened anew, as between two requests.
                close_old_connections()
                is_answered = self._sweep(options, stop)
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
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        except (DatabaseError, InterfaceError) as error:
            if not options["loop"]:
                raise CommandError(_("The database did not answer (%s).") % type(error).__name__) from None
            self.stderr.write(_("The database did not answer (%s).") % type(error).__name__)
            return False
        return self._tell(seen.report, options)

    def _tell(self, report: Report, options: dict[str, Any]) -> bool:
        if not options["quiet"]:
            counts = ", ".join(f"{each.name}={getattr(report, each.name)}" for each in fields(report))
            self.stdout.write(counts)
        silent = report.gave_up or (report.checked > 0 and report.unreachable == report.checked)
        if silent:
            self.stderr.write(self.style.ERROR(_("PortOne does not answer; the next sweep asks again.")))
        return not silent

    @contextmanager
    def _progress(self, options: dict[str, Any]) -> Iterator[Callable[[], object]]:
        """A bar where somebody watches."""
        if options["quiet"] or not self.stdout.isatty():
            yield lambda: None
            return
        import click  # comes with Celery

        due = min(count_due(everything=options["all"]), options["limit"])
        with click.progressbar(length=due, label="PortOne") as bar:
            yield lambda: bar.update(1)


class _Stopped(Exception):
    """A signal asked for the end; what was done is committed."""


class _Seen:
    """The newest report, also of a sweep that was stopped."""

    def __init__(self) -> None:
        self.report = Report()

    def until(self, stop: threading.Event, advance: Callable[[], object]) -> Callable[[Report], None]:
        def progress(report: Report) -> None:
            self.report = report
            advance()
            if stop.is_set():
                raise _Stopped

        return progress


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that SIGTERM or SIGINT sets; a second signal ends the process at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

    def on_signal(number: int, frame: object) -> None:
        stop.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    for each in before:
        signal.signal(each, on_signal)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
