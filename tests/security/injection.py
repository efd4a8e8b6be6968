"""Failures at every line: what our code runs is written down first, then made to raise, one line at a time."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from django.test import override_settings
from django.views.debug import ExceptionReporter

import portone_django

PACKAGE = str(Path(portone_django.__file__).parent)
Line = tuple[str, int]


class Injected(RuntimeError):
    """A bug of ours, wherever it may be."""


def lines_run(work: Callable[[], Any], *parts: str) -> list[Line]:
    """Every line below these parts of the package that `work` runs, each once, in the order of running."""
    seen: dict[Line, None] = {}

    def note(line: Line) -> None:
        seen.setdefault(line)

    _traced(work, parts, note)
    # The few lines that take the traceback away cannot themselves be without one.
    return [line for line in seen if not line[0].endswith("discretion.py")]


def raising_at(line: Line, work: Callable[[], Any], *parts: str) -> Exception | None:
    """What comes out of `work` when that line raises; None when it copes."""

    def strike(here: Line) -> None:
        if here == line:
            raise Injected("a bug")

    try:
        _traced(work, parts, strike)
    except Exception as error:
        return error
    return None


def _traced(work: Callable[[], Any], parts: tuple[str, ...], on_line: Callable[[Line], None]) -> None:
    folders = tuple(f"{PACKAGE}/{part}" for part in parts)

    def in_frame(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            on_line((frame.f_code.co_filename, frame.f_lineno))
        return in_frame

    def in_thread(frame: FrameType, event: str, _: Any) -> Any:
        return in_frame if frame.f_code.co_filename.startswith(folders) else None

    before = sys.gettrace()
    sys.settrace(in_thread)
    try:
        work()
    finally:
        sys.settrace(before)


def told(error: BaseException, *, every_variable: bool) -> str:
    """All that reporters could write down about an error from our package's first frame on.

    `every_variable`: as Sentry does, without Django's filter for sensitive variables.
    """
    own = error.__traceback__
    while own is not None and not own.tb_frame.f_code.co_filename.startswith(PACKAGE):
        own = own.tb_next
    error.with_traceback(own)
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    if every_variable:
        parts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    parts.append(reported(error, own))
    return "\n".join(parts)


def reported(error: BaseException, own: TracebackType | None) -> str:
    """Every variable of every frame that Django's mails to admins show (DEBUG off), chained errors included."""
    with override_settings(DEBUG=False):
        frames = ExceptionReporter(None, type(error), error, own).get_traceback_frames()
    return "\n".join(_shown(value) for frame in frames for value in frame.get("vars") or ())


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # half-made objects
        return f"<{type(error).__name__}>"
