"""tests/catalogue.toml maps every fault to its tests, or says why it does not apply."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = [
    *(f"A{n}" for n in range(1, 16)),
    *(f"B{n}" for n in range(1, 16)),
    *(f"C{n}" for n in range(1, 11)),
    *(f"G{n}" for n in range(1, 23)),
    *(f"H{n}" for n in range(1, 8)),
    *(f"L{n}" for n in range(1, 9)),
    "L11",
    *(f"I{n}" for n in range(1, 14)),
    *(f"J{n}" for n in (*range(1, 10), 13, 14, 15)),
    *(f"M{n}" for n in range(1, 4)),
    "A16",
    "A17",
    *(f"D{n}" for n in range(1, 12)),
    *(f"E{n}" for n in range(1, 16)),
    *(f"F{n}" for n in range(1, 10)),
    "I14",
]
MUTATED = ["A1", "A2", "A3", "A4", "A5", "B1", "B3", "B4", "B5", "C1", "C2", "C3", "C4", "G2", "G4", "G7", "G9", "G16"]
MUTATED += ["I2", "I11", *(f"J{n}" for n in range(1, 7))]
MUTATED += ["A16", "A17", "D1", "D5", "D7", *(f"E{n}" for n in range(3, 9)), "E11", "F1", "G3", "G17"]


def _load(name: str) -> dict[str, Any]:
    with (ROOT / "tests" / name).open("rb") as file:
        return tomllib.load(file)


ROWS: dict[str, Any] = _load("catalogue.toml")["rows"]


@pytest.mark.parametrize("row", REQUIRED)
def test_every_fault_has_tests_or_a_reason(row: str) -> None:
    entry = ROWS[row]
    assert bool(entry.get("tests")) != bool(entry.get("why_not")), f"{row}: name tests, or say why_not"


@pytest.mark.parametrize("row", sorted(ROWS))
def test_every_named_test_exists(row: str) -> None:
    for node in ROWS[row].get("tests", []):
        path, _, name = node.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        if not name:
            continue
        parts = name.partition("[")[0].split("::")
        scope: Any = tree.body
        for part in parts:
            found = [
                each
                for each in scope
                if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and each.name == part
            ]
            assert found, f"{row}: {node} does not exist"
            scope = found[0].body


def test_every_guard_that_must_be_proved_has_a_mutant() -> None:
    assert set(MUTATED) <= {mutant["row"] for mutant in _load("mutants.toml")["mutant"]}


def test_every_guard_stands_where_its_mutant_removes_it() -> None:
    """Else the mutant proves nothing, and only the next `make mutants` would tell."""
    mutants = _load("mutants.toml")["mutant"]
    gone = [each for each in mutants if (ROOT / each["file"]).read_text(encoding="utf-8").count(each["old"]) != 1]
    assert gone == []
