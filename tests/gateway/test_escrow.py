"""Escrow deliveries: what is sent, and what the answers become."""

from __future__ import annotations

from typing import Any

import pytest

from portone_django.gateway import Client, DeliveryRecord, MalformedAnswer, NotFound, PostalAddress, Refused

from .records import delivery
from .wire_server import WireServer, envelope, ok, reply

SHOP = PostalAddress(name="상점", tel="02-0000-0000", addr="서울", postcode="00000")
BUYER = PostalAddress(name=" 홍길동 ", tel="010-0000-0000", addr="서울", postcode="00000")
TERMS: dict[str, Any] = {"sender": SHOP, "receiver": BUYER, "company": "CJGLS", "invoice": "123456789012"}
SENT_AT = 1785985200


@pytest.mark.parametrize(("name", "method"), [("register_delivery", "POST"), ("change_delivery", "PUT")])
def test_a_delivery_is_sent_two_levels_deep_as_documented(
    server: WireServer, client: Client, name: str, method: str
) -> None:
    server.answers.append(ok(delivery()))
    done = getattr(client, name)("imp_1", **TERMS, sent_at=SENT_AT)
    (sent,) = server.calls
    assert (sent.method, sent.target) == (method, "/escrows/logis/imp_1")
    assert sent.json == {
        "sender": {"name": "상점", "tel": "02-0000-0000", "addr": "서울", "postcode": "00000"},
        "receiver": {"name": "홍길동", "tel": "010-0000-0000", "addr": "서울", "postcode": "00000"},
        "logis": {"company": "CJGLS", "invoice": "123456789012", "sent_at": SENT_AT},
    }
    assert done == DeliveryRecord(company="CJGLS", invoice="123456789012", sent_at=SENT_AT, applied_at=1785985210)


def test_nothing_registered_is_told_by_409_and_an_unknown_payment_by_404(server: WireServer, client: Client) -> None:
    server.answers.extend([reply(409, envelope(1, "없음")), reply(404, envelope(-1, "없는 결제"))])
    with pytest.raises(Refused) as caught:
        client.get_delivery("imp_1")
    assert (caught.value.http_status, isinstance(caught.value, NotFound)) == (409, False)
    with pytest.raises(NotFound):
        client.get_delivery("imp_1")


@pytest.mark.parametrize(
    "wrong", [{"company": None}, {"invoice": 7}, {"sent_at": 0}, {"sent_at": "now"}, {"applied_at": None}]
)
def test_a_delivery_that_cannot_be_believed_is_none(server: WireServer, client: Client, wrong: dict[str, Any]) -> None:
    server.answers.append(ok(delivery(**wrong)))
    with pytest.raises(MalformedAnswer):
        client.get_delivery("imp_1")


@pytest.mark.parametrize("sent_at", [0, 1.5, True, "1785985200"])
def test_a_time_that_is_no_unix_time_is_not_sent(server: WireServer, client: Client, sent_at: Any) -> None:
    with pytest.raises(ValueError, match="sent_at"):
        client.register_delivery("imp_1", **TERMS, sent_at=sent_at)
    assert server.requests == []


@pytest.mark.parametrize("field", ["name", "tel", "addr", "postcode"])
@pytest.mark.parametrize("value", ["", "  ", "x" * 400, "two\nlines", None])
def test_an_address_needs_all_four_and_names_what_is_wrong_without_repeating_it(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be one line") as caught:
        PostalAddress(**{**dict.fromkeys(("name", "tel", "addr", "postcode"), "x"), field: value})
    assert "two" not in str(caught.value)


def test_an_address_shows_nothing_of_itself() -> None:
    assert (repr(BUYER), str(BUYER), repr(BUYER.wire_fields())) == (
        "<PostalAddress: hidden>",
        "<PostalAddress: hidden>",
        "<Body: hidden>",
    )
    assert PostalAddress(name="홍길동", tel="010-0000-0000", addr="서울", postcode="00000") == BUYER
