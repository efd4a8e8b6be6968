"""Kills a deed with SIGKILL after every step that it takes, lets a clean process recover, and says what is wrong then.

A step is a statement that writes, a COMMIT, a call to PortOne before it leaves and after it was answered, or a
receiver: the list is no list, but what one undisturbed deed was seen to do. One line of JSON a case is printed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

_WRITES = ("INSERT", "UPDATE", "DELETE")


class Deed:
    """What is done, and killed, under one way in which PortOne may behave. Its methods run in processes of their own.

    `signals` are those whose receivers write down that they were called.
    """

    signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, outcome: str) -> None:
        self.outcome = outcome

    def build(self, sandbox: Any) -> None:
        """The rows and PortOne's ledger as they are before it."""

    def do(self, sandbox: Any) -> None:
        """All of it, to its end; this is what is killed."""

    def recover(self, sandbox: Any) -> None:
        """What every later process would do, until nothing is left to do. PortOne has no faults any more."""

    def problems(self, sandbox: Any, told: list[str]) -> list[str]:
        """What is wrong then. `told` has "signal:event id" of each call of a receiver."""
        raise NotImplementedError


def kill_everywhere(module: str, outcome: str, folder: Path) -> list[dict[str, Any]]:
    """For tests: run a module that calls `main` in a process of its own; one entry a case: case, steps, problems."""
    done = subprocess.run(
        [sys.executable, "-m", module, outcome, str(folder)],
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder}/template/ours.sqlite3"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def set_up(**portone: Any) -> None:
    """Django for a module that is run; everything is loaded before the first fork, so that no child loads it again."""
    import logging

    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from django.conf import settings

    settings.PORTONE = {**settings.PORTONE, **portone}
    django.setup()
    logging.disable(logging.CRITICAL)
    import portone_django.cards
    import portone_django.flows.drain
    import portone_django.flows.reconciliation
    import portone_django.refunds
    import portone_django.subscriptions  # noqa: F401
    import tests.factories
    import tests.ledgers
    import tests.members
    import tests.shop  # noqa: F401
    from portone_django.gateway import transport

    transport.REPEAT_PAUSES = (0.0, 0.0)  # nobody recovers meanwhile


def main(deed: Deed, folder: Path) -> None:
    """First a deed that nobody kills, to learn its steps; then one for each of them."""
    _build(folder / "template", deed)
    steps = _undisturbed(_copy(folder, "undisturbed"), deed)
    _say("undisturbed", steps, _recovered(folder / "undisturbed", deed))
    for number, step in enumerate(steps):
        case = _copy(folder, f"{number:03d}")
        _killed(case, deed, number)
        _say(f"{number:03d} {step}", steps[: number + 1], _recovered(case, deed))
        shutil.rmtree(case)


def _say(case: str, steps: list[str], problems: list[str]) -> None:
    print(json.dumps({"case": case, "steps": steps, "problems": problems}), flush=True)


# One case: a folder with our database, PortOne's, and what the shop's receivers were told -----------------------


def _build(template: Path, deed: Deed) -> None:
    """In a process of its own, so that ours opens no database."""

    def build() -> None:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        with _portone(template, deed) as sandbox:
            sandbox.settings.set(webhook_mode="off")
            deed.build(sandbox)
        # What the shop was told until now is not what the deed tells it.
        (template / "told").unlink(missing_ok=True)

    template.mkdir(parents=True)
    assert os.waitstatus_to_exitcode(_in_child(template, build)) == 0


def _copy(folder: Path, name: str) -> Path:
    shutil.copytree(folder / "template", folder / name)
    return folder / name


def _undisturbed(case: Path, deed: Deed) -> list[str]:
    def work() -> None:
        steps: list[str] = []
        with _portone(case, deed) as sandbox, _watched(steps.append, deed):
            deed.do(sandbox)
        (case / "steps.json").write_text(json.dumps(steps))

    assert os.waitstatus_to_exitcode(_in_child(case, work)) == 0
    steps: list[str] = json.loads((case / "steps.json").read_text())
    return steps


def _killed(case: Path, deed: Deed, number: int) -> None:
    def work() -> None:
        seen: list[str] = []

        def step(name: str) -> None:
            seen.append(name)
            if len(seen) > number:
                os.kill(os.getpid(), signal.SIGKILL)

        with _portone(case, deed) as sandbox, _watched(step, deed):
            deed.do(sandbox)

    status = _in_child(case, work)
    assert os.WIFSIGNALED(status), f"step {number} was not reached"
    assert os.WTERMSIG(status) == signal.SIGKILL


