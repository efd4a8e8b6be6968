"""An id from outside never becomes a path of its own."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.gateway import Client, InvalidIdentifier, PortOneError, ids

from .wire_server import WireServer

ATTACKS = [
    "../users/getToken",
    "..%2fusers%2fgetToken",
    "%2e%2e/users/getToken",
    "..",
    ".",
    "imp_1/balance",
    "imp_1?include_sandbox=true",
    "imp_1#x",
    "imp_1\r\nX-Evil: 1",
    "imp_1\x00",
    " imp_1",
    "imp_1 ",
    "",
    "a" * 33,
    "임포트",
    "//evil.example",
    "\\evil",
    "@evil",
    ";x=1",
    "imp_１",
]


@pytest.mark.parametrize("value", ATTACKS)
def test_an_imp_uid_that_is_none_is_refused_before_anything_is_sent(
    server: WireServer, client: Client, value: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: client.get_payment(value, include_sandbox=True),
        lambda: client.get_payments([value]),
        lambda: client.get_balance(value),
        lambda: client.cancel_payment(imp_uid=value, amount=1, checksum=1, reason="r"),
        lambda: client.revoke_vbank(value, "k"),
    ]
    for call in calls:
        with pytest.raises(InvalidIdentifier):
            call()
    assert server.requests == []


@pytest.mark.parametrize("value", ATTACKS)
def test_an_order_id_stays_one_part_of_the_path(server: WireServer, client: Client, value: str) -> None:
    calls: list[tuple[str, Callable[[], object]]] = [
        ("/payments/find/", lambda: client.find_payment(value)),
        ("/payments/findAll/", lambda: client.find_all_payments(value)),
        ("/payments/prepare/", lambda: client.get_prepared(value)),
        ("/subscribe/customers/", lambda: client.get_billing_key(value)),
        ("/subscribe/payments/schedule/", lambda: client.get_schedule(value)),
    ]
    for prefix, call in calls:
        server.requests.clear()
        try:
            call()
        except InvalidIdentifier:
            assert server.requests == []
            continue
        except PortOneError:
            pass
        assert [unquote(each.path) for each in server.calls] == [prefix + value]
        assert [each.path.count("/") for each in server.calls] == [prefix.count("/")]


@pytest.mark.parametrize("value", ["", ".", "..", "...", " ", "a\r\nb", "a\tb", "\ud800", "a" * 81, "a\u202eb"])
def test_an_order_id_or_key_id_must_be_printable_and_more_than_dots(value: str) -> None:
    for check in (ids.merchant_uid, ids.customer_uid):
        with pytest.raises(InvalidIdentifier):
            check(value)


@pytest.mark.parametrize("value", [None, 5, b"imp_1", ["imp_1"]])
def test_an_id_is_a_text(value: object) -> None:
    for check in (ids.imp_uid, ids.merchant_uid, ids.customer_uid, ids.code):
        with pytest.raises(InvalidIdentifier):
            check(value)  # type: ignore[arg-type]


@given(st.text(min_size=1))
def test_a_part_of_a_path_is_always_one_part(part: str) -> None:
    try:
        quoted = ids.path("payments", ids.merchant_uid(part), "x")
    except InvalidIdentifier:
        return
    assert quoted.count("/") == 3
    assert quoted.isascii()
    assert not set("?#\\ ") & set(quoted)
    assert unquote(quoted.split("/")[2]) == part


def test_the_refusal_does_not_repeat_the_value() -> None:
    with pytest.raises(InvalidIdentifier) as caught:
        ids.imp_uid("<script>alert(1)</script>")
    assert "script" not in str(caught.value)
