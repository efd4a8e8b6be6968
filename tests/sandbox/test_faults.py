"""The switchboard: what each fault does on the wire, whether the call takes effect, how often it strikes."""

import json
import threading
from typing import Any

import pytest
import requests

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, opened, paid, registered, statuses

AGAIN = "/subscribe/payments/again"


@pytest.fixture
def charge(sandbox: Sandbox, door: Door) -> Any:
    """Sends one charge with the merchant_uid sub1."""
    registered(sandbox)
    body = {"customer_uid": "card1", "merchant_uid": "sub1", "amount": 8_900, "name": "월간 이용권"}
    return lambda: door.call("POST", AGAIN, json=body)


def arm(sandbox: Sandbox, kind: str, **options: Any) -> None:
    sandbox.faults.add(kind, path=AGAIN, **options)


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("timeout_before", requests.ReadTimeout, []),
        ("timeout_after", requests.ReadTimeout, ["paid"]),
        ("drop_before", requests.ConnectionError, []),
        ("drop_after", requests.ConnectionError, ["paid"]),
        ("refuse", requests.ConnectionError, []),
        ("connect_timeout", requests.ConnectTimeout, []),
        ("truncated", requests.exceptions.ChunkedEncodingError, ["paid"]),
        ("wrong_length", requests.exceptions.ChunkedEncodingError, ["paid"]),
    ],
)
def test_a_lost_answer_raises_what_requests_raises(
    sandbox: Sandbox, charge: Any, kind: str, error: type[Exception], effect: list[str]
) -> None:
    arm(sandbox, kind)
    with pytest.raises(error):
        charge()
    assert statuses(sandbox, "sub1") == effect


def test_a_refused_connection_can_be_told_from_a_dropped_one(sandbox: Sandbox, charge: Any) -> None:
    arm(sandbox, "refuse")
    with pytest.raises(requests.ConnectionError, match="Connection refused"):
        charge()
    arm(sandbox, "drop_after")
    with pytest.raises(requests.ConnectionError, match="Connection aborted"):
        charge()


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("performed", [False, True])
def test_an_error_status_comes_with_or_without_effect(
    sandbox: Sandbox, charge: Any, status: int, performed: bool
) -> None:
    arm(sandbox, f"http_{status}", performed=performed)
    answer = charge()
    assert answer.status_code == status
    assert ("html" in answer.headers["Content-Type"]) == (status in (502, 503, 504))
    if status < 502:
        assert answer.json()["code"] != 0
    assert statuses(sandbox, "sub1") == (["paid"] if performed else [])


def test_429_says_when_to_come_back(sandbox: Sandbox, charge: Any) -> None:
    arm(sandbox, "http_429", retry_after=7)
    assert charge().headers["Retry-After"] == "7"


def test_bodies_can_be_malformed_empty_html_doubled_or_huge(sandbox: Sandbox, charge: Any) -> None:
    sandbox.settings.set(duplicate_mode="none")
    arm(sandbox, "malformed")
    with pytest.raises(json.JSONDecodeError):
        json.loads(charge().text)
    arm(sandbox, "empty_200")
    assert charge().content == b""
    arm(sandbox, "html_200")
    assert charge().text.startswith("<html>")
    arm(sandbox, "duplicate_keys")
    assert '"amount": 8900, "amount": 1' in charge().text
    arm(sandbox, "oversized", size=100_000)
    assert len(charge().content) > 100_000
    arm(sandbox, "slow_drip", interval=0)
    assert charge().json()["code"] == 0
    assert statuses(sandbox, "sub1") == ["paid"] * 6


def test_a_redirect_takes_no_effect(sandbox: Sandbox, charge: Any) -> None:
    arm(sandbox, "redirect", location="https://elsewhere.example/")
    answer = charge()
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://elsewhere.example/")
    assert statuses(sandbox, "sub1") == []


def test_an_expired_token_is_401_and_really_gone(sandbox: Sandbox, door: Door, charge: Any) -> None:
    before = door.log_in()["access_token"]
    arm(sandbox, "expired_token")
    assert charge().status_code == 401
    assert charge().status_code == 401
    assert door.log_in()["access_token"] != before
    assert charge().json()["code"] == 0


