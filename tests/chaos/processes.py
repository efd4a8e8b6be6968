"""The processes of a chaos run: PortOne, and workers that are forked in milliseconds, because they will be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_END_SECONDS = 30


class Judge:
    """PortOne's process; `address` is where it serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = _hear(process)

    def calm(self) -> None:
        """No more faults."""
        self._say("calm")

    def diary(self) -> dict[str, Any]:
        """What arrived so far; see judge.Diary."""
        said: dict[str, Any] = json.loads(self._say("tell"))
        return said

    def _say(self, word: str) -> str:
        _tell(self._process, word)
        return _hear(self._process)


class Crew:
    """Starts workers by kind (see zygote._KINDS) and knows the living ones of each."""

    def __init__(self, zygote: subprocess.Popen[str]) -> None:
        self._zygote = zygote
        if _hear(zygote) != "ready":
            raise RuntimeError("the zygote did not start")
        self._kinds: dict[int, str] = {}

    def start(self, kind: str) -> int:
        pid = int(self._say(f"start {kind}"))
        self._kinds[pid] = kind
        return pid

    def alive(self, kind: str = "") -> list[int]:
        """The processes (of this kind) that have not ended, by themselves or otherwise."""
        return [pid for pid in map(int, self._say("alive").split()) if kind in ("", self._kinds[pid])]

    def kind(self, pid: int) -> str:
        return self._kinds[pid]

    def signal(self, pid: int, number: int) -> None:
        """Send it, unless the process has ended."""
        self._say(f"signal {pid} {number:d}")

    def replace(self, pid: int) -> int:
        """Kill it, and start another one of its kind."""
        self.signal(pid, signal.SIGKILL)
        return self.start(self._kinds[pid])

    def _say(self, order: str) -> str:
        _tell(self._zygote, order)
        return _hear(self._zygote)


@contextmanager
def judge(ledger: str, mode: str, seed: int, faulty: float) -> Iterator[Judge]:
    """PortOne over that ledger, until the end of the block."""
    with _process(["tests.chaos.judge", ledger, mode, str(seed), str(faulty)], {}) as process:
        yield Judge(process)


@contextmanager
def crew(folder: str, settings: Mapping[str, str]) -> Iterator[Crew]:
    """Workers under these settings of the environment; all of them end with the block."""
    with _process(["tests.chaos.zygote", folder], settings) as process:
        yield Crew(process)


@contextmanager
def _process(module: list[str], settings: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module], env={**os.environ, **settings},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """With its standard input it ends what it started, and itself."""
    try:
        process.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()
