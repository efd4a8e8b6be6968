"""How the sandbox's tests speak to it: through `requests`, with a token, in process or over a socket."""

from __future__ import annotations

from typing import Any

import requests

from portone_django.sandbox.adapter import mount
from portone_django.sandbox.catalogue import BILLING_CHANNEL, TEST_CHANNEL
from portone_django.sandbox.ledger import Sandbox

BASE = "https://api.iamport.kr"
CARD = {"card_number": "5594-1000-0000-0000", "expiry": "2099-12", "birth": "820213", "pwd_2digit": "00"}


class Door:
    def __init__(self, session: requests.Session, base: str = BASE) -> None:
        self.session, self.base = session, base
        self.headers: dict[str, str] = {}

    def log_in(self, imp_key: str = "sandbox-key", imp_secret: str = "sandbox-secret") -> dict[str, Any]:
        answer = self.call("POST", "/users/getToken", json={"imp_key": imp_key, "imp_secret": imp_secret})
        token: dict[str, Any] = answer.json()["response"]
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}
        return token

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", 5)
        options.setdefault("headers", self.headers)
        return self.session.request(method, self.base + path, allow_redirects=False, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, params=query)

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def ok(self, method: str, path: str, **options: Any) -> Any:
        """The `response` of a call that must succeed."""
        answer = self.call(method, path, **options)
        content = answer.json()
        assert (answer.status_code, content["code"]) == (200, 0), content
        return content["response"]

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, int, str]:
        """(HTTP status, code, message) of a call that must be refused in PortOne's envelope."""
        answer = self.call(method, path, **options)
        content = answer.json()
        assert set(content) == {"code", "message", "response"}
        assert content["response"] is None
        assert content["code"] != 0
        return answer.status_code, content["code"], content["message"]


def door_to(sandbox: Sandbox) -> Door:
    session = requests.Session()
    mount(session, sandbox, BASE)
    door = Door(session)
    door.log_in()
    return door


def asked(merchant_uid: str = "order1", amount: int = 10_000, **changes: Any) -> dict[str, Any]:
    """IMP.request_pay parameters that the window accepts."""
    return {
        "channelKey": TEST_CHANNEL,
        "pay_method": "card",
        "merchant_uid": merchant_uid,
        "name": "테스트 상품",
        "amount": amount,
        "buyer_tel": "010-0000-0000",
        **changes,
    }


def opened(sandbox: Sandbox, merchant_uid: str = "order1", amount: int = 10_000, **changes: Any) -> str:
    """The imp_uid of a new window."""
    record = sandbox.open_window(asked(merchant_uid, amount, **changes), device="pc", user_agent="tests")
    return str(record["imp_uid"])


def paid(sandbox: Sandbox, merchant_uid: str = "order1", amount: int = 10_000, **changes: Any) -> str:
    imp_uid = opened(sandbox, merchant_uid, amount, **changes)
    assert sandbox.approve(imp_uid)["status"] == "paid"
    return imp_uid


def waiting_account(sandbox: Sandbox, merchant_uid: str = "order1", **changes: Any) -> str:
    imp_uid = opened(sandbox, merchant_uid, pay_method="vbank", **changes)
    sandbox.issue_vbank(imp_uid, bank_code="088")
    return imp_uid


def registered(sandbox: Sandbox, customer_uid: str = "card1", **changes: Any) -> str:
    """A billing key made in the window."""
    imp_uid = opened(sandbox, f"issue-{customer_uid}", 0, channelKey=BILLING_CHANNEL, customer_uid=customer_uid)
    assert sandbox.approve(imp_uid, **changes)["status"] == "paid"
    return customer_uid


def statuses(sandbox: Sandbox, merchant_uid: str) -> list[str]:
    return [record["status"] for record in sandbox.payments_of(merchant_uid)]


def bodies(sandbox: Sandbox) -> list[tuple[str, str]]:
    """(merchant_uid, status) of every webhook that was sent, oldest first."""
    sent = [row["body"] for row in sandbox.webhooks.log() if row["state"] == "sent"][::-1]
    return [(body["merchant_uid"], body["status"]) for body in sent]
