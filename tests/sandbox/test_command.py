"""`manage.py portone_sandbox` as a process: says where it is, serves, stops cleanly, refuses without DEBUG."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

SETTINGS = """
SECRET_KEY = "tests-only-" + "x" * 40
DEBUG = {debug}
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
ROOT_URLCONF = "nowhere"
MIDDLEWARE = ["nowhere.Middleware"]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}}]
"""
RUN = (
    "import sys, django; django.setup(); from django.core.management import call_command; "
    "from portone_django.management.commands.portone_sandbox import Command; "
    "call_command(Command(), *sys.argv[1:])"
)


def started(tmp_path: Path, *options: str, debug: bool) -> "subprocess.Popen[str]":
    (tmp_path / "sandbox_settings.py").write_text(SETTINGS.format(debug=debug))
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), root]),
        "DJANGO_SETTINGS_MODULE": "sandbox_settings",
        "PYTHONUNBUFFERED": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *options, "--db", str(tmp_path / "portone.sqlite3")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    process = started(
        tmp_path, "--port", str(port), "--imp-key", "k", "--imp-secret", "hush", "--user-code", "imp1", debug=True
    )
    base = f"http://127.0.0.1:{port}"
    for _ in range(300):
        if process.poll() is not None or answers(base):
            break
        time.sleep(0.1)
    yield process, base
    process.kill()
    process.communicate()


def answers(base: str) -> bool:
    try:
        return requests.get(f"{base}/_sandbox/state", timeout=2).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_serves_and_stops_cleanly(
    running: tuple["subprocess.Popen[str]", str], number: signal.Signals
) -> None:
    process, base = running
    token = requests.post(f"{base}/users/getToken", json={"imp_key": "k", "imp_secret": "hush"}, timeout=5)
    assert token.json()["code"] == 0
    assert "request_pay" in requests.get(f"{base}/v1/iamport.js", timeout=5).text
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert base in out
    assert "imp1" in out
    assert "hush" not in out
    assert out.rstrip().endswith("stopped.")


def test_without_debug_it_refuses_with_the_line_to_write(tmp_path: Path, port: int) -> None:
    process = started(tmp_path, "--port", str(port), debug=False)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "--allow-production" in err
    assert "ALLOW_WITHOUT_DEBUG" in err
    assert not (tmp_path / "portone.sqlite3").exists()


def test_without_debug_it_runs_when_told_so(tmp_path: Path, port: int) -> None:
    process = started(tmp_path, "--port", str(port), "--allow-production", debug=False)
    base = f"http://127.0.0.1:{port}"
    try:
        assert any(answers(base) or time.sleep(0.1) for _ in range(300))  # type: ignore[func-returns-value]
        assert requests.get(f"{base}/v1/iamport.js", timeout=5).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
