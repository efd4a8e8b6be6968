"""docs/sandbox.md is true: its tables are the code's, its commands answer what it says, its examples run."""

import ast
import copy
import json
import re
import shutil
import subprocess
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import include, path, resolve

from portone_django import conf
from portone_django.management.commands.portone_sandbox import Command
from portone_django.sandbox import catalogue, magic, routing
from portone_django.sandbox.faults import LEDGER_KINDS, WIRE_KINDS
from portone_django.sandbox.ledger import Sandbox, get_sandbox, use_sandbox
from portone_django.sandbox.options import Options
from portone_django.sandbox.server import SandboxServer
from portone_django.sandbox.switches import CHOICES, DEFAULTS

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
COMMANDS = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE))
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
EXAMPLES = [block for block in PYTHON if "\ndef test_" not in block]
TESTS = [block for block in PYTHON if "\ndef test_" in block]
_END = "@@ end of answer"


def table(first: str) -> list[list[str]]:
    """The rows below every header whose first cell is `first`, without backticks."""
    rows: list[list[str]] = []
    for header in re.finditer(rf"^\| {re.escape(first)} \|.*\n\|[-|: ]+\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE):
        rows += [[cell.strip() for cell in line.strip("|").split("|")] for line in header[1].splitlines()]
    return rows


def plain(cell: str) -> str:
    return cell.strip("`")


def test_every_fault_is_described_in_the_words_of_the_code() -> None:
    described = {plain(kind): effect for kind, effect in table("kind")}
    assert described == {**WIRE_KINDS, **LEDGER_KINDS}


def test_every_setting_is_listed_with_its_default_and_its_choices() -> None:
    rows = {plain(name): (json.loads(plain(default)), text) for name, default, text in table("setting")}
    assert {name: default for name, (default, _) in rows.items()} == DEFAULTS
    for name, choices in CHOICES.items():
        for choice in choices:
            assert choice == DEFAULTS[name] or f"`{json.dumps(choice)}`" in rows[name][1]


def test_every_decline_is_listed_with_its_amount_and_card() -> None:
    rows = {plain(code): (amount, plain(card), reason) for code, amount, card, reason in table("code")}
    assert {code: reason for code, (_, _, reason) in rows.items()} == magic.DECLINES
    for code, (amount, card, _) in rows.items():
        assert magic.decline_of_amount(int(amount.replace(",", ""))) == code
        assert magic.decline_of_card(card) == code


def test_every_channel_is_listed() -> None:
    rows = {plain(key): (plain(mid), test == "yes") for key, mid, test, _ in table("channel key")}
    assert rows == {c["channel_key"]: (c["pg_id"], c["sandbox"]) for c in catalogue.CHANNELS}


def test_every_address_of_the_switchboard_is_listed() -> None:
    import portone_django.sandbox.dispatch  # noqa: F401 - registers the addresses

    listed = {(method, plain(path)) for methods, path, _ in table("method") for method in methods.split(", ")}
    known = {(method, "/" + "/".join(pattern)) for method, pattern, _ in routing.control.known()}
    assert listed == known - {("GET", "/"), ("GET", "/_sandbox")}


def test_every_option_of_the_command_is_listed() -> None:
    listed = {option for row in table("option") for option in re.findall(r"--[\w-]+", row[0])}
    parser = ArgumentParser(add_help=False)
    Command().add_arguments(parser)
    assert listed == set(parser._option_string_actions)


def commands() -> list[tuple[str, list[str]]]:
    """Each command with the lines that its answer must hold."""
    found: list[tuple[str, list[str]]] = []
    unfinished = ""
    for line in COMMANDS.splitlines():
        if line.startswith("# → "):
            found[-1][1].append(line.removeprefix("# → "))
        elif line.strip() and not line.startswith("#"):
            unfinished += line + "\n"
            if is_complete(unfinished):
                found.append((unfinished, []))
                unfinished = ""
    assert unfinished == ""
    return found


def is_complete(text: str) -> bool:
    continues = text.rstrip().endswith(("\\", "|"))
    return not continues and subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    server = SandboxServer(sandbox)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.url
    server.shutdown()
    server.server_close()
    sandbox.close()
    use_sandbox(None)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="needs curl and bash")
