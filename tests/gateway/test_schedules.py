"""Payments booked at PortOne."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from portone_django.gateway import CardData, Client, NotFound, Refused, ScheduleEntry

from .records import page, payment, schedule
from .wire_server import WireServer, envelope, ok, reply

ENTRY = ScheduleEntry(merchant_uid="t2", schedule_at=1788663600, amount=8900, name="이용권", buyer_name="홍" * 20)


def test_payments_are_booked_with_what_was_given(server: WireServer, client: Client) -> None:
    server.answers.append(ok([schedule()]))
    (booked,) = client.schedule("key-1", [ENTRY])
    assert (booked.schedule_status, booked.imp_uid) == ("scheduled", None)
    assert server.calls[0].json == {
        "customer_uid": "key-1",
        "schedules": [
            {
                "merchant_uid": "t2",
                "schedule_at": 1788663600,
                "amount": 8900,
                "name": "이용권",
                "currency": "KRW",
                "buyer_name": "홍" * 16,
            }
        ],
    }


def test_a_card_may_be_put_on_file_with_the_booking(server: WireServer, client: Client) -> None:
    server.answers.append(ok([schedule()]))
    client.schedule("key-1", [ENTRY], card=CardData("4" * 16, "2030-01"), channel_key="ck", checking_amount=0)
    sent = server.calls[0].json
    assert (sent["card_number"], sent["channel_key"], sent["checking_amount"]) == ("4444-4444-4444-4444", "ck", 0)


@pytest.mark.parametrize(
    "changes",
    [{"amount": 0}, {"schedule_at": 0}, {"schedule_at": 1.5}, {"merchant_uid": ""}, {"tax_free": -1}],
    ids=str,
)
def test_an_entry_that_cannot_be_meant_is_not_sent(server: WireServer, client: Client, changes: dict[str, Any]) -> None:
    entry = {"merchant_uid": "t2", "schedule_at": 1788663600, "amount": 8900, "name": "x"} | changes
    with pytest.raises(ValueError, match="must be"):
        client.schedule("key-1", [ScheduleEntry(**entry)])
    with pytest.raises(ValueError, match="at least one"):
        client.schedule("key-1", [])
    assert server.requests == []


def test_an_empty_list_never_revokes_everything(server: WireServer, client: Client) -> None:
    """PortOne revokes every booked payment of the customer when no merchant_uid is sent."""
    with pytest.raises(ValueError, match="all_of_customer"):
        client.unschedule("key-1", [])
    with pytest.raises(ValueError, match="all_of_customer"):
        client.unschedule("key-1", ["t1"], all_of_customer=True)
    assert server.requests == []


def test_booked_payments_are_revoked_by_name_or_all_when_said(server: WireServer, client: Client) -> None:
    server.answers.extend([ok([schedule()]), ok([schedule()])])
    client.unschedule("key-1", ["t1", "t2"])
    client.unschedule("key-1", all_of_customer=True)
    assert [call.json for call in server.calls] == [
        {"customer_uid": "key-1", "merchant_uid": ["t1", "t2"]},
        {"customer_uid": "key-1"},
    ]


def test_nothing_to_revoke_is_a_refusal(server: WireServer, client: Client) -> None:
    server.answers.append(reply(200, envelope(1, "취소할 예약결제 기록이 존재하지 않습니다.")))
    with pytest.raises(Refused):
        client.unschedule("key-1", ["t1"])


def test_a_booked_payment_is_read_moved_booked_anew_and_charged_now(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(schedule()), ok(schedule()), ok(schedule()), ok(payment(status="failed"))])
    client.get_schedule("t2")
    client.move("t2", 1788663601)
    client.reschedule("t2", 1788663602)
    assert client.retry("t2").status == "failed"
    base = "/subscribe/payments/schedule/t2"
    assert [(call.method, call.target) for call in server.calls] == [
        ("GET", base),
        ("PUT", base),
        ("POST", f"{base}/reschedule"),
        ("POST", f"{base}/retry"),
    ]
    assert [call.json for call in server.calls[1:3]] == [{"schedule_at": 1788663601}, {"schedule_at": 1788663602}]


def test_a_booking_that_is_unknown_or_has_run_is_told_apart(server: WireServer, client: Client) -> None:
    server.answers.extend([reply(404, envelope(1, "없음")), reply(400, envelope(1, "이미 승인된 결제예약입니다."))])
    with pytest.raises(NotFound):
        client.retry("t2")
    with pytest.raises(Refused) as caught:
        client.retry("t2")
    assert caught.value.http_status == 400


@pytest.mark.parametrize("answer", [[schedule()], page([schedule()])], ids=["array", "page"])
def test_the_accounts_schedules_are_read_in_both_shapes(server: WireServer, client: Client, answer: Any) -> None:
    server.answers.append(ok(answer))
    assert [one.merchant_uid for one in client.list_schedules(from_=5, to=9, status="executed")] == ["t0002"]
    assert parse_qsl(urlsplit(server.calls[0].target).query) == [
        ("schedule_from", "5"),
        ("schedule_to", "9"),
        ("limit", "100"),
        ("sorting", "scheduled"),
        ("schedule_status", "executed"),
        ("page", "1"),
    ]


def test_the_accounts_schedules_are_read_to_the_last_page(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(page([schedule()], following=2)), ok(page([schedule(merchant_uid="t3")]))])
    assert [one.merchant_uid for one in client.list_schedules(from_=5, to=9)] == ["t0002", "t3"]
