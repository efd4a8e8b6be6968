"""PORTONE_SANDBOX: what is wrong with it is said at every door, with what to write."""

import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import include, path

from portone_django.sandbox.ledger import Sandbox, Unopenable, get_sandbox, use_sandbox

urlpatterns = [path("sandbox/", include("portone_django.sandbox.urls"))]
pytestmark = pytest.mark.urls(__name__)

BAD: list[tuple[Any, str]] = [
    ({"WEBHOOK": "x"}, r"unknown key 'WEBHOOK'.* \"WEBHOOK_URL\"\? There are: DB, IMP_KEY, .*ALLOW_WITHOUT_DEBUG"),
    ({"db": "x.sqlite3"}, r"unknown key 'db'\. Did you mean \"DB\"\?"),
    ({1: 2}, r"unknown key 1\. There are: DB"),
    ({"DB": 5}, r"\[\"DB\"\] must be a path, not int\. Write: \"DB\": BASE_DIR / "),
    ({"DB": ""}, r"\[\"DB\"\] is empty\. Write: \"DB\": .* or leave it out"),
    ({"IMP_KEY": 5}, r"\[\"IMP_KEY\"\] must be text, not int\. Write: \"IMP_KEY\": "),
    ({"IMP_SECRET": None}, r"\[\"IMP_SECRET\"\] must be text, not NoneType\."),
    ({"ALLOW_WITHOUT_DEBUG": "no"}, r"must be True or False, not str\. Write: \"ALLOW_WITHOUT_DEBUG\": True"),
    ([], r"PORTONE_SANDBOX must be a dict, not list\. Write: PORTONE_SANDBOX = \{\"DB\""),
    (None, r"PORTONE_SANDBOX must be a dict, not NoneType\."),
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Iterator[None]:
    """A project of its own, and no sandbox made yet."""
    use_sandbox(None)
    with override_settings(DEBUG=True, BASE_DIR=tmp_path):
        yield
    use_sandbox(None)


@pytest.mark.parametrize(("options", "said"), BAD, ids=lambda value: None if isinstance(value, str) else repr(value))
def test_a_bad_setting_is_said_by_the_mounted_sandbox_and_by_the_command(
    options: Any, said: str, tmp_path: Path
) -> None:
    with override_settings(PORTONE_SANDBOX=options):
        for address in ("users/getToken", "v1/iamport.js"):
            with pytest.raises(ImproperlyConfigured, match=said):
                Client().get(f"/sandbox/{address}")
        with pytest.raises(CommandError, match=said):
            call_command("portone_sandbox")
    assert list(tmp_path.iterdir()) == []


def test_all_faults_are_said_at_once_and_no_secret() -> None:
    bad = {"IMP_SECRET": 4711, "USERCODE": "imp1"}
    with override_settings(PORTONE_SANDBOX=bad), pytest.raises(ImproperlyConfigured) as caught:
        get_sandbox()
    assert re.search(r"IMP_SECRET.*\n.*USERCODE", str(caught.value))
    assert "4711" not in str(caught.value)


def test_the_help_is_there_whatever_the_setting_is(capsys: pytest.CaptureFixture[str]) -> None:
    with override_settings(PORTONE_SANDBOX=[]), pytest.raises(SystemExit) as caught:
        call_command("portone_sandbox", "--help")
    assert caught.value.code == 0
    assert "--webhook-url" in capsys.readouterr().out


@pytest.mark.parametrize("db", ["var/deep/own.sqlite3", Path("var/own.sqlite3")], ids=str)
def test_a_missing_folder_is_made_below_the_project(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    with override_settings(PORTONE_SANDBOX={"DB": db}):
        assert Client().get("/sandbox/_sandbox/state").status_code == 200
    get_sandbox().close()
    assert (tmp_path / db).is_file()
    assert list(elsewhere.iterdir()) == []


def test_a_path_that_cannot_be_a_file_is_said_with_one_that_can(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no ledger, and longer than the head that sqlite3 reads" * 20)
    for db, why, instead in (
        ("folder", "Is a directory", f'"{tmp_path}/folder/sandbox.sqlite3"'),
        ("text/own.sqlite3", "(Not a directory|File exists)", 'BASE_DIR / "sandbox.sqlite3"'),
        ("text", "file is not a database", 'BASE_DIR / "sandbox.sqlite3"'),
        ("/proc/nowhere/own.sqlite3", "No such file or directory", 'BASE_DIR / "sandbox.sqlite3"'),
    ):
        line = re.escape(f'Write: PORTONE_SANDBOX = {{"DB": {instead}}}')
        said = rf"{re.escape(str(tmp_path / db))} cannot be the sandbox's file: {why}\. {line}"
        with override_settings(PORTONE_SANDBOX={"DB": db}):
            with pytest.raises(ImproperlyConfigured, match=said):
                Client().get("/sandbox/_sandbox/state")
            with pytest.raises(CommandError, match=said):
                call_command("portone_sandbox")


@pytest.mark.parametrize(("db", "instead"), [("folder of mine", "folder of mine/"), ("/proc/nowhere/x", "")])
def test_the_option_is_said_as_an_option(
    db: str, instead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder of mine").mkdir()
    with pytest.raises(CommandError) as caught:
        call_command("portone_sandbox", "--db", db)
    sentence, _, line = str(caught.value).partition(" Write: ")
    assert sentence.startswith(f"{db} cannot be the sandbox's file: ")
    assert shlex.split(line) == ["manage.py", "portone_sandbox", "--db", f"{tmp_path}/{instead}sandbox.sqlite3"]


def test_where_the_project_cannot_be_written_a_temporary_file_is_proposed() -> None:
    with override_settings(BASE_DIR="/proc/nowhere"), pytest.raises(ImproperlyConfigured) as caught:
        get_sandbox()
    proposed = re.search(r'Write: PORTONE_SANDBOX = \{"DB": "(.*)"\}', str(caught.value))
    assert proposed is not None
    assert Path(proposed[1]) == Path(tempfile.gettempdir()) / "sandbox.sqlite3"


REFUSED = [
    ("shop.example", "shop.example is not this machine", "http://127.0.0.1:8000/portone/webhook/"),
    (
        "https://shop.example/portone/webhook/",
        "shop.example is not this machine",
        "http://127.0.0.1:8000/portone/webhook/",
    ),
    ("http://u:pw@192.0.2.7:8080/hook", "192.0.2.7 is not this machine", "http://127.0.0.1:8080/hook"),
    ("http://0.0.0.0:8001/hook", "0.0.0.0 is not this machine", "http://127.0.0.1:8001/hook"),
    ("localhost:8000/hook", "'localhost:8000/hook' has no http:// in front", "http://localhost:8000/hook"),
    ("ftp://127.0.0.1/hook", "'ftp://127.0.0.1/hook' is not a web address", "http://127.0.0.1:8000/hook"),
    ("http://127.0.0.1:99999/", "'http://127.0.0.1:99999/' is not a URL", "http://127.0.0.1:8000/portone/webhook/"),
    ("http://[", "'http://[' is not a URL", "http://127.0.0.1:8000/portone/webhook/"),
    ("/hook", "'/hook' has no host", "http://127.0.0.1:8000/hook"),
]


@pytest.mark.parametrize(("url", "why", "instead"), REFUSED)
def test_a_webhook_address_that_would_be_refused_later_is_refused_at_the_start(
    url: str, why: str, instead: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("portone_sandbox", "--webhook-url", url)
    assert str(caught.value).startswith(f"--webhook-url: {why}")
    assert str(caught.value).endswith(f". Write: manage.py portone_sandbox --webhook-url {instead}")
    with override_settings(PORTONE_SANDBOX={"WEBHOOK_URL": url}), pytest.raises(ImproperlyConfigured) as setting:
        get_sandbox()
    assert str(setting.value).startswith(f'PORTONE_SANDBOX["WEBHOOK_URL"]: {why}')
    assert str(setting.value).endswith(f'. Write: "WEBHOOK_URL": "{instead}"')
    assert list(tmp_path.iterdir()) == []
    with override_settings(PORTONE_SANDBOX={"WEBHOOK_URL": instead}):
        assert get_sandbox().webhook_urls() == [instead]
    get_sandbox().close()


def test_code_meets_an_exception_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Unopenable, match="Is a directory"):
        Sandbox(tmp_path)
