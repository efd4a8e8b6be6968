"""`manage.py portone_sandbox` as a process: says where it is, serves, stops cleanly, refuses without DEBUG."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.sandbox.process import free_port, started, wait_until_up


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running(tmp_path: Path, port: int) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    process = started(
        tmp_path, "--port", str(port), "--imp-key", "k", "--imp-secret", "hush", "--user-code", "imp1", debug=True
    )
    base = f"http://127.0.0.1:{port}"
    wait_until_up(process, base)
    yield process, base
    process.kill()
    process.communicate()


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
        assert wait_until_up(process, base)
        assert requests.get(f"{base}/v1/iamport.js", timeout=5).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert process.returncode == 0
