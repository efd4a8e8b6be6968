"""Ending a process ends what it started, kindly first."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from example_project.demo import processes
from example_project.demo.ports import PortTaken, require_free
from example_project.demo.processes import Process, end_all

PARENT = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
KIND = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: sys.exit('bye')); print('up', flush=True); time.sleep(60)"  # noqa: E501


def start(code: str, log: Path) -> Process:
    process = Process("test", [sys.executable, "-c", code], env=os.environ, cwd=log.parent, log=log)
    until(lambda: log.read_text() != "")
    return process


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split(")")[1].split()[0] != "Z"


def test_children_of_a_process_end_with_it(tmp_path: Path) -> None:
    process = start(PARENT, tmp_path / "log")
    child = int((tmp_path / "log").read_text())
    assert is_running(child)
    end_all([process])
    until(lambda: not is_running(child))
    assert process.exit_status is not None


def test_a_process_may_say_goodbye(tmp_path: Path) -> None:
    process = start(KIND, tmp_path / "log")
    end_all([process])
    assert "bye" in process.last_words()


def test_a_process_that_will_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "KIND_SECONDS", 0.2)
    process = start(STUBBORN, tmp_path / "log")
    end_all([process])
    assert process.exit_status == -9


def test_a_process_that_ended_by_itself_is_no_trouble(tmp_path: Path) -> None:
    process = start("print('done')", tmp_path / "log")
    assert process.wait() == 0
    end_all([process])


def test_a_taken_port_is_named() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} is taken"):
            require_free("127.0.0.1", port)
    require_free("127.0.0.1", port)
