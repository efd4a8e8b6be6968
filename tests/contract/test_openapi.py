"""The sandbox's answers are those of PortOne's OpenAPI document, but for the deviations listed beside this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import requests

from portone_django.sandbox.catalogue import BILLING_CHANNEL, LIVE_CHANNEL, TEST_CHANNEL
from portone_django.sandbox.ledger import Sandbox
from tests.contract.openapi_document import DEVIATIONS, DOCUMENT, Document, load
from tests.sandbox.door import CARD, Door, door_to, opened, paid, registered, waiting_account

pytestmark = pytest.mark.contract

SUPPORTED = """
POST /users/getToken
GET /users/pg
GET /tiers/{tier_code}
GET /payments/{imp_uid}
GET /payments
GET /payments/find/{merchant_uid}/{payment_status}
GET /payments/findAll/{merchant_uid}/{payment_status}
GET /payments/status/{payment_status}
GET /payments/{imp_uid}/balance
POST /payments/cancel
POST /payments/prepare
PUT /payments/prepare
GET /payments/prepare/{merchant_uid}
GET /subscribe/customers
GET /subscribe/customers/{customer_uid}
POST /subscribe/customers/{customer_uid}
DELETE /subscribe/customers/{customer_uid}
GET /subscribe/customers/{customer_uid}/payments
GET /subscribe/customers/{customer_uid}/schedules
POST /subscribe/payments/onetime
POST /subscribe/payments/again
GET /subscribe/payments/schedule
POST /subscribe/payments/schedule
POST /subscribe/payments/unschedule
GET /subscribe/payments/schedule/{merchant_uid}
PUT /subscribe/payments/schedule/{merchant_uid}
POST /subscribe/payments/schedule/{merchant_uid}/reschedule
POST /subscribe/payments/schedule/{merchant_uid}/retry
GET /subscribe/payments/schedule/customers/{customer_uid}
POST /vbanks
DELETE /vbanks/{imp_uid}
GET /receipts/{imp_uid}
POST /receipts/{imp_uid}
DELETE /receipts/{imp_uid}
GET /receipts/external/{merchant_uid}
POST /receipts/external/{merchant_uid}
DELETE /receipts/external/{merchant_uid}
GET /escrows/logis/{imp_uid}
POST /escrows/logis/{imp_uid}
PUT /escrows/logis/{imp_uid}
GET /certifications/{imp_uid}
DELETE /certifications/{imp_uid}
GET /cards
GET /cards/{card_standard_code}
GET /banks
GET /banks/{bank_standard_code}
""".strip().splitlines()
DAY = 86_400
ADDRESS = {"name": "홍길동", "tel": "010-0000-0000", "addr": "서울", "postcode": "00000"}
OWNER = {"customer_name": "홍길동", "customer_tel": "010-0000-0000", "customer_email": "buyer@example.com"}
ACCOUNT = {"refund_holder": "홍길동", "refund_bank": "88", "refund_account": "56211105948400"}


class Recorder(Door):
    """A door that keeps every answer: (operation, status, content)."""

    def __init__(self, door: Door, document: Document) -> None:
        super().__init__(door.session, door.base)
        self.headers = door.headers
        self.document = document
        self.kept: list[tuple[str, int, Any]] = []

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = super().call(method, path, **options)
        if not path.startswith("/_sandbox"):
            self.kept.append((self.document.operation_of(method, path), answer.status_code, answer.json()))
        return answer


@pytest.fixture(scope="module")
def document() -> Document:
    return load()


@pytest.fixture(scope="module")
def kept(document: Document, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, int, Any]]]:
    """What the sandbox answered to a shop's life, successes and refusals alike."""
    sandbox = Sandbox(Path(tmp_path_factory.mktemp("contract")) / "portone.sqlite3")
    door = Recorder(door_to(sandbox), document)
    for chapter in (account_and_codes, checkout, refunds, billing, schedules, accounts, documents, strangers):
        chapter(sandbox, door)
    yield door.kept
    sandbox.close()


