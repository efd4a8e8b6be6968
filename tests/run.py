"""python -m tests.run check | all: every pass with what the machine has, one summary, one exit status."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from .machine import Found, find_all, required

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q")
TWO_PROCESSES = ("-n", "2")
# No database changes what these show: once is enough.
SAME_ON_EVERY_DATABASE = (
    "tests/sandbox", "tests/gateway", "tests/contract", "tests/window", "tests/security", "tests/templatetags",
    "tests/browser", "tests/chaos", "tests/test_run.py", "tests/test_architecture.py", "tests/test_catalogue.py",
    "tests/test_locale.py", "tests/test_result_pages.py", "tests/test_conf.py", "tests/test_money.py",
    "tests/test_evidence.py", "tests/databases/test_sqlite.py", "tests/databases/test_session_locks.py",
)  # fmt: skip
# Each database's pass runs what is meant for it, and nothing that it would only skip.
ON_SQLITE = "not browser and not chaos and not postgresql and not mariadb and not server"
ON_POSTGRESQL = "not browser and not chaos and not mariadb"
ON_MARIADB = "not browser and not chaos and not postgresql"
# The searched histories are about the rules, which SQLite shows fastest; the servers get a smaller sample.
SMALLER_SAMPLE = {"CONVERGENCE_EXAMPLES": "15"}
SLOWEST = 10


@dataclass(frozen=True)
class Pass:
    """One command; `settings` go into its environment. One that mostly waits runs `aside`, while the others run."""

    name: str
    command: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    aside: bool = False


@dataclass(frozen=True)
class Result:
    name: str
    status: int
    seconds: float
    report: Path | None = None


def main(arguments: Sequence[str]) -> int:
    """0 only if every pass held and nothing required was missing."""
    if list(arguments) not in (["check"], ["all"]):
        print("Write: python -m tests.run check, or: python -m tests.run all")
        return 2
    is_all = arguments[0] == "all"
    started = time.monotonic()
    found = find_all() if is_all else {}
    missing = required(os.environ.get("PORTONE_REQUIRE", ""), found) if is_all else []
    for sentence in missing:
        print(f"✗ {sentence}", flush=True)
    if missing:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        results = _static() + _run_all(_all(found) if is_all else _fast(), Path(folder))
        if is_all:
            _print_slowest(results)
    _print_summary(results, found, time.monotonic() - started)
    return 0 if all(result.status == 0 for result in results) else 1


def _static() -> list[Result]:
    """Side by side, mypy beside all the others: together they take as long as mypy."""
    python = sys.executable
    quick = [
        Pass("ruff check", (python, "-m", "ruff", "check", ".")),
        Pass("ruff format", (python, "-m", "ruff", "format", "--check", ".")),
        _migrations("tests.settings"),
        _migrations("example_project.settings"),
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        types = pool.submit(_run_quietly, Pass("mypy", (python, "-m", "mypy")))
        others = [pool.submit(_run_quietly, each) for each in quick]
        return [types.result(), *(other.result() for other in others)]


def _migrations(settings: str) -> Pass:
    command = (sys.executable, "manage.py", "makemigrations", "--check", "--dry-run", "--verbosity", "1")
    environment = {"DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": "sqlite://:memory:"}
    return Pass(f"migrations of {settings.split('.')[0]}", command, environment)


def _fast() -> list[Pass]:
    chosen = f"not slow and {ON_SQLITE}"
    return [
        Pass("tests, SQLite", (*PYTEST, *TWO_PROCESSES, "-m", chosen), {**_on(""), **SMALLER_SAMPLE}),
        _example("tests, example shop", chosen, _on("")),
    ]


def _all(found: Mapping[str, Found]) -> list[Pass]:
    passes = [
        Pass("tests, SQLite", (*PYTEST, *TWO_PROCESSES, "-m", ON_SQLITE), _on("")),
        _example("example shop and demo, SQLite", ON_SQLITE, {**_on(""), **_brokers(found)}),
    ]
    ignored = tuple(f"--ignore={folder}" for folder in SAME_ON_EVERY_DATABASE)
    if found["postgresql"].is_there:
        command = (*PYTEST, *TWO_PROCESSES, "-m", ON_POSTGRESQL, *ignored)
        passes.append(Pass("tests, PostgreSQL", command, {**_on(found["postgresql"].address), **SMALLER_SAMPLE}))
    if found["mariadb"].is_there:
        command = (*PYTEST, *TWO_PROCESSES, "-m", ON_MARIADB, *ignored)
        passes.append(Pass("tests, MariaDB", command, {**_on(found["mariadb"].address), **SMALLER_SAMPLE}))
    if found["chromium"].is_there:
        chromium = {"CHROMIUM": found["chromium"].address, "PORTONE_REQUIRE_CHROMIUM": "1"}
        passes.append(Pass("tests, Chromium", (*PYTEST, *TWO_PROCESSES, "-m", "browser"), {**_on(""), **chromium}))
    # Alone: killed workers and late charges are a matter of tenths of a second. It finds the databases by itself.
    passes.append(Pass("chaos", (*PYTEST, "tests/chaos", "-m", "chaos"), _on("")))
    return passes


def _example(name: str, chosen: str, settings: Mapping[str, str]) -> Pass:
    """Demos and workers that wait for one another: two processors hardly notice."""
    return Pass(
        name, (*PYTEST, "tests/example", "--ds", "example_project.settings", "-m", chosen), settings, aside=True
    )


def _on(address: str) -> dict[str, str]:
    """DATABASE_URL with a name of this run's own: pytest-django then makes and drops test_<name>."""
    if not address:
        return {"DATABASE_URL": "sqlite://:memory:"}
    return {"DATABASE_URL": urlunsplit(urlsplit(address)._replace(path=f"/portone_{os.getpid()}"))}


