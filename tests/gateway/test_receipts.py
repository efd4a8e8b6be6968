"""Cash receipts: what is sent, and what the answers become."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.gateway import Client, MalformedAnswer, NotFound, Refused, ServerTrouble

from .records import external_receipt, receipt
from .wire_server import WireServer, envelope, ok, reply

IMP_UID = "imp_123456789012"
NEVER_ISSUED = reply(404, envelope(1, "현금영수증 발급 내역이 존재하지 않습니다."))


def test_a_receipt_is_issued_with_what_was_stated_and_nothing_else(server: WireServer, client: Client) -> None:
    server.answers.append(ok(receipt()))
    issued = client.issue_receipt(IMP_UID, identifier="01000000000", tax_free=0, vat_amount=909, buyer_name="홍" * 20)
    (sent,) = server.calls
    assert (sent.method, sent.target) == ("POST", f"/receipts/{IMP_UID}")
    assert sent.json == {
        "identifier": "01000000000",
        "type": "person",
        "tax_free": 0,
        "vat_amount": 909,
        "buyer_name": "홍" * 16,
    }
    assert (issued.kind, issued.amount, issued.vat, issued.apply_num) == ("person", 10000, 909, "012345678")
    assert (issued.applied_at, issued.cancelled_at, issued.is_cancelled) == (1785985320, None, False)


def test_a_cancelled_receipt_says_when(server: WireServer, client: Client) -> None:
    server.answers.append(ok(receipt(cancelled_at=1785985999)))
    cancelled = client.cancel_receipt(IMP_UID)
    assert (server.calls[0].method, server.calls[0].body) == ("DELETE", b"")
    assert (cancelled.is_cancelled, cancelled.cancelled_at) == (True, 1785985999)


def test_a_receipt_that_was_never_issued_is_not_found(server: WireServer, client: Client) -> None:
    server.answers.append(NEVER_ISSUED)
    with pytest.raises(NotFound):
        client.get_receipt(IMP_UID)


def test_cancelling_what_was_never_issued_is_a_refusal(server: WireServer, client: Client) -> None:
    server.answers.append(reply(400, envelope(1, "발급 내역이 없습니다.")))
    with pytest.raises(Refused, match="발급 내역이 없습니다"):
        client.cancel_receipt(IMP_UID)


def test_a_500_may_be_a_refusal_of_the_pgs_and_stays_an_unknown_outcome(server: WireServer, client: Client) -> None:
    server.answers.append(reply(500, envelope(-1, "현금영수증 발행에 실패하였습니다.")))
    with pytest.raises(ServerTrouble):
        client.issue_receipt(IMP_UID, identifier="01000000000")


@pytest.mark.parametrize(
    "wrong",
    [
        {"imp_uid": "imp_999"},
        {"amount": "10000"},
        {"amount": -1},
        {"vat": 10001},
        {"vat": None},
        {"type": None},
        {"applied_at": 0},
        {"applied_at": "2026-08-06"},
        {"cancelled_at": True},
    ],
)
def test_a_receipt_that_cannot_be_believed_is_none(server: WireServer, client: Client, wrong: dict[str, Any]) -> None:
    server.answers.append(ok(receipt(**wrong)))
    with pytest.raises(MalformedAnswer):
        client.issue_receipt(IMP_UID, identifier="01000000000")


@pytest.mark.parametrize("shown", [{"apply_num": None}, {"receipt_tid": None}, {"receipt_url": 7}])
def test_what_is_only_shown_may_be_missing(server: WireServer, client: Client, shown: dict[str, Any]) -> None:
    server.answers.append(ok(receipt(**shown)))
    assert client.get_receipt(IMP_UID).amount == 10000


@pytest.mark.parametrize("wrong", [{"kind": "family"}, {"tax_free": -1}, {"vat_amount": 1.5}])
def test_arguments_that_portone_does_not_know_are_not_sent(
    server: WireServer, client: Client, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="must be"):
        client.issue_receipt(IMP_UID, identifier="01000000000", **wrong)
    assert server.requests == []


def test_an_outside_sale_goes_by_its_own_order_id_whatever_is_in_it(server: WireServer, client: Client) -> None:
    uid = "shop/1 ../x"
    answer = external_receipt(merchant_uid=uid)
    server.answers.extend([ok(answer), ok(answer), ok(external_receipt(merchant_uid=uid, cancelled_at=1785985999))])
    sale: dict[str, Any] = {"channel_key": "channel-key-0", "name": "원두", "amount": 10000, "kind": "company"}
    issued = client.issue_external_receipt(uid, identifier="0000000000", **sale)
    assert (issued.merchant_uid, issued.kind) == (uid, "company")
    assert not client.get_external_receipt(uid).is_cancelled
    assert client.cancel_external_receipt(uid).is_cancelled
    assert [(each.method, each.target) for each in server.calls] == [
        (method, "/receipts/external/shop%2F1%20..%2Fx") for method in ("POST", "GET", "DELETE")
    ]
    with pytest.raises(ValueError, match="amount"):
        client.issue_external_receipt(uid, identifier="0000000000", **{**sale, "amount": 0})


def test_a_number_does_not_come_back_in_a_refusal_however_it_is_written(server: WireServer, client: Client) -> None:
    server.answers.append(
        reply(400, envelope(1, "010-9753-1086 / 01097531086 / 010 9753 1086 은(는) 잘못된 번호입니다."))
    )
    with pytest.raises(Refused) as caught:
        client.issue_receipt(IMP_UID, identifier="01097531086")
    assert caught.value.message == "*** / *** / *** 은(는) 잘못된 번호입니다."
