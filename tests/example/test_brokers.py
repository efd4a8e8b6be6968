"""A real worker on each broker this machine has: a message arrives, the worker sweeps, the database says so."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import kombu
import pytest

from example_project.demo.processes import Process, end_all

ROOT = Path(__file__).resolve().parents[2]
SWEPT = "from portone_django.models import Heartbeat as H; print(H.objects.filter(name='reconcile').exists())"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


def broker(variable: str) -> str:
    url = os.environ.get(variable, "")
    if not url:
        pytest.skip(f"{variable} is not set: python -m tests.run sets it where the broker answers")
    return url


def environment(url: str, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "CELERY_BROKER_URL": url,
        "CELERY_BROKER_FOLDER": str(folder / "broker"),
        # A sweep of an empty database asks PortOne nothing.
        "PORTONE_API_BASE": "http://127.0.0.1:9",
    }


@contextmanager
def worker(env: dict[str, str], folder: Path, queue: str) -> Iterator[Process]:
    command = [
        sys.executable, "-m", "celery", "-A", "example_project", "worker", "--pool", "threads",
        "--concurrency", "1", "--queues", queue,
    ]  # fmt: skip
    process = Process("worker", command, env=env, cwd=ROOT, log=folder / "worker.log")
    try:
        yield process
    finally:
        end_all([process])
        _forget(env["CELERY_BROKER_URL"] or "memory://", queue)


def _forget(url: str, queue: str) -> None:
    with kombu.Connection(url) as connection:
        connection.default_channel.queue_delete(queue)
        if url.startswith("redis"):
            client = connection.default_channel.client
            client.delete(*client.scan_iter(f"_kombu.binding*{queue}"), "_kombu.binding_deadlines")


def django(env: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("variable", ["none", "TEST_REDIS_URL", "TEST_AMQP_URL"])
def test_a_worker_sweeps(variable: str, tmp_path: Path) -> None:
    env = environment("" if variable == "none" else broker(variable), tmp_path)
    # A queue of its own: other workers of this machine must not take the message.
    queue = f"portone-test-{uuid.uuid4().hex}"
    django(env, "migrate", "--verbosity", "0")
    with worker(env, tmp_path, queue) as process:
        call = ["-m", "celery", "-A", "example_project", "call", "portone_django.reconcile", "--queue", queue]
        subprocess.run([sys.executable, *call], cwd=ROOT, env=env, capture_output=True, check=True)
        deadline = time.monotonic() + 60
        while "True" not in django(env, "shell", "-v", "0", "-c", SWEPT):
            assert process.exit_status is None, process.last_words()
            assert time.monotonic() < deadline, process.last_words()
            time.sleep(0.5)