def account_and_codes(sandbox: Sandbox, door: Door) -> None:
    door.log_in()
    door.post("/users/getToken", imp_key="x", imp_secret="y")
    for path in ("/users/pg", "/tiers/SUB", "/tiers/NOT", "/cards", "/cards/366", "/cards/1", "/banks", "/banks/088"):
        door.get(path)
    door.get("/banks/1")


def checkout(sandbox: Sandbox, door: Door) -> None:
    everything: dict[str, Any] = {
        "name": "가" * 50,
        "buyer_name": "나" * 20,
        "buyer_email": "a" * 70,
        "buyer_addr": "b" * 200,
        "buyer_postcode": "123456789",
        "custom_data": {"a": 1},
    }
    uids = [paid(sandbox, "card", **everything), paid(sandbox, "live", channelKey=LIVE_CHANNEL)]
    choices: dict[str, dict[str, Any]] = {
        "kakao": {"pay_method": "kakaopay", "emb_pg_provider": "kakaopay"},
        "trans": {"pay_method": "trans", "bank_code": "004"},
        "phone": {"pay_method": "phone"},
        "declined": {"card_number": "5594100000001216"},
    }
    for uid, changes in choices.items():
        uids.append(opened(sandbox, uid))
        sandbox.approve(uids[-1], **changes)
    uids += [opened(sandbox, "left"), waiting_account(sandbox, "waiting"), waiting_account(sandbox, "deposited")]
    sandbox.deposit(uids[-1])
    sandbox.fail(opened(sandbox, "closed"))
    for imp_uid in [*uids, "imp_000000000000"]:
        door.get(f"/payments/{imp_uid}", include_sandbox="true")
        door.get(f"/payments/{imp_uid}/balance")
    door.get(f"/payments/{uids[0]}")
    door.get("/payments", **{"imp_uid[]": uids})
    door.get("/payments", **{"merchant_uid[]": ["card", "unknown"]})
    door.get("/payments", **{"imp_uid[]": "unknown"})
    door.get("/payments")
    for path in ("find/card", "find/card/paid", "find/card/cancelled", "find/card/bought", "findAll/card",
                 "findAll/card/paid", "findAll/unknown", "findAll/card/bought", "status/all", "status/paid",
                 "status/ready", "status/failed", "status/cancelled", "status/bought"):  # fmt: skip
        door.get(f"/payments/{path}")
    door.get("/payments/status/paid", page=9)
    door.post("/payments/prepare", merchant_uid="order1", amount=1_000, currency="KRW")
    door.post("/payments/prepare", merchant_uid="order1")
    for merchant_uid in ("order1", "unknown"):
        door.call("PUT", "/payments/prepare", json={"merchant_uid": merchant_uid, "amount": 2_000})
        door.get(f"/payments/prepare/{merchant_uid}")


def refunds(sandbox: Sandbox, door: Door) -> None:
    for body in (
        {"merchant_uid": "card", "amount": 1_000, "checksum": 10_000, "reason": "부분 환불"},
        {"merchant_uid": "card", "checksum": 1},
        {"merchant_uid": "card"},
        {"merchant_uid": "card"},
        {"merchant_uid": "unknown"},
        {"merchant_uid": "deposited"},
        {"merchant_uid": "deposited", **ACCOUNT},
        {"merchant_uid": "waiting", **ACCOUNT},
        {"merchant_uid": "live", "amount": "x"},
    ):
        door.post("/payments/cancel", **body)
    door.get("/payments/status/cancelled")