def test_latency_beyond_the_clients_patience_is_a_read_timeout_after_the_effect(sandbox: Sandbox, charge: Any) -> None:
    arm(sandbox, "latency", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        charge()
    assert statuses(sandbox, "sub1") == ["paid"]


def test_latency_within_it_only_takes_time(sandbox: Sandbox, charge: Any) -> None:
    arm(sandbox, "latency", seconds=0.01)
    assert charge().json()["code"] == 0


def test_a_late_charge_lands_after_the_time_out(sandbox: Sandbox, charge: Any) -> None:
    before = set(threading.enumerate())
    arm(sandbox, "timeout_late", seconds=2)
    with pytest.raises(requests.ReadTimeout):
        charge()
    assert statuses(sandbox, "sub1") == []
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert statuses(sandbox, "sub1") == ["paid"]


def test_a_late_cancel_lands_after_the_time_out(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, "mine")
    before = set(threading.enumerate())
    sandbox.faults.add("timeout_late", path="/payments/cancel", seconds=2)
    with pytest.raises(requests.ReadTimeout):
        door.post("/payments/cancel", imp_uid=imp_uid, amount=100)
    assert sandbox.payment(imp_uid)["cancel_amount"] == 0
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert sandbox.payment(imp_uid)["cancel_amount"] == 100


def test_in_weak_mode_a_second_send_before_the_late_one_lands_charges_twice(sandbox: Sandbox, charge: Any) -> None:
    before = set(threading.enumerate())
    sandbox.settings.set(duplicate_mode="weak")
    arm(sandbox, "timeout_late", seconds=2)
    with pytest.raises(requests.ReadTimeout):
        charge()
    assert charge().json()["response"]["status"] == "paid"
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert statuses(sandbox, "sub1") == ["paid", "paid"]


def test_a_fault_strikes_only_its_method_path_and_payment(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, "mine")
    sandbox.faults.add("http_500", method="GET", path="/payments/find/*", merchant_uid="mi*", times=9)
    assert door.get("/payments/find/mine").status_code == 500
    assert door.get("/payments/find/other").status_code == 404
    assert door.get("/payments/findAll/mine").status_code == 200
    sandbox.faults.clear()
    sandbox.faults.add("http_500", merchant_uid="mine", times=9)
    assert door.get(f"/payments/{imp_uid}").status_code == 500
    assert door.post("/payments/cancel", imp_uid=imp_uid).status_code == 500
    assert door.get("/users/pg").status_code == 200


def test_it_strikes_once_or_as_often_as_told(sandbox: Sandbox, door: Door) -> None:
    sandbox.faults.add("http_500")
    assert [door.get("/cards").status_code for _ in range(2)] == [500, 200]
    sandbox.faults.add("http_500", times=2)
    assert [door.get("/cards").status_code for _ in range(3)] == [500, 500, 200]
    assert [fault["hits"] for fault in sandbox.faults.list()] == [1, 2]


def test_a_probability_strikes_by_its_seed_and_repeats_with_it(sandbox: Sandbox, door: Door) -> None:
    def run(seed: int) -> list[int]:
        sandbox.faults.clear()
        sandbox.faults.add("http_500", probability=0.5, seed=seed)
        return [door.get("/cards").status_code for _ in range(40)]

    first = run(1)
    assert 5 < first.count(500) < 35
    assert run(1) == first
    assert run(2) != first


def test_a_count_is_never_exceeded_by_threads(sandbox: Sandbox) -> None:
    sandbox.faults.add("http_500", times=5)
    struck: list[bool] = []

    def ask() -> None:
        for _ in range(5):
            struck.append(sandbox.faults.on_wire("GET", "/cards", "") is not None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert struck.count(True) == 5


def test_an_unknown_kind_is_an_error_that_names_the_known(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="timeout_after"):
        sandbox.faults.add("explode")


def test_late_paid_answers_failed_and_turns_paid_with_a_webhook(sandbox: Sandbox, door: Door) -> None:
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    sandbox.settings.set(webhook_url="https://shop.example/hook")
    sandbox.faults.add("late_paid", seconds=60)
    imp_uid = opened(sandbox)
    assert sandbox.approve(imp_uid)["status"] == "failed"
    assert sandbox.webhooks.log() == []
    sandbox.advance(59)
    assert door.ok("GET", "/payments/find/order1")["status"] == "failed"
    sandbox.advance(2)
    assert door.ok("GET", "/payments/find/order1")["status"] == "paid"
    assert [row["body"]["status"] for row in sandbox.webhooks.log()] == ["paid"]


def test_late_paid_can_answer_ready(sandbox: Sandbox) -> None:
    sandbox.faults.add("late_paid", seconds=60, answer="ready")
    imp_uid = opened(sandbox)
    assert sandbox.approve(imp_uid)["status"] == "ready"
    assert sandbox.approve(imp_uid)["status"] == "ready"
    sandbox.advance(61)
    assert sandbox.payment(imp_uid)["status"] == "paid"


def test_a_record_can_tell_another_amount_currency_or_channel(sandbox: Sandbox) -> None:
    sandbox.faults.add("tampered", amount=100, currency="JPY", merchant_uid="a")
    sandbox.faults.add("test_payment", merchant_uid="b")
    a = sandbox.approve(opened(sandbox, "a"))
    assert (a["status"], a["amount"], a["currency"]) == ("paid", 100, "JPY")
    live = "channel-key-22222222-2222-2222-2222-222222222222"
    b = sandbox.approve(opened(sandbox, "b", channelKey=live))
    assert (b["status"], b["sandbox"], b["pg_id"]) == ("paid", True, "INIpayTest")
    c = sandbox.approve(opened(sandbox, "c", channelKey=live))
    assert (c["sandbox"], c["amount"]) == (False, 10_000)


def test_the_sandbox_field_can_be_missing_from_every_answer(sandbox: Sandbox, door: Door, charge: Any) -> None:
    sandbox.faults.add("no_sandbox_field", merchant_uid="sub1")
    assert "sandbox" not in charge().json()["response"]
    assert "sandbox" not in door.ok("GET", "/payments/find/sub1")
    assert "sandbox" not in door.ok("GET", "/payments/findAll/sub1")["list"][0]


def test_a_lagging_charge_is_invisible_for_a_while(sandbox: Sandbox, door: Door, charge: Any) -> None:
    sandbox.faults.add("lag", seconds=60, merchant_uid="sub1")
    imp_uid = charge().json()["response"]["imp_uid"]
    query = {"include_sandbox": "true"}
    assert door.refused("GET", f"/payments/{imp_uid}", params=query)[0] == 404
    assert door.refused("GET", "/payments/find/sub1")[0] == 404
    assert door.refused("GET", "/payments/findAll/sub1")[0] == 404
    assert imp_uid not in str(door.ok("GET", "/payments/status/paid"))
    assert charge().json()["code"] == 1  # the refusal knows it all the same
    sandbox.advance(61)
    assert door.ok("GET", f"/payments/{imp_uid}", params=query)["status"] == "paid"
    assert door.ok("GET", "/payments/status/paid")["total"] == 2


def test_a_lagging_window_payment_still_shows_ready(sandbox: Sandbox, door: Door) -> None:
    sandbox.faults.add("lag", seconds=60)
    assert sandbox.approve(opened(sandbox))["status"] == "paid"
    stale = door.ok("GET", "/payments/find/order1")
    assert (stale["status"], stale["card_code"], stale["paid_at"]) == ("ready", None, 0)
    sandbox.advance(61)
    assert door.ok("GET", "/payments/find/order1")["status"] == "paid"


def test_extra_records_hide_the_paid_one_from_a_plain_find(sandbox: Sandbox, door: Door) -> None:
    sandbox.faults.add("extra_records", count=25, status="failed")
    paid(sandbox)
    assert door.ok("GET", "/payments/find/order1")["status"] == "failed"
    assert door.ok("GET", "/payments/find/order1/paid")["status"] == "paid"
    pages = [door.ok("GET", "/payments/findAll/order1", params={"page": page})["list"] for page in (1, 2)]
    assert [len(page) for page in pages] == [20, 6]
    assert [record["status"] for record in pages[1]].count("paid") == 1


def test_a_decline_can_be_forced_for_one_payment(sandbox: Sandbox, charge: Any) -> None:
    sandbox.faults.add("decline", code="1226", merchant_uid="sub1")
    assert charge().json()["response"]["fail_reason"] == "[1226] 도난, 분실카드"
    assert charge().json()["response"]["status"] == "paid"
