"""One started process in a group of its own, so that ending it ends whatever it started too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

KIND_SECONDS = 8.0
_LAST_LINES = 15


class Process:
    """A process that writes into `log`."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self.name, self.log = name, log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    @property
    def exit_status(self) -> int | None:
        """None while it runs."""
        return self._popen.poll()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LAST_LINES:])

    def wait(self) -> int:
        """Until it ends by itself."""
        return self._popen.wait()

    def ask_to_end(self) -> None:
        """SIGTERM to the whole group."""
        self._signal(signal.SIGTERM)

    def make_sure(self, deadline: float) -> None:
        """Wait until `deadline` (time.monotonic()), then SIGKILL what is left of the group."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(max(deadline - time.monotonic(), 0.1))
        self._signal(signal.SIGKILL)
        self._popen.wait()

    def _signal(self, number: int) -> None:
        # No such process: all of the group is gone.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)


def end_all(processes: Sequence[Process]) -> None:
    """End them side by side, kindly first."""
    for process in processes:
        process.ask_to_end()
    deadline = time.monotonic() + KIND_SECONDS
    for process in processes:
        process.make_sure(deadline)
