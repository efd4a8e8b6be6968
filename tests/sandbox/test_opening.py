"""What the payment window refuses before it opens, and the record that it leaves."""

from typing import Any

import pytest

from portone_django.sandbox.catalogue import BILLING_CHANNEL, OTHER_CHANNEL
from portone_django.sandbox.ledger import Sandbox, WindowRefused
from tests.sandbox.door import Door, asked, opened, paid

BILLING: dict[str, Any] = {"channelKey": BILLING_CHANNEL, "customer_uid": "card1"}


def test_an_open_window_is_a_ready_record_and_no_virtual_account(sandbox: Sandbox) -> None:
    record = sandbox.payment(opened(sandbox, custom_data={"a": 1}))
    assert (record["status"], record["vbank_num"], record["paid_at"]) == ("ready", None, 0)
    assert record["imp_uid"].startswith("imp_")
    assert len(record["imp_uid"]) == 16
    assert record["custom_data"] == '{"a": 1}'
    assert sandbox.window_params(record["imp_uid"])["name"] == "테스트 상품"


@pytest.mark.parametrize(
    "changes",
    [
        {"buyer_tel": ""},
        {"buyer_tel": None},
        {"amount": "10000"},
        {"amount": True},
        {"amount": 99.5},
        {"amount": float("nan")},
        {"amount": 0},
        {"amount": -1},
        {"merchant_uid": None},
        {"merchant_uid": ""},
        {"merchant_uid": 17},
        {"merchant_uid": "x" * 41},
        {"channelKey": None},
        {"channelKey": "channel-key-unknown"},
        {"channelKey": None, "pg": "html5_inicis.NOSUCHMID"},
        {"channelKey": None, "pg": "kcp"},
        {**BILLING, "pay_method": "kakaopay"},
        {"customer_uid": "card1"},
        {**BILLING, "customer_uid": "x" * 81},
    ],
)
def test_the_window_stays_shut_for(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    with pytest.raises(WindowRefused) as refused:
        sandbox.open_window({**asked(), **changes}, device="pc", user_agent="")
    assert refused.value.imp_uid is None
    assert refused.value.message
    assert sandbox.transactions() == []


def test_a_paid_merchant_uid_is_refused_even_after_its_refund(sandbox: Sandbox) -> None:
    imp_uid = paid(sandbox)
    with pytest.raises(WindowRefused):
        opened(sandbox)
    sandbox.console_cancel(imp_uid)
    with pytest.raises(WindowRefused):
        opened(sandbox)


def test_a_failed_or_left_merchant_uid_may_be_opened_again(sandbox: Sandbox) -> None:
    sandbox.fail(opened(sandbox))
    opened(sandbox)
    assert opened(sandbox)
    assert len(sandbox.payments_of("order1")) == 3


def test_a_prepared_amount_keeps_other_amounts_out(sandbox: Sandbox, door: Door) -> None:
    door.ok("POST", "/payments/prepare", json={"merchant_uid": "order1", "amount": 10_000})
    with pytest.raises(WindowRefused):
        opened(sandbox, amount=100)
    assert opened(sandbox, amount=10_000)


def test_a_prepared_currency_keeps_other_currencies_out(sandbox: Sandbox, door: Door) -> None:
    door.ok("POST", "/payments/prepare", json={"merchant_uid": "order1", "amount": 10_000, "currency": "KRW"})
    with pytest.raises(WindowRefused):
        opened(sandbox, currency="USD")
    assert opened(sandbox)


def test_pg_with_a_mid_routes_to_that_channel_and_without_one_to_the_first(sandbox: Sandbox) -> None:
    other = sandbox.payment(opened(sandbox, "a", channelKey=None, pg="html5_inicis.MOIother01"))
    assert (other["pg_id"], other["sandbox"]) == ("MOIother01", False)
    assert sandbox.payment(opened(sandbox, "b", channelKey=None, pg="html5_inicis"))["pg_id"] == "INIpayTest"
    assert sandbox.payment(opened(sandbox, "c", channelKey=OTHER_CHANNEL))["pg_id"] == "MOIother01"


def test_long_names_are_cut_and_stop_no_sale(sandbox: Sandbox) -> None:
    record = sandbox.payment(opened(sandbox, name="가" * 60, buyer_name="나" * 30))
    assert (len(record["name"]), len(record["buyer_name"])) == (40, 16)


def test_channels_can_be_replaced(sandbox: Sandbox, door: Door) -> None:
    channel = {"pg_provider": "html5_inicis", "pg_id": "MOIshop", "sandbox": False, "type": "payment",
               "channel_name": "shop", "channel_key": "channel-key-x", "billing": False}  # fmt: skip
    door.call("POST", "/_sandbox/settings", json={"channels": [channel]})
    assert [c["pg_id"] for c in door.ok("GET", "/users/pg")] == ["MOIshop"]
    with pytest.raises(WindowRefused):
        opened(sandbox)
    assert sandbox.payment(opened(sandbox, channelKey="channel-key-x"))["pg_id"] == "MOIshop"


def test_users_pg_shows_the_documented_fields_only(door: Door) -> None:
    channels = door.ok("GET", "/users/pg")
    assert [channel["pg_id"] for channel in channels[:3]] == ["INIpayTest", "INIBillTst", "MOIsandbox"]
    documented = {"pg_provider", "pg_id", "sandbox", "type", "channel_name", "channel_key"}
    assert all(set(channel) == documented for channel in channels)