def _recovered(case: Path, deed: Deed) -> list[str]:
    """What a clean process, whose sweeps run after the quiet period, leaves to complain about."""

    def recover() -> None:
        with _portone(case, deed) as sandbox:
            sandbox.faults.clear()
            deed.recover(sandbox)
            told = (case / "told").read_text().split() if (case / "told").exists() else []
            (case / "problems.json").write_text(json.dumps(deed.problems(sandbox, told)))

    assert os.waitstatus_to_exitcode(_in_child(case, recover)) == 0
    problems: list[str] = json.loads((case / "problems.json").read_text())
    return problems


# The steps ------------------------------------------------------------------------------------------------------


@contextmanager
def _watched(step: Callable[[str], None], deed: Deed) -> Iterator[None]:
    """`step` is called after each one, with its name; it may not return."""
    from unittest.mock import patch

    from django.db import connection
    from django.db.backends.base.base import BaseDatabaseWrapper

    from portone_django.sandbox.adapter import SandboxAdapter

    send, commit = SandboxAdapter.send, BaseDatabaseWrapper._commit

    def watched_send(adapter: Any, request: Any, **options: Any) -> Any:
        name = f"{request.method} {request.path_url.partition('?')[0]}"
        step(f"{name} is about to leave")
        answer = None
        try:
            answer = send(adapter, request, **options)
        finally:
            step(f"{name} {'was answered' if answer is not None else 'was not answered'}")
        return answer

    def watched_commit(database: Any) -> None:
        commit(database)
        step("COMMIT")

    def watched_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith(_WRITES):
            step(" ".join(sql.split()[: 3 if sql.startswith("INSERT") else 2]).replace('"', ""))
        return result

    with ExitStack() as stack:
        stack.enter_context(patch.object(SandboxAdapter, "send", watched_send))
        stack.enter_context(patch.object(BaseDatabaseWrapper, "_commit", watched_commit))
        stack.enter_context(connection.execute_wrapper(watched_statement))
        stack.enter_context(_told(step, deed))
        yield


@contextmanager
def _told(step: Callable[[str], None], deed: Deed) -> Iterator[None]:
    """A shop whose receivers have done their work when the process is killed, and nobody has noted it."""
    from portone_django import signals

    receivers = [(getattr(signals, name), lambda name=name, **_: step(f"{name} was received")) for name in deed.signals]
    for each, receiver in receivers:
        each.connect(receiver, weak=False)
    try:
        yield
    finally:
        for each, receiver in receivers:
            each.disconnect(receiver)


# Processes ------------------------------------------------------------------------------------------------------


def _in_child(case: Path, work: Callable[[], None]) -> int:
    """Run `work` in a fork on the case's database; how the child ended. It starts nothing that Python has loaded."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        from django.db import connection

        connection.settings_dict["NAME"] = str(case / "ours.sqlite3")
        # A killed process loses nothing by it, and this is no test of power cuts.
        connection.settings_dict["OPTIONS"]["init_command"] = "PRAGMA synchronous=OFF"
        work()
        connection.close()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


@contextmanager
def _portone(case: Path, deed: Deed) -> Iterator[Any]:
    """The sandbox on the case's file, and a shop whose receivers write down what they were told."""
    import requests

    from portone_django import signals
    from portone_django.conf import get_config
    from portone_django.gateway import Client, override_client
    from portone_django.sandbox.adapter import mount
    from portone_django.sandbox.ledger import Sandbox

    config = get_config()
    keys = {"imp_key": config.imp_key, "imp_secret": config.imp_secret}
    sandbox = Sandbox(case / "portone.sqlite3", **keys)
    session = requests.Session()
    mount(session, sandbox, config.api_base)
    for name in deed.signals:
        getattr(signals, name).connect(_write_down(case / "told", name), weak=False)
    with override_client(Client(api_base=config.api_base, session=session, **keys)):
        yield sandbox
    sandbox.close()


def _write_down(file: Path, name: str) -> Callable[..., None]:
    def receiver(event_id: Any, **_kwargs: Any) -> None:
        with file.open("a") as lines:
            lines.write(f"{name}:{event_id}\n")

    return receiver
