"""Look-ups, cancels and registered amounts: what is sent, and what the answers become."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from portone_django.gateway import Client, MalformedAnswer, Misconfigured, NotFound, Refused

from .records import page, payment
from .wire_server import Request, WireServer, envelope, ok, reply

NOT_FOUND = reply(404, envelope(-1, "존재하지 않는 결제정보입니다."))


def query(request: Request) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(request.target).query)


@pytest.mark.parametrize(("include", "text"), [(True, "true"), (False, "false")])
def test_one_payment_always_says_whether_test_payments_count(
    server: WireServer, client: Client, include: bool, text: str
) -> None:
    server.answers.append(ok(payment()))
    client.get_payment("imp_123456789012", include_sandbox=include)
    assert query(server.calls[0]) == [("include_sandbox", text)]


def test_an_unknown_payment_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="존재하지 않는 결제정보입니다"):
        client.get_payment("imp_1", include_sandbox=True)


def test_another_payment_than_the_one_asked_for_is_not_believed(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(imp_uid="imp_999")))
    with pytest.raises(MalformedAnswer, match="not the one asked for"):
        client.get_payment("imp_123456789012", include_sandbox=True)


def test_many_payments_may_be_answered_in_part(server: WireServer, client: Client) -> None:
    server.answers.append(reply(207, envelope(0, None, [payment()])))
    found = client.get_payments(["imp_123456789012", "imp_2"], ["t0001"])
    assert [record.imp_uid for record in found] == ["imp_123456789012"]
    assert query(server.calls[0]) == [
        ("imp_uid[]", "imp_123456789012"),
        ("imp_uid[]", "imp_2"),
        ("merchant_uid[]", "t0001"),
    ]


def test_many_payments_of_which_none_is_known_are_an_empty_list(server: WireServer, client: Client) -> None:
    server.answers.append(NOT_FOUND)
    assert client.get_payments(["imp_1"]) == []


def test_asking_for_no_payment_asks_nobody(server: WireServer, client: Client) -> None:
    assert client.get_payments() == []
    assert server.requests == []


def test_more_than_a_hundred_payments_are_asked_for_in_hundreds(server: WireServer, client: Client) -> None:
    server.answers.extend([ok([payment()]), NOT_FOUND, ok([payment(), payment(imp_uid="imp_2")])])
    found = client.get_payments([f"imp_{number}" for number in range(250)])
    assert [len(query(call)) for call in server.calls] == [100, 100, 50]
    assert [record.imp_uid for record in found] == ["imp_123456789012", "imp_2"]


def test_one_of_an_order_id_may_be_narrowed_and_sorted(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(payment()), ok(payment())])
    client.find_payment("t0001")
    client.find_payment("t0001", "paid", "-paid")
    assert [call.target for call in server.calls] == [
        "/payments/find/t0001",
        "/payments/find/t0001/paid?sorting=-paid",
    ]


@pytest.mark.parametrize("status", ["all", "PAID", "", "../x"])
def test_a_status_that_is_none_is_not_put_into_a_path(server: WireServer, client: Client, status: str) -> None:
    for ask in (client.find_payment, lambda uid, s: client.find_all_payments(uid, status=s)):
        with pytest.raises(ValueError, match="status must be one of"):
            ask("t0001", status)
    assert server.requests == []


def test_all_of_an_order_id_are_read_page_by_page_and_each_once(server: WireServer, client: Client) -> None:
    """A window that opens meanwhile pushes records to the next page: the same one may come twice."""
    first = [payment(imp_uid=f"imp_{number:03}", status="failed") for number in range(100)]
    second = [first[-1], payment(imp_uid="imp_paid")]
    server.answers.extend([ok(page(first, total=102, following=2)), ok(page(second, total=102, previous=1))])
    found = client.find_all_payments("t0001")
    assert len(found) == 101
    assert found[-1].status == "paid"
    assert [query(call) for call in server.calls] == [
        [("page", "1"), ("limit", "100")],
        [("page", "2"), ("limit", "100")],
    ]


def test_an_order_id_that_portone_does_not_know_has_no_records(server: WireServer, client: Client) -> None:
    server.answers.append(NOT_FOUND)
    assert client.find_all_payments("t0001") == []


def test_a_404_that_is_not_portones_is_no_proof_that_there_is_none(server: WireServer, client: Client) -> None:
    server.answers.append(reply(404, b"<html>Not Found</html>"))
    with pytest.raises(Misconfigured):
        client.find_all_payments("t0001")


def test_a_last_page_that_is_gone_meanwhile_ends_the_list(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(page([payment()], following=2)), NOT_FOUND])
    assert len(client.find_all_payments("t0001")) == 1


def test_pages_without_end_are_an_error_not_half_an_answer(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(page([payment()], following=number + 2)) for number in range(60)])
    with pytest.raises(MalformedAnswer, match="more than 50 pages"):
        client.find_all_payments("t0001")


def test_one_unreadable_record_of_an_order_id_is_an_error(server: WireServer, client: Client) -> None:
    """The one that cannot be read may be the paid one."""
    server.answers.append(ok(page([payment(status="failed"), payment(imp_uid="imp_2", amount="9900")])))
    with pytest.raises(MalformedAnswer):
        client.find_all_payments("t0001")


def test_the_account_is_listed_page_by_page_as_it_is_asked_for(server: WireServer, client: Client) -> None:
    server.answers.extend([ok(page([payment()], total=2, following=2)), ok(page([payment(imp_uid="imp_2")], total=2))])
    pages = client.list_payments("paid", from_=1785900000, to=1785990000, limit=1)
    assert server.requests == []
    assert [len(one) for one in pages] == [1, 1]
    assert [call.path for call in server.calls] == ["/payments/status/paid"] * 2
    expected = [("from", "1785900000"), ("to", "1785990000"), ("limit", "1"), ("page", "2")]
    assert query(server.calls[1]) == expected


def test_one_unreadable_record_of_the_account_does_not_stop_the_list(server: WireServer, client: Client) -> None:
    server.answers.append(ok(page([payment(imp_uid="imp_usd", currency="USD", amount=1.5), payment()])))
    (only,) = client.list_payments("all", from_=1, to=2)
    assert (len(only), only.unreadable) == (1, ("imp_usd",))


@pytest.mark.parametrize(
    "arguments",
    [
        {"from_": 1, "to": 1 + 91 * 86400},
        {"from_": 5, "to": 4},
        {"from_": 0, "to": 4},
        {"from_": 1.5, "to": 4},
        {"from_": 1, "to": 2, "limit": 0},
        {"from_": 1, "to": 2, "limit": 1001},
        {"from_": 1, "to": 2, "sorting": "name"},
    ],
)
def test_a_list_that_portone_would_refuse_is_refused_at_once(client: Client, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        client.list_payments("paid", **arguments)


def cancel(client: Client, **changes: Any) -> Any:
    arguments = {"imp_uid": "imp_123456789012", "amount": 1000, "checksum": 9900, "reason": "고객 변심"}
    return client.cancel_payment(**(arguments | changes))


def test_a_cancel_sends_its_amount_and_the_balance_it_believes_in(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(cancel_amount=1000)))
    assert cancel(client).cancel_amount == 1000
    assert server.calls[0].json == {
        "imp_uid": "imp_123456789012",
        "amount": 1000,
        "checksum": 9900,
        "reason": "고객 변심",
    }


def test_a_cancel_of_a_virtual_account_names_the_account_and_the_taxes(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(cancel_amount=1000)))
    account = {"refund_holder": "홍길동", "refund_bank": "88", "refund_account": "110123", "refund_tel": "010"}
    cancel(client, tax_free=0, vat_amount=91, enable_webhook=True, **account)
    sent = server.calls[0].json
    assert sent.items() >= (account | {"tax_free": 0, "vat_amount": 91, "enable_webhook": True}).items()


@pytest.mark.parametrize("amount", [0, -1, True, 1000.0, "1000", None])
def test_an_amount_that_would_cancel_everything_or_nonsense_is_not_sent(
    server: WireServer, client: Client, amount: Any
) -> None:
    """PortOne V1 cancels in full when the amount is 0 or absent."""
    with pytest.raises(ValueError, match="amount"):
        cancel(client, amount=amount)
    assert server.requests == []


@pytest.mark.parametrize("checksum", [None, 0, -5, True, "9900", 9900.0])
def test_a_cancel_without_a_checksum_is_not_sent(server: WireServer, client: Client, checksum: Any) -> None:
    with pytest.raises(ValueError, match="checksum"):
        cancel(client, checksum=checksum)
    assert server.requests == []


def test_the_whole_balance_is_cancelled_only_when_said_twice(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(cancel_amount=9900)))
    cancel(client, amount=None, full_balance=True)
    assert "amount" not in server.calls[0].json
    assert server.calls[0].json["checksum"] == 9900
    with pytest.raises(ValueError, match="full_balance"):
        cancel(client, amount=9900, full_balance=True)


def test_a_cancel_that_is_refused_in_band_is_refused_not_missing(server: WireServer, client: Client) -> None:
    server.answers.append(reply(200, envelope(1, "취소할 결제건이 존재하지 않습니다.")))
    with pytest.raises(Refused) as caught:
        cancel(client)
    assert type(caught.value) is Refused


def test_amounts_are_registered_changed_and_read(server: WireServer, client: Client) -> None:
    answer = ok({"merchant_uid": "t1", "amount": 100, "currency": "KRW"})
    server.answers.extend([answer, answer, answer])
    client.prepare("t1", 100)
    client.change_prepared("t1", 200)
    assert client.get_prepared("t1").amount == 100
    assert [(call.method, call.path) for call in server.calls] == [
        ("POST", "/payments/prepare"),
        ("PUT", "/payments/prepare"),
        ("GET", "/payments/prepare/t1"),
    ]
    assert server.calls[1].json == {"merchant_uid": "t1", "amount": 200, "currency": "KRW"}


def test_a_virtual_account_is_closed_with_the_merchants_own_key(server: WireServer, client: Client) -> None:
    server.answers.append(ok(payment(status="failed")))
    client.revoke_vbank("imp_123456789012", "a+b/c=")
    (sent,) = server.calls
    assert (sent.method, sent.path) == ("DELETE", "/vbanks/imp_123456789012")
    assert query(sent) == [("pg_api_key", "a+b/c=")]
    assert sent.body == b""
