"""Cards on file: issued, read, deleted, and what was done with them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from portone_django.gateway import CardData, Client, NotFound, Refused

from .records import billing_key, page, payment, schedule
from .wire_server import Answer, WireServer, envelope, ok, reply

UNKNOWN = envelope(1, "요청하신 customer_uid(key-1)로 등록된 정보를 찾을 수 없습니다.")


def test_a_card_is_registered_with_the_fields_of_portone(server: WireServer, client: Client) -> None:
    server.answers.append(ok(billing_key()))
    card = CardData("1234 1234-12341234", "2030-12", "820213", "00")
    record = client.issue_billing_key("key-1", card, channel_key="channel-key-0", customer_name="가" * 30)
    assert record.customer_uid == "key-1"
    (sent,) = server.calls
    assert (sent.method, sent.path) == ("POST", "/subscribe/customers/key-1")
    assert sent.json == {
        "channel_key": "channel-key-0",
        "card_number": "1234-1234-1234-1234",
        "expiry": "2030-12",
        "birth": "820213",
        "pwd_2digit": "00",
        "customer_name": "가" * 20,
    }


@pytest.mark.parametrize("route", [{}, {"channel_key": "a", "pg": "html5_inicis.MID"}])
def test_a_card_is_registered_on_exactly_one_channel(client: Client, route: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either channel_key or pg"):
        client.issue_billing_key("key-1", CardData("4" * 16, "2030-12"), **route)  # type: ignore[arg-type]


def test_a_card_that_is_rejected_is_a_refusal(server: WireServer, client: Client) -> None:
    server.answers.append(reply(200, envelope(-1, "카드정보 인증 및 빌키 발급에 실패하였습니다. [1214]카드번호 오류")))
    with pytest.raises(Refused) as caught:
        client.issue_billing_key("key-1", CardData("4" * 16, "2030-12"), channel_key="a")
    assert type(caught.value) is Refused


@pytest.mark.parametrize("answer", [reply(404, UNKNOWN), reply(200, UNKNOWN)], ids=["404", "in band"])
def test_an_unknown_key_is_not_found_however_portone_says_so(
    server: WireServer, client: Client, answer: Answer
) -> None:
    server.answers.extend([answer, answer, answer, answer])
    with pytest.raises(NotFound):
        client.get_billing_key("key-1")
    with pytest.raises(NotFound):
        client.delete_billing_key("key-1")
    with pytest.raises(NotFound):
        client.billing_key_payments("key-1")
    assert client.get_billing_keys(["key-1"]) == []


def test_another_refusal_of_a_deletion_does_not_mean_that_the_key_is_gone(server: WireServer, client: Client) -> None:
    server.answers.append(reply(200, envelope(1, "예약된 결제가 있어 삭제할 수 없습니다.")))
    with pytest.raises(Refused) as caught:
        client.delete_billing_key("key-1")
    assert type(caught.value) is Refused


def test_many_keys_may_be_answered_in_part(server: WireServer, client: Client) -> None:
    server.answers.append(reply(207, envelope(0, None, [billing_key()])))
    assert len(client.get_billing_keys(["key-1", "key-2", "key-1"])) == 1
    assert parse_qsl(urlsplit(server.calls[0].target).query) == [
        ("customer_uid[]", "key-1"),
        ("customer_uid[]", "key-2"),
    ]


def test_a_key_is_deleted_with_its_reason(server: WireServer, client: Client) -> None:
    server.answers.append(ok(billing_key()))
    client.delete_billing_key("key-1", reason="고객 요청", requester="customer")
    (sent,) = server.calls
    assert (sent.method, sent.path) == ("DELETE", "/subscribe/customers/key-1")
    assert parse_qsl(urlsplit(sent.target).query) == [("reason", "고객 요청"), ("extra[requester]", "customer")]


def test_the_payments_of_a_key_are_read_to_the_last_page(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(page([payment()], following=2)), ok(page([payment(), payment(imp_uid="imp_2")]))])
    assert [record.imp_uid for record in client.billing_key_payments("key-1")] == ["imp_123456789012", "imp_2"]
    assert [call.target for call in server.calls] == [f"/subscribe/customers/key-1/payments?page={n}" for n in (1, 2)]


def test_the_schedules_of_a_key_are_asked_for_with_a_hyphen(server: WireServer, client: Client) -> None:
    server.answers.append(ok(page([schedule()])))
    assert len(client.billing_key_schedules("key-1", from_=5, to=9, status="scheduled")) == 1
    expected = [("from", "5"), ("to", "9"), ("schedule-status", "scheduled"), ("page", "1")]
    assert parse_qsl(urlsplit(server.calls[0].target).query) == expected


def test_a_key_id_with_any_characters_stays_one_part_of_the_path(server: WireServer, client: Client) -> None:
    server.answers.append(ok(billing_key(customer_uid="고객/1?x=2")))
    client.get_billing_key("고객/1?x=2")
    assert server.calls[0].target == "/subscribe/customers/%EA%B3%A0%EA%B0%9D%2F1%3Fx%3D2"