def test_every_command_answers_what_is_said(served: str) -> None:
    steps = commands()
    assert sum(len(expected) for _, expected in steps) >= 15
    script = "".join(f"{command}\necho\necho '{_END}'\n" for command, _ in steps)
    # nothing listens where the page has its shop; the webhook's fate is not what the page is about
    script = script.replace("http://127.0.0.1:9999", served).replace("127.0.0.1:8000", "127.0.0.1:9")
    run = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=120, env={"PATH": "/usr/bin:/bin"}
    )
    answers = run.stdout.split(_END)
    assert len(answers) == len(steps) + 1, run.stderr
    for (command, expected), answer in zip(steps, answers, strict=False):
        for text in expected:
            assert text in answer, f"{command}{answer}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda block: block.strip().splitlines()[-1][:40])
def test_the_examples_run(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(example, project(tmp_path))


def project(folder: Path) -> dict[str, Any]:
    """What settings and URLs of a project have before the page's lines are pasted below them."""
    return {"BASE_DIR": folder, "PORTONE": copy.deepcopy(settings.PORTONE), "urlpatterns": []}


def test_the_settings_of_a_mounted_sandbox_are_enough(tmp_path: Path) -> None:
    pasted = project(tmp_path)
    exec(next(block for block in PYTHON if "urlpatterns" in block), pasted)
    exec(next(block for block in PYTHON if "PORTONE_SANDBOX" in block), pasted)
    portone, options = pasted["PORTONE"], pasted["PORTONE_SANDBOX"]
    urls: Any = ModuleType("urls")
    urls.urlpatterns = [*pasted["urlpatterns"], path("portone/", include("portone_django.urls"))]
    use_sandbox(None)
    with override_settings(PORTONE=portone, PORTONE_SANDBOX=options, DEBUG=True, ROOT_URLCONF=urls):
        assert conf.problems() == []
        assert Client().get(urlsplit(portone["SDK_URL"]).path).status_code == 200
        base = urlsplit(portone["API_BASE"]).path
        token = Client().post(
            f"{base}/users/getToken", {name: portone[name.upper()] for name in ("imp_key", "imp_secret")}
        )
        headers: dict[str, Any] = {"Authorization": token.json()["response"]["access_token"]}
        known = {each["channel_key"] for each in Client().get(f"{base}/users/pg", headers=headers).json()["response"]}
        assert {each["channel_key"] for each in portone["CHANNELS"].values()} <= known
        assert get_sandbox().user_code == portone["USER_CODE"]
        assert resolve(urlsplit(options["WEBHOOK_URL"]).path).url_name == "webhook"
        get_sandbox().close()
    assert options["DB"].is_file()
    use_sandbox(None)


def test_every_key_of_the_setting_is_listed_with_its_default() -> None:
    listed: dict[str, Any] = {}
    for row in table("key"):
        names, defaults = ([plain(each) for each in cell.split(", ")] for cell in row[:2])
        listed.update((name.lower(), ast.literal_eval(default)) for name, default in zip(names, defaults, strict=True))
    assert listed == asdict(Options())


def documented(name: str) -> Any:
    names: dict[str, Any] = {}
    exec(next(block for block in TESTS if f"def {name}(" in block), names)
    return names[name]


def test_the_page_shows_two_tests() -> None:
    assert len(TESTS) == 2


def test_its_first_test_passes(portone_sandbox: Sandbox) -> None:
    documented("test_a_card_payment")(portone_sandbox)


@pytest.mark.django_db
def test_its_webhook_test_passes(portone_sandbox: Sandbox, client: Client) -> None:
    documented("test_a_webhook_reaches_the_shop")(portone_sandbox, client)
