"""`make mutants`: remove one guard at a time and see that the tests named for its row turn red.

Each mutant of mutants.toml is one replacement in one file, applied to a copy of the tree. First the tests of all
rows must be green without any replacement.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POSTGRESQL = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test") + "_mutants"
ROOT = Path(__file__).resolve().parent.parent
_LEFT_OUT = (
    ".git",
    ".venv",
    "var",
    "docs",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
)


@dataclass(frozen=True)
class Mutant:
    """One guard removed: `old` stands exactly once in `file` and becomes `new`."""

    row: str
    guard: str
    file: str
    old: str
    new: str
    database: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="only these rows (A1, B3, …)")
    chosen = parser.parse_args().rows
    catalogue = _tests_by_row()
    mutants = [each for each in _mutants() if not chosen or each.row in chosen]
    rows = sorted({each.row for each in mutants})
    missing = [row for row in rows if not catalogue.get(row)]
    if missing:
        print(f"tests/catalogue.toml names no tests for {', '.join(missing)}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        untouched = _copy(Path(folder) / "untouched")
        wanted = sorted({test for row in rows for test in catalogue[row]})
        clean = _pytest(untouched, wanted, POSTGRESQL)
        if clean.returncode:
            print(clean.stdout[-3000:], "\nThe tests are red without any mutant.")
            return 1
        survivors = 0
        with ThreadPoolExecutor(max_workers=2) as pool:
            results = pool.map(lambda each: _run(each, catalogue[each.row], Path(folder)), mutants)
            for number, (mutant, killed, detail) in enumerate(results, 1):
                survivors += not killed
                told = f"{'killed  ' if killed else 'SURVIVED'}  {mutant.row:4} {mutant.guard}{detail}"
                print(f"{number:3}/{len(mutants)}  {told}", flush=True)
    print(f"{len(mutants) - survivors} killed, {survivors} survived")
    return 1 if survivors else 0


def _run(mutant: Mutant, tests: list[str], folder: Path) -> tuple[Mutant, bool, str]:
    tree = _copy(Path(tempfile.mkdtemp(dir=folder)) / "tree")
    target = tree / mutant.file
    text = target.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        return mutant, False, f"  (its text stands {text.count(mutant.old)} times in {mutant.file})"
    target.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    result = _pytest(tree, tests, POSTGRESQL if mutant.database == "postgresql" else "")
    shutil.rmtree(tree, ignore_errors=True)
    # 1 = tests ran and some failed; anything else (nothing collected, a syntax error) proves nothing.
    failed = result.returncode == 1 and " error" not in result.stdout.splitlines()[-1]
    return mutant, failed, "" if failed else f"  (pytest ended with {result.returncode})\n{result.stdout[-1500:]}"


def _pytest(tree: Path, tests: list[str], database: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    environment["ARRIVAL_ROUNDS"] = "60"
    environment["REFUND_STORM_PAYMENTS"] = "20"
    if database:
        environment["DATABASE_URL"] = f"{database}_{tree.parent.name.replace('-', '_')}"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--create-db",
        "-p",
        "no:cacheprovider",
        "-m",
        "not browser",
        *tests,
    ]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def _copy(target: Path) -> Path:
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return target


def _mutants() -> list[Mutant]:
    with (ROOT / "tests" / "mutants.toml").open("rb") as file:
        return [Mutant(**entry) for entry in tomllib.load(file)["mutant"]]


def _tests_by_row() -> dict[str, list[str]]:
    with (ROOT / "tests" / "catalogue.toml").open("rb") as file:
        rows: dict[str, Any] = tomllib.load(file)["rows"]
    return {row: entry.get("tests", []) for row, entry in rows.items()}


if __name__ == "__main__":
    raise SystemExit(main())
