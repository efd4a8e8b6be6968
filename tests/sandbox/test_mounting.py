"""The sandbox inside a Django project, below any prefix, and where it refuses to run."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings
from django.urls import include, path

from portone_django.sandbox.ledger import Sandbox, get_sandbox, use_sandbox
from tests.sandbox.door import opened, paid, waiting_account

urlpatterns = [path("any/prefix/", include("portone_django.sandbox.urls"))]
pytestmark = pytest.mark.urls(__name__)
ALLOWED = override_settings(PORTONE_SANDBOX={"ALLOW_WITHOUT_DEBUG": True})


@pytest.fixture
def mounted(sandbox: Sandbox) -> Iterator[Client]:
    use_sandbox(sandbox)
    with ALLOWED:
        yield Client(enforce_csrf_checks=True)
    use_sandbox(None)


def token(client: Client) -> dict[str, str]:
    body = json.dumps({"imp_key": "sandbox-key", "imp_secret": "sandbox-secret"})
    answer = client.post("/any/prefix/users/getToken", body, content_type="application/json")
    return {"Authorization": answer.json()["response"]["access_token"]}


def test_it_answers_below_its_prefix_without_csrf(sandbox: Sandbox, mounted: Client) -> None:
    imp_uid = paid(sandbox)
    headers: dict[str, Any] = token(mounted)
    found = mounted.get(f"/any/prefix/payments/{imp_uid}?include_sandbox=true", headers=headers)
    assert found.json()["response"]["status"] == "paid"
    body = json.dumps({"imp_uid": imp_uid})
    answer = mounted.post("/any/prefix/payments/cancel", body, content_type="application/json", headers=headers)
    assert answer.json()["response"]["status"] == "cancelled"


def test_forms_and_unknown_addresses_work_as_outside(mounted: Client) -> None:
    body = {"imp_key": "sandbox-key", "imp_secret": "sandbox-secret"}
    assert mounted.post("/any/prefix/users/getToken", body).json()["code"] == 0  # multipart
    form = "imp_key=sandbox-key&imp_secret=sandbox-secret"
    kind = "application/x-www-form-urlencoded"
    assert mounted.post("/any/prefix/users/getToken", form, content_type=kind).json()["code"] == 0
    missing = mounted.get("/any/prefix/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, -1)


def test_the_console_keeps_to_the_prefix(sandbox: Sandbox, mounted: Client) -> None:
    imp_uid = waiting_account(sandbox)
    action = f"/any/prefix/_sandbox/payments/{imp_uid}/deposit"
    for page in ("/any/prefix/", "/any/prefix/_sandbox/console"):
        assert action in mounted.get(page).content.decode()
    answer = mounted.post(action, "back=1", content_type="application/x-www-form-urlencoded")
    assert answer["Location"] == "/any/prefix/_sandbox/console"


def test_a_quoted_slash_survives_where_the_server_tells_the_raw_path(sandbox: Sandbox, mounted: Client) -> None:
    opened(sandbox, "a/b")
    path = "/any/prefix/payments/find/a%2Fb"
    assert mounted.get(path, headers=token(mounted)).status_code == 404
    assert mounted.get(path, headers=token(mounted), RAW_URI=f"{path}?x=1").json()["code"] == 0


def test_the_sdk_is_served_beside_the_api(mounted: Client) -> None:
    assert mounted.get("/any/prefix/v1/iamport.js").status_code == 200


def test_a_broken_answer_breaks_the_response(sandbox: Sandbox, mounted: Client) -> None:
    headers: dict[str, Any] = token(mounted)
    for kind in ("drop_before", "truncated", "wrong_length"):
        sandbox.faults.add(kind, path="/cards")
        answer = mounted.get("/any/prefix/cards", headers=headers)
        with pytest.raises(ConnectionAbortedError):
            b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    sandbox.faults.add("slow_drip", path="/cards", interval=0)
    answer = mounted.get("/any/prefix/cards", headers=headers)
    assert json.loads(b"".join(answer.streaming_content))["code"] == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("address", ["users/getToken", "", "_sandbox/state", "v1/iamport.js"])
@override_settings(DEBUG=False, PORTONE_SANDBOX={})
def test_without_debug_it_refuses_and_says_the_line_to_write(sandbox: Sandbox, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"PORTONE_SANDBOX = .*ALLOW_WITHOUT_DEBUG.*True"):
        Client().get(f"/any/prefix/{address}")


@override_settings(DEBUG=True, PORTONE_SANDBOX={})
def test_with_debug_it_runs(sandbox: Sandbox) -> None:
    use_sandbox(sandbox)
    assert Client().get("/any/prefix/_sandbox/state").status_code == 200
    use_sandbox(None)


def test_the_setting_makes_the_sandbox_of_the_process(tmp_path: Any) -> None:
    options = {"DB": tmp_path / "own.sqlite3", "IMP_KEY": "k", "IMP_SECRET": "s", "USER_CODE": "imp12345678",
               "WEBHOOK_URL": "http://127.0.0.1:9/hook"}  # fmt: skip
    use_sandbox(None)
    with override_settings(PORTONE_SANDBOX=options):
        sandbox = get_sandbox()
    try:
        assert get_sandbox() is sandbox
        assert (sandbox.imp_key, sandbox.user_code) == ("k", "imp12345678")
        assert sandbox.webhook_urls() == ["http://127.0.0.1:9/hook"]
        assert (tmp_path / "own.sqlite3").exists()
        sandbox.reset()
        assert sandbox.webhook_urls() == ["http://127.0.0.1:9/hook"]
    finally:
        sandbox.close()
        use_sandbox(None)