def _brokers(found: Mapping[str, Found]) -> dict[str, str]:
    """Only what answers: a broker test is left out, and says so, where its variable is empty."""
    return {
        "TEST_REDIS_URL": found["redis"].address if found["redis"].is_there else "",
        "TEST_AMQP_URL": found["rabbitmq"].address if found["rabbitmq"].is_there else "",
    }


def _run_all(passes: Sequence[Pass], folder: Path) -> list[Result]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        asides = [pool.submit(_run, each, folder) for each in passes if each.aside]
        return [_run(each, folder) for each in passes if not each.aside] + [aside.result() for aside in asides]


def _run(each: Pass, folder: Path) -> Result:
    report = folder / f"{each.name.replace(' ', '-')}.xml"
    command = [*each.command, f"--junitxml={report}"]
    if each.aside:
        result = _run_quietly(Pass(each.name, command, each.settings))
        return Result(each.name, result.status, result.seconds, report)
    print(f"\n=== {each.name}", flush=True)
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **each.settings}, check=False)
    return Result(each.name, done.returncode, time.monotonic() - started, report)


def _run_quietly(each: Pass) -> Result:
    started = time.monotonic()
    done = subprocess.run(
        list(each.command), cwd=ROOT, env={**os.environ, **each.settings}, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        print(f"\n=== {each.name}\n{done.stdout}", flush=True)
    return Result(each.name, done.returncode, time.monotonic() - started)


def _print_slowest(results: Sequence[Result]) -> None:
    cases = []
    for result in results:
        if result.report and result.report.exists():
            for case in ET.parse(result.report).iter("testcase"):
                name = f"{case.get('classname', '')}::{case.get('name', '')}"
                cases.append((float(case.get("time", "0")), result.name, name))
    print(f"\n=== the {SLOWEST} slowest")
    for seconds, where, name in sorted(cases, reverse=True)[:SLOWEST]:
        print(f"{seconds:8.1f} s  {name}  [{where}]")


def _print_summary(results: Sequence[Result], found: Mapping[str, Found], seconds: float) -> None:
    print("\n=== summary")
    for result in results:
        print(f"  {'✓' if result.status == 0 else '✗'} {result.name} ({result.seconds:.0f} s)")
    verdict = "everything held" if all(result.status == 0 for result in results) else "NOT everything held"
    print(f"{verdict}, {seconds:.0f} s")
    if found:
        used = ", ".join(f"{each.name} {each.version}" for each in found.values() if each.is_there)
        unused = "; ".join(f"{each.name}: {each.why_not}" for each in found.values() if not each.is_there)
        print(f"Used: {used}. Not used: {unused or 'nothing was missing'}.", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
