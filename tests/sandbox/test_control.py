"""The testers' addresses and the console's page."""

from typing import Any

import pytest

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, asked, opened, paid, waiting_account


def ask(door: Door, method: str, address: str, status: int = 200, /, **body: Any) -> Any:
    answer = door.call(method, f"/_sandbox/{address}", json=body, headers={})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_state_tells_settings_channels_faults_and_time(sandbox: Sandbox, door: Door) -> None:
    state = ask(door, "GET", "state")
    assert (state["user_code"], state["transactions"], state["faults"]) == ("imp00000000", 0, [])
    assert state["settings"]["duplicate_mode"] == "strict"
    assert len(state["channels"]) == 4


def test_the_clock_advances_and_takes_an_offset(sandbox: Sandbox, door: Door) -> None:
    ask(door, "POST", "clock", advance=3600)
    assert ask(door, "POST", "clock", advance=60)["offset"] == 3660
    assert ask(door, "POST", "clock", offset=-5)["offset"] == -5
    assert ask(door, "GET", "clock")["offset"] == -5


def test_faults_are_armed_listed_removed_and_cleared(door: Door) -> None:
    first = ask(door, "POST", "faults", 201, kind="http_500", path="/cards", times=3)["id"]
    ask(door, "POST", "faults", 201, kind="late_paid", seconds=5)
    assert door.get("/cards").status_code == 500
    listed = ask(door, "GET", "faults")
    assert [(f["kind"], f["remaining"], f["hits"]) for f in listed["faults"]] == [
        ("http_500", 2, 1),
        ("late_paid", 1, 0),
    ]
    assert "timeout_after" in listed["kinds"]
    assert len(ask(door, "DELETE", f"faults/{first}")["faults"]) == 1
    assert ask(door, "DELETE", "faults") == {"faults": []}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "explode"}),
        ("settings", {"unknown": 1}),
        ("settings", {"duplicate_mode": "sometimes"}),
        ("settings", {"webhook_delay": "soon"}),
        ("settings", {"sandbox_hidden": 1}),
        ("clock", {"advance": "x"}),
        ("windows", {"params": {}}),
        ("payments/imp_1/explode", {}),
        ("payments/imp_1/deposit", {}),
        ("webhooks/1/resend", {}),
        ("nothing", {}),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(sandbox: Sandbox, door: Door, path: str, body: dict[str, Any]) -> None:
    before = sandbox.settings.all()
    answer = door.call("POST", f"/_sandbox/{path}", json=body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]
    assert sandbox.settings.all() == before


def test_settings_change_together_or_not_at_all(sandbox: Sandbox, door: Door) -> None:
    ask(door, "POST", "settings", 400, webhook_mode="off", duplicate_mode="sometimes")
    assert sandbox.settings["webhook_mode"] == "on"
    changed = ask(door, "POST", "settings", webhook_mode="off", duplicate_mode="weak")
    assert (changed["webhook_mode"], changed["duplicate_mode"]) == ("off", "weak")


def test_a_buyer_can_be_played_without_a_browser(sandbox: Sandbox, door: Door) -> None:
    imp_uid = ask(door, "POST", "windows", 201, params=asked())["imp_uid"]
    assert ask(door, "POST", f"payments/{imp_uid}/approve", card_number="5594100000001216")["status"] == "failed"
    imp_uid = ask(door, "POST", "windows", 201, params=asked(pay_method="vbank"), device="mobile")["imp_uid"]
    assert ask(door, "POST", f"payments/{imp_uid}/vbank", bank_code="04")["vbank_name"] == "KB국민은행"
    assert ask(door, "POST", f"payments/{imp_uid}/deposit")["status"] == "paid"
    assert ask(door, "POST", f"payments/{imp_uid}/cancel", amount=1_000)["cancel_amount"] == 1_000
    assert ask(door, "GET", f"payments/{imp_uid}")["channel"] == "mobile"
    imp_uid = ask(door, "POST", "windows", 201, params=asked("other"))["imp_uid"]
    assert ask(door, "POST", f"payments/{imp_uid}/fail")["fail_reason"] == "사용자가 결제를 취소하셨습니다"
    assert [r["merchant_uid"] for r in ask(door, "GET", "transactions")] == ["other", "order1", "order1"]


