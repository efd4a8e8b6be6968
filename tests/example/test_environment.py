"""The example project takes everything from the environment, and the demo's values are the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from example_project import environment
from portone_django import conf


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("PORTONE_", "DATABASE_URL", "CELERY_", "DJANGO_SECRET")):
            monkeypatch.delenv(name)


def test_without_anything_the_shop_talks_to_the_sandbox_on_this_machine() -> None:
    portone = environment.portone(debug=True)
    assert portone["API_BASE"] == "http://127.0.0.1:8001"
    assert portone["SDK_URL"] == "http://127.0.0.1:8001/v1/iamport.js"
    assert portone["ACCEPT_TEST_PAYMENTS"] is True
    assert set(portone["CHANNELS"]) == {"checkout", "billing"}


def test_named_values_reach_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "PORTONE_USER_CODE": "imp12345678", "PORTONE_IMP_KEY": "a-key", "PORTONE_IMP_SECRET": "a-word",
        "PORTONE_API_BASE": "https://api.iamport.kr", "PORTONE_PUBLIC_BASE_URL": "https://namu.example",
        "PORTONE_CHANNEL_KEY": "channel-key-mine", "PORTONE_ACCEPT_TEST_PAYMENTS": "0",
    }  # fmt: skip
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    portone = environment.portone(debug=True)
    assert (portone["USER_CODE"], portone["IMP_KEY"], portone["IMP_SECRET"]) == ("imp12345678", "a-key", "a-word")
    assert portone["PUBLIC_BASE_URL"] == "https://namu.example"
    assert portone["SDK_URL"] == environment.REAL_SDK_URL
    assert portone["CHANNELS"] == {"checkout": {"channel_key": "channel-key-mine"}}
    assert portone["ACCEPT_TEST_PAYMENTS"] is False


def test_portones_own_host_brings_portones_own_script_and_no_other_host_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTONE_API_BASE", "http://127.0.0.1:9999/")
    assert environment.portone(debug=True)["SDK_URL"] == "http://127.0.0.1:9999/v1/iamport.js"


def test_the_settings_are_ones_that_portone_django_accepts() -> None:
    assert conf.problems() == []


def test_a_flag_that_is_neither_yes_nor_no_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTONE_ACCEPT_TEST_PAYMENTS", "maybe")
    with pytest.raises(ImproperlyConfigured, match="PORTONE_ACCEPT_TEST_PAYMENTS"):
        environment.portone(debug=True)


def test_the_demos_keys_are_refused_without_debug() -> None:
    with pytest.raises(ImproperlyConfigured, match="PORTONE_UID_KEY"):
        environment.portone(debug=False)


def test_sqlite_waits_locks_at_once_and_writes_ahead() -> None:
    options = environment.database()["OPTIONS"]
    assert options["timeout"] == 20
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_mariadb_reads_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://shop@127.0.0.1/shop")
    assert environment.database()["OPTIONS"]["isolation_level"] == "read committed"


def test_the_broker_needs_no_server_unless_one_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CELERY_BROKER_FOLDER", str(tmp_path / "broker"))
    url, options = environment.broker()
    assert url == "filesystem://"
    assert options["data_folder_in"] == options["data_folder_out"]
    assert Path(options["data_folder_in"]).is_dir()
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:6379/1")
    assert environment.broker() == ("redis://127.0.0.1:6379/1", {})


def test_the_worker_of_this_project_sweeps() -> None:
    from example_project import celery_app
    from portone_django.tasks import BEAT_SCHEDULE

    assert celery_app.conf.beat_schedule == BEAT_SCHEDULE
    celery_app.loader.import_default_modules()
    assert {entry["task"] for entry in BEAT_SCHEDULE.values()} <= set(celery_app.tasks)
