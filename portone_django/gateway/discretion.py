"""Decides that an error of a function that held secrets carries none of its variables, to whoever reports it.

Error reporters write down the variables of every frame in a traceback. Django's sensitive_variables() hides them from
Django alone, and only with DEBUG off; a frame that is not in the traceback is hidden from all of them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .errors import PortOneError

P = ParamSpec("P")
R = TypeVar("R")


def discreet(function: Callable[P, R]) -> Callable[P, R]:
    """The function, whose errors leave it without traceback and cause; a note tells the file and line instead."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            failure = error
        # This frame stays in the traceback.
        del args, kwargs
        raise bare(failure)

    return call


def bare(error: Exception) -> Exception:
    """The error without its traceback and its causes, which hold frames too."""
    # Our own errors say all that may be said; one that passes a second discreet function keeps its first note.
    if not isinstance(error, PortOneError) and not hasattr(error, "__notes__") and (place := place_of(error)):
        error.add_note(f"(raised at {place}; the frames are left out, because their variables are secret)")
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def place_of(error: BaseException) -> str:
    """ "file.py:12" of the innermost frame; "" without a traceback."""
    last = error.__traceback__
    if last is None:
        return ""
    while last.tb_next is not None:
        last = last.tb_next
    return f"{os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}"
