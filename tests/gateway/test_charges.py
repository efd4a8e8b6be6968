"""Money taken without the buyer: what is sent, and that an answer is not yet a success."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.gateway import CardData, Client

from .records import payment
from .wire_server import WireServer, ok


def again(client: Client, **changes: Any) -> Any:
    arguments = {"customer_uid": "key-1", "merchant_uid": "t0001", "amount": 8900, "name": "월간 이용권"}
    return client.again(**(arguments | changes))


def test_a_declined_card_is_an_answer_whose_status_is_failed(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(status="failed", failed_at=1785985202, fail_reason="[1254] 잔액부족")))
    record = again(client)
    assert (record.status, record.fail_reason, record.failed_at) == ("failed", "[1254] 잔액부족", 1785985202)


def test_an_answer_about_another_order_is_given_back_for_the_caller_to_compare(
    server: WireServer, client: Client
) -> None:
    server.answers.append(ok(payment(merchant_uid="other", amount=1)))
    record = again(client)
    assert (record.merchant_uid, record.amount) == ("other", 1)


def test_texts_are_cut_to_portones_lengths_so_that_a_long_name_never_stops_a_sale(
    server: WireServer, client: Client
) -> None:
    server.answers.append(ok(payment()))
    again(client, name="이" * 200, buyer_name="b" * 99, buyer_tel="1" * 99, buyer_email="e" * 99, buyer_addr="a" * 999)
    sent = server.calls[0].json
    lengths = {name: len(value) for name, value in sent.items() if isinstance(value, str)}
    assert (
        lengths.items() >= {"name": 40, "buyer_name": 16, "buyer_tel": 16, "buyer_email": 64, "buyer_addr": 128}.items()
    )


def test_ids_and_urls_are_never_cut(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment()))
    url = "https://shop.example/" + "x" * 200
    again(client, merchant_uid="m" * 40, customer_uid="c" * 80, notice_url=url)
    sent = server.calls[0].json
    assert (sent["merchant_uid"], sent["customer_uid"], sent["notice_url"]) == ("m" * 40, "c" * 80, url)


def test_what_is_not_given_is_not_sent_and_zero_is(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment()))
    again(client, tax_free=0, card_quota=0, extra={"naverUseCfm": "20260806"})
    assert set(server.calls[0].json) == {
        "customer_uid",
        "merchant_uid",
        "amount",
        "name",
        "currency",
        "tax_free",
        "card_quota",
        "extra",
    }


@pytest.mark.parametrize("amount", [0, -1, True, 8900.0, "8900", None])
def test_an_amount_that_is_no_whole_won_is_not_sent(server: WireServer, client: Client, amount: Any) -> None:
    with pytest.raises(ValueError, match="amount"):
        again(client, amount=amount)
    with pytest.raises(ValueError, match="amount"):
        client.onetime(card=CardData("4" * 16, "2030-01"), merchant_uid="t1", amount=amount, name="x")
    assert server.requests == []


def test_a_card_typed_in_is_charged_once(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment()))
    card = CardData("1234123412341234", "2030-01", "820213", "00", "123")
    client.onetime(
        card=card, merchant_uid="t1", amount=3000, name="키인 결제", buyer_name="홍길동", customer_uid="key-9"
    )
    (sent,) = server.calls
    assert sent.path == "/subscribe/payments/onetime"
    assert sent.json == {
        "merchant_uid": "t1",
        "amount": 3000,
        "currency": "KRW",
        "name": "키인 결제",
        "buyer_name": "홍길동",
        "customer_uid": "key-9",
        "card_number": "1234-1234-1234-1234",
        "expiry": "2030-01",
        "birth": "820213",
        "pwd_2digit": "00",
        "cvc": "123",
    }