def test_the_console_cancels_a_deposited_account_without_a_refund_account(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    sandbox.deposit(imp_uid)
    assert ask(door, "POST", f"payments/{imp_uid}/cancel")["status"] == "cancelled"


def test_webhooks_are_listed_flushed_and_sent_again(sandbox: Sandbox, door: Door) -> None:
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    ask(door, "POST", "settings", webhook_url="https://shop.example/hook", webhook_mode="held")
    paid(sandbox)
    assert ask(door, "POST", "webhooks/flush") == {"sent": 1}
    row = ask(door, "GET", "webhooks")[0]
    assert (row["state"], row["body"]["status"]) == ("sent", "paid")
    ask(door, "POST", f"webhooks/{row['id']}/resend", 202)
    sandbox.flush_webhooks()
    assert len(ask(door, "GET", "webhooks")) == 2


def test_the_log_tells_struck_faults(sandbox: Sandbox, door: Door) -> None:
    sandbox.faults.add("http_500")
    door.get("/cards")
    assert ask(door, "GET", "log")[0]["text"] == "http_500 on GET /cards"


def test_reset_empties_the_ledger(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    ask(door, "POST", "reset")
    assert ask(door, "GET", "transactions") == []


def test_faults_never_strike_the_switchboard(sandbox: Sandbox, door: Door) -> None:
    sandbox.faults.add("http_500", path="/*", times=99)
    assert ask(door, "GET", "state")["faults"][0]["hits"] == 0


@pytest.mark.parametrize("path", ["/", "/_sandbox", "/_sandbox/console"])
def test_the_console_lists_payments_with_a_deposit_button_for_waiting_accounts(
    sandbox: Sandbox, door: Door, path: str
) -> None:
    empty = door.call("GET", path, headers={}).text
    assert "아직 결제가 없습니다" in empty
    waiting, done = waiting_account(sandbox, "order-vbank"), paid(sandbox, "order-card", 12_345)
    page = door.call("GET", path, headers={}).text
    assert "12,345원" in page
    assert f"/_sandbox/payments/{waiting}/deposit" in page
    assert f"/_sandbox/payments/{done}/deposit" not in page


def test_the_deposit_button_pays_and_returns_to_the_list(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox)
    answer = door.call("POST", f"/_sandbox/payments/{imp_uid}/deposit", data={"back": "1"}, headers={})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/_sandbox/console")
    assert sandbox.payment(imp_uid)["status"] == "paid"


def test_the_cancel_button_takes_all_that_is_left_and_then_is_gone(sandbox: Sandbox, door: Door) -> None:
    imp_uid, unpaid = paid(sandbox), opened(sandbox, "other")
    sandbox.console_cancel(imp_uid, 1_000)
    page = door.call("GET", "/", headers={}).text
    assert f"/_sandbox/payments/{imp_uid}/cancel" in page
    assert f"/_sandbox/payments/{unpaid}/cancel" not in page
    answer = door.call("POST", f"/_sandbox/payments/{imp_uid}/cancel", data={"back": "1"}, headers={})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/_sandbox/console")
    assert sandbox.payment(imp_uid)["cancel_amount"] == 10_000
    assert f"/_sandbox/payments/{imp_uid}/cancel" not in door.call("GET", "/", headers={}).text


def test_nothing_a_buyer_sends_breaks_out_of_the_page(sandbox: Sandbox, door: Door) -> None:
    sandbox.fail(opened(sandbox, "<script>alert(1)</script>"), "<img src=x onerror=alert(1)>")
    page = door.call("GET", "/", headers={}).text
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