def billing(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, "window")
    door.post("/subscribe/customers/api", **CARD, **OWNER, channel_key=BILLING_CHANNEL)
    door.post("/subscribe/customers/poor", **{**CARD, "card_number": "5594100000001254"})
    door.post("/subscribe/customers/none", **{**CARD, "expiry": "2019-01"})
    door.get("/payments/find/issue-window")
    for customer_uid in ("window", "api", "poor", "unknown"):
        body = {"customer_uid": customer_uid, "merchant_uid": f"a-{customer_uid}", "amount": 8_900, "name": "구독"}
        door.post("/subscribe/payments/again", **body)
        door.post("/subscribe/payments/again", **body)
        door.get(f"/subscribe/customers/{customer_uid}")
        door.get(f"/subscribe/customers/{customer_uid}/payments")
    door.post("/subscribe/payments/again", customer_uid="api")
    door.post("/subscribe/payments/onetime", **CARD, merchant_uid="o1", amount=3_000, name="x", customer_uid="kept")
    door.post("/subscribe/payments/onetime", **CARD, merchant_uid="o2", amount=91_216)
    door.post("/subscribe/payments/onetime", **{**CARD, "expiry": "2019-01"}, merchant_uid="o3", amount=3_000)
    for wanted in (["window", "api"], ["window", "unknown"], ["unknown"], []):
        door.get("/subscribe/customers", **{"customer_uid[]": wanted})
    door.call("DELETE", "/subscribe/customers/kept")
    door.call("DELETE", "/subscribe/customers/kept")
    sandbox.settings.set(unknown_key_status=404)
    door.get("/subscribe/customers/unknown")


def schedules(sandbox: Sandbox, door: Door) -> None:
    path, now = "/subscribe/payments/schedule", sandbox.now()
    for customer_uid, uids in (("api", ["s1", "s2", "s3"]), ("poor", ["s4"]), ("unknown", ["s5"]), ("api", ["s1"])):
        entries = [{"merchant_uid": u, "schedule_at": now + DAY, "amount": 8_900, "name": "구독"} for u in uids]
        door.post(path, customer_uid=customer_uid, schedules=entries)
    door.post(path, customer_uid="api")
    door.call("PUT", f"{path}/s1", json={"schedule_at": now + 2 * DAY})
    door.call("PUT", f"{path}/s1", json={"schedule_at": now - 2 * DAY})
    for _ in range(2):
        door.post("/subscribe/payments/unschedule", customer_uid="api", merchant_uid=["s2"])
    door.post(f"{path}/s2/reschedule", schedule_at=now + 3 * DAY)
    sandbox.advance(4 * DAY)
    door.log_in()
    for uid in ("s1", "s2", "s4", "unknown"):
        door.get(f"{path}/{uid}")
        door.post(f"{path}/{uid}/retry")
        door.post(f"{path}/{uid}/reschedule", schedule_at=sandbox.now() + DAY)
        door.call("PUT", f"{path}/{uid}", json={"schedule_at": sandbox.now() + DAY})
    door.get(path, schedule_from=now, schedule_to=now + 9 * DAY)
    door.get(path, schedule_from=now)
    for lists in ("/subscribe/customers/api/schedules", f"{path}/customers/api"):
        door.get(lists, **{"from": now, "to": now + 9 * DAY})
        door.get(lists)


def accounts(sandbox: Sandbox, door: Door) -> None:
    body = {"channel_key": TEST_CHANNEL, "merchant_uid": "v1", "amount": 1_000, "vbank_code": "88",
            "vbank_due": sandbox.now() + DAY, "vbank_holder": "상점", "buyer_name": "홍길동"}  # fmt: skip
    imp_uid = door.post("/vbanks", **body).json()["response"]["imp_uid"]
    door.post("/vbanks", **{**body, "vbank_due": 1})
    door.post("/vbanks")
    for _ in range(2):
        door.call("DELETE", f"/vbanks/{imp_uid}")
    door.call("DELETE", "/vbanks/imp_000000000000")
    door.call("PUT", f"/vbanks/{imp_uid}", json={"amount": 1})


