"""What commands that run long share: how they are stopped, what goes wrong, numbers as arguments and in reports."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _

from ..flows.breakdown import explain
from ..flows.breaker import KEYS_REFUSED

# What a command tells in one line instead of a stack trace.
TROUBLE = (ImproperlyConfigured, DatabaseError, InterfaceError)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
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


def tell_trouble(command: BaseCommand, error: Exception, *, goes_on: bool) -> None:
    """The end of the command, unless it `goes_on` in a loop and only the database is at fault."""
    if isinstance(error, ImproperlyConfigured):
        raise CommandError(str(error)) from None
    text, command_line = explain(error)
    if command_line:
        text += " " + _("Run: %s") % command_line
    if not goes_on:
        raise CommandError(text) from None
    command.stderr.write(text)


def tell_refused(command: BaseCommand) -> None:
    """PortOne answers, and waiting helps nobody: the keys are wrong."""
    command.stderr.write(command.style.ERROR(_(KEYS_REFUSED)))


def counts_of(report: Any, *but: str) -> str:
    """The fields of a report, "name=value" each."""
    return ", ".join(f"{each.name}={getattr(report, each.name)}" for each in fields(report) if each.name not in but)


def positive(text: str) -> int:
    """A whole number above zero; argparse words the ValueError."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value
