"""The demo's processes: the sandbox, the shop, a Celery worker with beat; a fresh database and broker each time."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from .interrupts import Interrupts
from .narration import say
from .processes import Process, end_all

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "example_project" / "var"
READY_SECONDS = 90.0


class StackFailed(Exception):
    """A part did not start or did not stay; the message ends with its last words."""


class Stack:
    """Everything on one pair of ports; `start` then `stop`, which may be called at any time."""

    def __init__(self, *, port: int, interrupts: Interrupts) -> None:
        self.shop_url, self.sandbox_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
        self.folder = VAR / f"demo-{port}"
        self.logs, self.mails = self.folder / "logs", self.folder / "mail"
        self._port, self._interrupts = port, interrupts
        self._processes: list[Process] = []
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands before this machine

    def start(self) -> None:
        """Raises StackFailed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.logs.mkdir(parents=True)
        say("Making the database …")
        self._run("migrate", "migrate", "--verbosity", "0")
        self._run("seed", "seed_shop")
        say("Starting the sandbox, the shop and a Celery worker …")
        self._start_all()
        self._wait_until("the sandbox", lambda: self._answers(f"{self.sandbox_url}/_sandbox/state"))
        self._wait_until("the shop", lambda: self._answers(f"{self.shop_url}/health/"))
        # One sweep by hand: when it is done, broker, worker and database are known to work together.
        self._celery("first-sweep", "call", "portone_django.reconcile").wait()
        self._wait_until("the Celery worker", self._has_swept)

    def stop(self) -> None:
        """End every process that was started."""
        processes, self._processes = self._processes, []
        end_all(processes)

    def ended(self) -> str | None:
        """A sentence about a process that ended although nobody asked, or None."""
        for process in self._processes:
            if process.exit_status is not None and process.name in ("sandbox", "shop", "worker"):
                status = process.exit_status
                return f"The {process.name} ended (exit status {status}). Its log ends:\n{process.last_words()}"
        return None

    def _start_all(self) -> None:
        self._manage(
            "sandbox", "portone_sandbox", "--port", str(self._port + 1), "--db", str(self.folder / "sandbox.sqlite3")
        )
        self._manage("shop", "runserver", f"127.0.0.1:{self._port}", "--noreload")
        self._celery(
            "worker", "worker", "--beat", "--schedule", str(self.folder / "beat"), "--pool", "threads",
            "--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat",
        )  # fmt: skip

    def _run(self, name: str, *arguments: str) -> None:
        process = self._manage(name, *arguments)
        if process.wait():
            raise StackFailed(f"manage.py {arguments[0]} failed. Its log ends:\n{process.last_words()}")

    def _manage(self, name: str, *arguments: str) -> Process:
        return self._spawn(name, [sys.executable, "manage.py", *arguments])

    def _celery(self, name: str, *arguments: str) -> Process:
        return self._spawn(name, [sys.executable, "-m", "celery", "-A", "example_project", *arguments])

    def _spawn(self, name: str, command: list[str]) -> Process:
        with self._interrupts.held():
            process = Process(name, command, env=self.environment(), cwd=ROOT, log=self.logs / f"{name}.log")
            self._processes.append(process)
        return process

    def environment(self) -> dict[str, str]:
        """The demo's own: whatever PORTONE_… the terminal has belongs to somebody else's account."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PORTONE_", "DJANGO_"))}
        return inherited | {
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "PYTHONUNBUFFERED": "1",
            "DEBUG": "1",
            "ALLOWED_HOSTS": "",
            "DATABASE_URL": f"sqlite:///{self.folder / 'db.sqlite3'}",
            "CELERY_BROKER_URL": "filesystem://",
            "CELERY_BROKER_FOLDER": str(self.folder / "broker"),
            "PORTONE_API_BASE": self.sandbox_url,
            "PORTONE_PUBLIC_BASE_URL": self.shop_url,
            "EMAIL_FILE_PATH": str(self.mails),
        }

    def _wait_until(self, what: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if ended := self.ended():
                raise StackFailed(ended)
            if time.monotonic() > deadline:
                raise StackFailed(f"{what.capitalize()} did not answer within {READY_SECONDS:.0f} s. See {self.logs}.")
            time.sleep(0.2)

    def _answers(self, url: str) -> bool:
        try:
            return self._session.get(url, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _has_swept(self) -> bool:
        try:
            return bool(self._session.get(f"{self.shop_url}/health/", timeout=5).json()["swept_at"])
        except requests.RequestException:
            return False