def documents(sandbox: Sandbox, door: Door) -> None:
    imp_uid = waiting_account(sandbox, "receipt")
    sandbox.deposit(imp_uid)
    for path, body in (
        (f"/receipts/{imp_uid}", {"identifier": "01000000000"}),
        ("/receipts/external/shop1", {"name": "x", "amount": 1_100, "identifier": "01000000000", "type": "company"}),
        ("/receipts/imp_000000000000", {"identifier": "01000000000"}),
    ):
        door.get(path)
        door.call("DELETE", path)
        door.post(path, **body)
        door.post(path, **body)
        door.get(path)
        door.call("DELETE", path)
    logis = {"company": "CJGLS", "invoice": "1", "sent_at": sandbox.now()}
    for uid in (paid(sandbox, "escrow", escrow=True), paid(sandbox, "plain"), "imp_000000000000"):
        for method in ("GET", "PUT", "POST", "POST", "PUT", "GET"):
            body = {} if method == "GET" else {"sender": ADDRESS, "receiver": ADDRESS, "logis": logis}
            door.call(method, f"/escrows/logis/{uid}", json=body)
    refused, gone = paid(sandbox, "refused", escrow=True), paid(sandbox, "gone", escrow=True)
    sandbox.console_cancel(gone)
    delivery = {"sender": ADDRESS, "receiver": ADDRESS, "logis": logis}
    for uid in (refused, gone):
        door.post(f"/escrows/logis/{uid}", **delivery)
    sandbox.escrow(refused, "escrow_refuse")
    door.call("PUT", f"/escrows/logis/{refused}", json=delivery)
    sandbox.escrow(refused, "escrow_accept_refusal")
    door.get(f"/escrows/logis/{refused}")
    door.get(f"/payments/{refused}", include_sandbox="true")
    door.call("PUT", "/_sandbox/certifications/imp_1", json={})
    for _ in range(2):
        door.get("/certifications/imp_1")
        door.call("DELETE", "/certifications/imp_1")


def strangers(sandbox: Sandbox, door: Door) -> None:
    for operation in SUPPORTED[1:]:
        method, path = operation.split(" ")
        door.call(method, path.replace("{", "").replace("}", ""), headers={"Authorization": "Bearer wrong"})


def test_every_operation_of_the_document_is_reached(document: Document) -> None:
    assert set(SUPPORTED) <= set(document.operations)


@pytest.mark.parametrize("operation", SUPPORTED)
def test_its_answers_are_those_of_the_document(
    document: Document, kept: list[tuple[str, int, Any]], operation: str
) -> None:
    answers = [(status, content) for name, status, content in kept if name == operation]
    assert any(content["code"] == 0 for _, content in answers), "never answered with success"
    problems = [
        (status, problem, content)
        for status, content in answers
        for problem in document.errors(operation, status, content)
    ]
    assert problems == []


def test_all_other_documented_addresses_answer_404_in_the_envelope(document: Document, tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "portone.sqlite3")
    door = door_to(sandbox)
    others = set(document.operations) - set(SUPPORTED)
    assert len(others) > 20
    for operation in others:
        method, path = operation.split(" ")
        assert door.refused(method, path.replace("{", "").replace("}", ""))[0] == 404
    sandbox.close()


def test_partial_answers_are_207(kept: list[tuple[str, int, Any]]) -> None:
    partly = {name for name, status, _ in kept if status == 207}
    assert partly == {"GET /payments", "GET /subscribe/customers"}


def test_every_deviation_is_needed(document: Document) -> None:
    assert document.unused == []


@pytest.mark.parametrize("row", range(len(DEVIATIONS)))
def test_without_a_deviation_its_answers_are_refused(kept: list[tuple[str, int, Any]], row: int) -> None:
    strict = Document(json.loads(DOCUMENT.read_text(encoding="utf-8")), DEVIATIONS[:row] + DEVIATIONS[row + 1 :])
    assert any(strict.errors(name, status, content) for name, status, content in kept if name in strict.operations)


@pytest.mark.parametrize(
    "broken",
    [
        {"sandbox": "true"},
        {"amount": "10000"},
        {"amount": None},
        {"unknown_field": 1},
        {"merchant_uid": "x" * 41},
        {"paid_at": "now"},
    ],
)
def test_a_wrong_payment_would_be_noticed(
    document: Document, kept: list[tuple[str, int, Any]], broken: dict[str, Any]
) -> None:
    operation = "GET /payments/{imp_uid}"
    right = next(content for name, _, content in kept if name == operation and content["code"] == 0)
    wrong = deepcopy(right)
    wrong["response"] |= broken
    assert document.errors(operation, 200, right) == []
    assert document.errors(operation, 200, wrong)
