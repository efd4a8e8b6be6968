"""An escrow sale from its delivery to its end, told by webhooks where PortOne has turned them on."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from portone_django.sandbox.escrow import MOVES
from portone_django.sandbox.ledger import Refused, Sandbox
from tests.sandbox.door import Door, opened, paid
from tests.sandbox.test_nouns import DELIVERY

Hooks = list[tuple[str, str]]


@pytest.fixture
def hooks(sandbox: Sandbox) -> Hooks:
    """(content type, body) of every webhook that left."""
    taken: Hooks = []

    def deliver(url: str, body: bytes, content_type: str) -> int:
        taken.append((content_type, body.decode()))
        return 200

    sandbox.webhooks.deliver = deliver
    sandbox.settings.set(webhook_url="https://shop.example/hook", escrow_webhooks=True)
    return taken


def on_its_way(sandbox: Sandbox, door: Door) -> str:
    imp_uid = paid(sandbox, escrow=True)
    door.ok("POST", f"/escrows/logis/{imp_uid}", json=DELIVERY)
    return imp_uid


def told(hooks: Hooks) -> list[dict[str, Any]]:
    """The escrow webhooks, as JSON."""
    return [body for _, text in hooks if "event" in (body := json.loads(text))]


def states(hooks: Hooks) -> list[str]:
    return [body["extra"]["escrow_status"] for body in told(hooks)]


def test_a_registered_delivery_is_told_with_the_documented_body(sandbox: Sandbox, door: Door, hooks: Hooks) -> None:
    imp_uid = on_its_way(sandbox, door)
    (body,) = told(hooks)
    changed_at = body["extra"].pop("changed_at")
    assert body == {
        "event": "Inicis.Escrow.Changed",
        "imp_uid": imp_uid,
        "merchant_uid": "order1",
        "status": "paid",
        "extra": {"escrow_status": "2"},
    }
    assert abs(changed_at - sandbox.now()) <= 2


def test_a_changed_delivery_is_no_new_state(sandbox: Sandbox, door: Door, hooks: Hooks) -> None:
    imp_uid = on_its_way(sandbox, door)
    door.ok("PUT", f"/escrows/logis/{imp_uid}", json=DELIVERY)
    assert states(hooks) == ["2"]


@pytest.mark.parametrize(
    ("verb", "state"), [("escrow_confirm", "3"), ("escrow_auto_confirm", "31"), ("escrow_force_confirm", "32")]
)
def test_a_confirmed_purchase_is_final(sandbox: Sandbox, door: Door, hooks: Hooks, verb: str, state: str) -> None:
    imp_uid = on_its_way(sandbox, door)
    assert sandbox.escrow(imp_uid, verb)["status"] == "paid"
    assert states(hooks) == ["2", state]
    for other in MOVES:
        with pytest.raises(Refused):
            sandbox.escrow(imp_uid, other)
    assert door.refused("PUT", f"/escrows/logis/{imp_uid}", json=DELIVERY)[0] == 409
    with pytest.raises(Refused, match="500685"):
        sandbox.console_cancel(imp_uid)


def test_a_refused_purchase_is_cancelled_once_the_merchant_accepts_it(
    sandbox: Sandbox, door: Door, hooks: Hooks
) -> None:
    imp_uid = on_its_way(sandbox, door)
    sandbox.escrow(imp_uid, "escrow_refuse", "색이 달라요")
    with pytest.raises(Refused, match="500685"):
        sandbox.console_cancel(imp_uid)
    after = sandbox.escrow(imp_uid, "escrow_accept_refusal")
    assert (after["status"], after["cancel_amount"]) == ("cancelled", 10_000)
    assert [(body["extra"]["escrow_status"], body["status"]) for body in told(hooks)] == [
        ("2", "paid"),
        ("4", "paid"),
        ("10", "paid"),
        ("8", "cancelled"),
    ]
    assert [body["extra"].get("denied_reason") for body in told(hooks)] == [None, "색이 달라요", None, None]


def test_an_accepted_refusal_needs_no_refund_account_of_a_virtual_account(sandbox: Sandbox, door: Door) -> None:
    imp_uid = opened(sandbox, pay_method="vbank", escrow=True)
    sandbox.issue_vbank(imp_uid, bank_code="088")
    assert door.refused("POST", f"/escrows/logis/{imp_uid}", json=DELIVERY)[0] == 409, "nothing was deposited"
    sandbox.deposit(imp_uid)
    door.ok("POST", f"/escrows/logis/{imp_uid}", json=DELIVERY)
    sandbox.escrow(imp_uid, "escrow_refuse")
    assert sandbox.escrow(imp_uid, "escrow_accept_refusal")["status"] == "cancelled"


def test_goods_of_a_cancelled_sale_are_not_sent(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, escrow=True)
    sandbox.console_cancel(imp_uid)
    assert door.refused("POST", f"/escrows/logis/{imp_uid}", json=DELIVERY)[0] == 409


def test_as_a_form_the_details_are_written_as_php_writes_them(sandbox: Sandbox, door: Door, hooks: Hooks) -> None:
    sandbox.settings.set(webhook_content_type="form")
    imp_uid = on_its_way(sandbox, door)
    sandbox.escrow(imp_uid, "escrow_refuse", "늦음")
    content_type, body = hooks[-1]
    fields = dict(parse_qsl(body))
    assert content_type == "application/x-www-form-urlencoded"
    assert (fields["event"], fields["extra[escrow_status]"], fields["extra[denied_reason]"]) == (
        "Inicis.Escrow.Changed",
        "4",
        "늦음",
    )
    assert fields["extra[changed_at]"].isdigit()


def test_nothing_is_told_unless_it_was_turned_on(sandbox: Sandbox, door: Door, hooks: Hooks) -> None:
    sandbox.settings.set(escrow_webhooks=False)
    sandbox.escrow(on_its_way(sandbox, door), "escrow_confirm")
    assert told(hooks) == []


def test_only_an_escrow_sale_with_a_delivery_moves(sandbox: Sandbox, door: Door) -> None:
    for imp_uid in (paid(sandbox, "plain"), paid(sandbox, "waiting", escrow=True), "imp_000000000000"):
        answer = door.call("POST", f"/_sandbox/payments/{imp_uid}/escrow_confirm", json={}, headers={})
        assert answer.status_code in (400, 404, 409)
        assert answer.json()["error"]


def test_the_console_offers_the_moves_that_there_are(sandbox: Sandbox, door: Door) -> None:
    imp_uid = on_its_way(sandbox, door)

    def offered() -> set[str]:
        page = door.call("GET", "/", headers={}).text
        return {verb for verb in [*MOVES, "cancel", "deposit"] if f"/_sandbox/payments/{imp_uid}/{verb}" in page}

    def press(verb: str) -> None:
        answer = door.call("POST", f"/_sandbox/payments/{imp_uid}/{verb}", data={"back": "1"}, headers={})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/_sandbox/console")

    assert offered() == {"escrow_confirm", "escrow_auto_confirm", "escrow_force_confirm", "escrow_refuse"}
    press("escrow_refuse")
    assert offered() == {"escrow_accept_refusal"}
    assert "구매거절" in door.call("GET", "/", headers={}).text
    press("escrow_accept_refusal")
    assert offered() == set()
    assert sandbox.payment(imp_uid)["status"] == "cancelled"
