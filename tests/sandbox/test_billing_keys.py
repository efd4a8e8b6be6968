"""Billing keys: issued by API, read, replaced, deleted."""

from portone_django.sandbox.catalogue import BILLING_CHANNEL
from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import CARD, Door, registered

OWNER = {"customer_name": "홍길동", "customer_tel": "010-0000-0000", "customer_email": "buyer@example.com"}


def issue(door: Door, customer_uid: str = "card1", **changes: str) -> dict[str, object]:
    body = {**CARD, **OWNER, "channel_key": BILLING_CHANNEL, **changes}
    record: dict[str, object] = door.ok("POST", f"/subscribe/customers/{customer_uid}", json=body)
    return record


def test_an_issued_key_is_masked_and_tells_no_card_type(door: Door) -> None:
    record = issue(door)
    assert (record["card_number"], record["card_type"]) == ("559410*********0", None)
    assert (record["pg_id"], record["sandbox"], record["customer_name"]) == ("INIBillTst", True, "홍길동")
    assert door.ok("GET", "/subscribe/customers/card1") == record


def test_issuing_without_channel_key_is_accepted_and_noted(sandbox: Sandbox, door: Door) -> None:
    record = door.ok("POST", "/subscribe/customers/card1", json=CARD)
    assert record["pg_id"] == "INIBillTst"
    assert "without channel_key" in sandbox.diary.entries()[0]["text"]
    assert door.ok("POST", "/subscribe/customers/card2", json={**CARD, "pg": "inicis.INIBillTst"})
    assert door.ok("POST", "/subscribe/customers/card3", json={**CARD, "pg": "html5_inicis"})["pg_id"] == "INIBillTst"


def test_issuing_again_replaces_the_card_behind_the_uid(sandbox: Sandbox, door: Door) -> None:
    first = issue(door)
    sandbox.advance(60)
    second = issue(door, card_number="4092-0230-1234-1239")
    assert second["card_number"] == "409202*********9"
    assert (second["inserted"], second["updated"]) == (first["inserted"], int(str(first["updated"])) + 60)


def test_several_keys_are_200_207_or_404(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, "a")
    registered(sandbox, "b")
    assert len(door.ok("GET", "/subscribe/customers", params={"customer_uid[]": ["a", "b"]})) == 2
    partly = door.get("/subscribe/customers", **{"customer_uid[]": ["a", "x"]})
    assert (partly.status_code, [key["customer_uid"] for key in partly.json()["response"]]) == (207, ["a"])
    assert door.refused("GET", "/subscribe/customers", params={"customer_uid[]": ["x"]})[0] == 404


def test_a_deleted_key_is_answered_once_and_gone(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    assert door.ok("DELETE", "/subscribe/customers/card1", params={"reason": "x"})["customer_uid"] == "card1"
    unknown = "요청하신 customer_uid(card1)로 등록된 정보를 찾을 수 없습니다."
    assert door.refused("GET", "/subscribe/customers/card1") == (200, 1, unknown)
    assert door.refused("DELETE", "/subscribe/customers/card1") == (200, 1, unknown)


def test_an_unknown_key_can_be_a_404_as_the_document_says(sandbox: Sandbox, door: Door) -> None:
    sandbox.settings.set(unknown_key_status=404)
    assert door.refused("GET", "/subscribe/customers/card1")[:2] == (404, 1)
    assert door.refused("DELETE", "/subscribe/customers/card1")[:2] == (404, 1)


def test_payments_of_a_key_come_newest_first_twenty_a_page(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    for number in range(21):
        door.ok(
            "POST",
            "/subscribe/payments/again",
            json={"customer_uid": "card1", "merchant_uid": f"s{number}", "amount": 100, "name": "x"},
        )
    first = door.ok("GET", "/subscribe/customers/card1/payments")
    assert (first["total"], first["next"], first["list"][0]["merchant_uid"]) == (22, 2, "s20")
    second = door.ok("GET", "/subscribe/customers/card1/payments", params={"page": 2})
    assert [record["merchant_uid"] for record in second["list"]] == ["s0", "issue-card1"]
    assert door.refused("GET", "/subscribe/customers/unknown/payments")[0] == 404
