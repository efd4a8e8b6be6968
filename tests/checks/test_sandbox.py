"""portone.E049: PORTONE_SANDBOX without typing errors."""

from __future__ import annotations

from typing import Any

from .conftest import Said


def test_every_fault_of_the_setting_is_said_with_its_line(said: Said, settings: Any) -> None:
    settings.PORTONE_SANDBOX = {"WEBHOOK": "http://127.0.0.1:9/hook", "DB": 5}
    unknown, wrong = said("portone.E049")
    assert "'WEBHOOK'" in unknown.msg
    assert 'Did you mean "WEBHOOK_URL"?' in str(unknown.hint)
    assert 'PORTONE_SANDBOX["DB"]' in wrong.msg
    assert wrong.hint == 'Write: "DB": BASE_DIR / "sandbox.sqlite3"'


def test_a_right_one_and_none_are_silent(said: Said, settings: Any, tmp_path: Any) -> None:
    settings.PORTONE_SANDBOX = {"DB": tmp_path / "own.sqlite3", "WEBHOOK_URL": "", "ALLOW_WITHOUT_DEBUG": False}
    assert said("portone.E049") == []
    del settings.PORTONE_SANDBOX
    assert said("portone.E049") == []
