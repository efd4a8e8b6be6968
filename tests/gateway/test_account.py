"""Channels and codes."""

from __future__ import annotations

import pytest

from portone_django.gateway import Client, InvalidIdentifier, NotFound
from portone_django.gateway.codes import REFUND_BANKS, refund_bank_code

from .wire_server import WireServer, ok


def test_channels_are_read_with_their_test_flag(server: WireServer, client: Client) -> None:
    row = {"pg_provider": "html5_inicis", "pg_id": "INIpayTest", "sandbox": True, "type": "payment"}
    server.answers.append(ok([row | {"channel_name": "test", "channel_key": "channel-key-0"}, row]))
    first, second = client.channels()
    assert (first.pg_id, first.sandbox, first.channel_key, second.channel_key) == (
        "INIpayTest",
        True,
        "channel-key-0",
        None,
    )
    assert server.calls[0].target == "/users/pg"


def test_codes_keep_their_leading_zeros(server: WireServer, client: Client) -> None:
    answer = {"code": "088", "name": "신한은행"}
    server.answers.extend([ok([answer]), ok(answer)])
    assert client.banks()[0].code == "088"
    assert client.bank("088").name == "신한은행"
    with pytest.raises(NotFound):
        client.card("999")
    assert [call.target for call in server.calls] == ["/banks", "/banks/088", "/cards/999"]


@pytest.mark.parametrize("code", ["", "../banks", "36 6", "1" * 11])
def test_a_code_that_is_none_is_not_put_into_a_path(server: WireServer, client: Client, code: str) -> None:
    for call in (client.card, client.bank):
        with pytest.raises(InvalidIdentifier):
            call(code)
    assert server.requests == []


def test_inicis_wants_refund_banks_in_two_digits() -> None:
    assert refund_bank_code("088") == "88"
    assert refund_bank_code("004") == "04"
    assert {len(refund_bank_code(code)) for code in REFUND_BANKS} == {2}
    with pytest.raises(ValueError, match="no refund code"):
        refund_bank_code("88")
