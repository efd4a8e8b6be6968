"""`manage.py portone_sandbox` as a process: says where it is, serves, stops cleanly, refuses without DEBUG."""

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.ports import free_port
from tests.sandbox.process import started, wait_until_up


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
    token = requests.post(f"{base}/users/getToken", json={"imp_key": "k", "imp_secret": "hush"}, timeout=30)
    assert token.json()["code"] == 0
    assert "request_pay" in requests.get(f"{base}/v1/iamport.js", timeout=30).text
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert base in out
    assert "imp1" in out
    assert "hush" not in out
    assert out.rstrip().endswith("stopped.")


def test_without_debug_it_refuses_with_the_line_to_write(tmp_path: Path, port: int) -> None:
    process = started(tmp_path, "--port", str(port), debug=False)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "--allow-production" in err
    assert "ALLOW_WITHOUT_DEBUG" in err
    assert not (tmp_path / "portone.sqlite3").exists()


def test_without_debug_it_runs_when_told_so(tmp_path: Path, port: int) -> None:
    process = started(tmp_path, "--port", str(port), "--allow-production", debug=False)
    base = f"http://127.0.0.1:{port}"
    try:
        assert wait_until_up(process, base)
        assert requests.get(f"{base}/v1/iamport.js", timeout=30).status_code == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def refusal(tmp_path: Path, *options: str) -> str:
    """What the command says instead of starting."""
    with override_settings(DEBUG=True), pytest.raises(CommandError) as caught:
        call_command("portone_sandbox", "--db", str(tmp_path / "portone.sqlite3"), *options)
    return str(caught.value)


def test_a_port_that_is_in_use_is_said_with_the_next_one(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refusal(tmp_path, "--port", str(port))
    assert said == f"Port {port} of 127.0.0.1 is in use. Write: manage.py portone_sandbox --port {port + 1}"


def test_the_second_of_two_says_so(running: tuple["subprocess.Popen[str]", str], tmp_path: Path, port: int) -> None:
    second = started(tmp_path, "--port", str(port), debug=True)
    _, err = second.communicate(timeout=60)
    assert second.returncode != 0
    assert f"Port {port} of 127.0.0.1 is in use." in err
    assert "_stopped" not in err


@pytest.mark.parametrize("host", ["203.0.113.1", "::1", "no such host", "a" * 70])
def test_an_address_of_another_machine_is_said_with_ours(tmp_path: Path, host: str) -> None:
    said = refusal(tmp_path, "--host", host, "--port", "0")
    assert said == (f"{host!r} is not an IPv4 address of this machine. Write: manage.py portone_sandbox --port 0")


@pytest.mark.parametrize("number", ["-1", "65536"])
def test_a_port_that_does_not_exist_is_said(tmp_path: Path, number: str) -> None:
    said = refusal(tmp_path, "--port", number)
    assert re.fullmatch(f"There is no port {number}; .* Write: manage.py portone_sandbox --port 9999", said)
