"""The demo as a developer meets it: it takes its tour, serves, and leaves nothing behind however it is ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@contextmanager
def demo(port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "example_project.demo", "--port", str(port), *options],
        cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"ended without {words!r}:\n{seen}")


def left_behind(port: int) -> dict[int, str]:
    """The processes that belong to the demo on that port: their command lines by id."""
    marks = (f"demo-{port}", f"127.0.0.1:{port}", f"--port {port} ", f"--port {port + 1} ")
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if any(mark in command for mark in marks):
                found[int(entry.name)] = command
    return found


@pytest.mark.timeout(300)
def test_every_step_of_the_tour_holds() -> None:
    port = free_port(2)
    with demo(port, "--tour", "only") as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    assert "16 of 16 steps held." in output
    assert left_behind(port) == {}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process(number: signal.Signals) -> None:
    port = free_port(2)
    with demo(port, "--tour", "no") as process:
        output = read_until(process, "Serving until Ctrl-C")
        assert f"http://127.0.0.1:{port}/" in output
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=10).status_code == 200
        assert len(left_behind(port)) >= 4
        process.send_signal(number)
        assert process.wait(60) == 0
    assert left_behind(port) == {}


@pytest.mark.timeout(120)
def test_a_signal_while_it_starts_ends_every_process() -> None:
    port = free_port(2)
    with demo(port, "--tour", "no") as process:
        read_until(process, "Starting the sandbox")
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert left_behind(port) == {}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("offset", [0, 1])
def test_a_taken_port_is_said_in_one_sentence(offset: int) -> None:
    port = free_port(2)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + offset))
        taken.listen()
        with demo(port) as process:
            output, _ = process.communicate()
    assert process.returncode == 2
    assert output == f"Port {port + offset} is taken. Choose two free ones in a row: make demo PORT={port + 100}\n"


@pytest.mark.timeout(120)
def test_a_part_that_ends_by_itself_ends_the_demo_with_its_last_words() -> None:
    port = free_port(2)
    with demo(port, "--tour", "no") as process:
        read_until(process, "Serving until Ctrl-C")
        (shop,) = (pid for pid, command in left_behind(port).items() if "runserver" in command)
        os.kill(shop, signal.SIGKILL)
        output, _ = process.communicate()
    assert process.returncode == 1
    assert "The shop ended" in output
    assert left_behind(port) == {}
