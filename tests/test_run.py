"""The runner leaves nothing out without saying so, and nothing required at all."""

from __future__ import annotations

import pytest

from tests import run
from tests.machine import Found, required, without_password

NAMES = ("sqlite", "postgresql", "mariadb", "redis", "rabbitmq", "chromium")
MARKERS = ("postgresql", "mariadb", "server")


def machine(*there: str) -> dict[str, Found]:
    return {
        name: Found(name, f"{name}://user@host/db", version="1.0" if name in there else "", why_not="nobody answers")
        for name in NAMES
    }


def test_what_is_required_and_missing_is_said_with_what_was_tried() -> None:
    assert required("postgresql,chromium", machine("sqlite", "chromium")) == [
        "postgresql is required here and does not answer: nobody answers"
    ]
    assert required("postgresql, chromium", machine("postgresql", "chromium")) == []
    assert required("", machine()) == []


def test_a_misspelt_requirement_is_no_requirement_met() -> None:
    assert "'postgres'" in required("postgres", machine(*NAMES))[0]


def test_a_required_server_that_is_missing_fails_before_any_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTONE_REQUIRE", "postgresql")
    monkeypatch.setattr(run, "find_all", lambda: machine("sqlite"))
    monkeypatch.setattr(run, "_run", lambda *arguments: pytest.fail("a test ran"))
    assert run.main(["all"]) == 1
    assert "✗ postgresql is required" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("there", "expected"), [("postgresql", "PostgreSQL"), ("mariadb", "MariaDB"), ("chromium", "Chromium")]
)
def test_each_server_that_answers_has_its_pass(there: str, expected: str) -> None:
    with_it = {each.name for each in run._all(machine("sqlite", there))}
    without = {each.name for each in run._all(machine("sqlite"))}
    assert with_it - without == {f"tests, {expected}"}


def test_each_database_gets_the_tests_that_are_meant_for_it() -> None:
    asked = {each.name: list(each.command) for each in run._all(machine("sqlite", "postgresql", "mariadb"))}
    chosen = {name.removeprefix("tests, "): command[command.index("-m", 4) + 1] for name, command in asked.items()}
    left_out = {name: {each for each in MARKERS if f"not {each}" in text} for name, text in chosen.items()}
    assert left_out["SQLite"] == {"postgresql", "mariadb", "server"}
    assert left_out["PostgreSQL"] == {"mariadb"}
    assert left_out["MariaDB"] == {"postgresql"}


def test_continuous_integration_requires_every_database_and_broker() -> None:
    text = (run.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert 'PORTONE_REQUIRE="${PORTONE_REQUIRE:-postgresql,mariadb,redis,rabbitmq,chromium}"' in text


def test_the_storms_are_run_alone_and_last() -> None:
    *others, last = run._all(machine(*NAMES))
    assert (last.name, last.aside, "-n" in last.command) == ("chaos", False, False)
    asked = {each.name: each.command[each.command.index("-m", 4) + 1] for each in others}
    assert {name for name, chosen in asked.items() if "not chaos" not in chosen} == {"tests, Chromium"}


def test_each_run_has_a_database_name_of_its_own() -> None:
    (postgresql,) = (each for each in run._all(machine("sqlite", "postgresql")) if each.name == "tests, PostgreSQL")
    assert "/db" not in postgresql.settings["DATABASE_URL"]
    assert "/portone_" in postgresql.settings["DATABASE_URL"]


@pytest.mark.parametrize("failing", ["tests, SQLite", "tests, example shop"])
def test_one_failed_pass_fails_the_run(
    failing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "_static", lambda: [run.Result("lint", 0, 1.0)])
    # 5 is pytest's status for a pass that found no tests, which proves nothing.
    monkeypatch.setattr(run, "_run", lambda each, folder: run.Result(each.name, 5 * (each.name == failing), 1.0))
    assert run.main(["check"]) == 1
    assert f"✗ {failing}" in capsys.readouterr().out


def test_a_password_is_never_printed() -> None:
    assert without_password("postgres://me:hidden@db.example:5432/x") == "postgres://me:…@db.example:5432/x"
