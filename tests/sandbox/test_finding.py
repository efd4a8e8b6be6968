"""Look-ups: hidden test payments, several at once, one merchant_uid with many records, pages by status and time."""

import pytest

from portone_django.sandbox.catalogue import LIVE_CHANNEL
from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import Door, opened, paid

DAY = 86_400


def test_a_test_payment_is_hidden_unless_asked_for(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    unknown = (404, -1, "존재하지 않는 결제정보입니다.")
    assert door.refused("GET", f"/payments/{imp_uid}") == unknown
    assert door.refused("GET", f"/payments/{imp_uid}", params={"include_sandbox": "false"}) == unknown
    assert door.ok("GET", f"/payments/{imp_uid}", params={"include_sandbox": "true"})["sandbox"] is True


def test_a_live_payment_is_shown_with_and_without_include_sandbox(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, channelKey=LIVE_CHANNEL)
    assert door.ok("GET", f"/payments/{imp_uid}")["sandbox"] is False
    assert door.ok("GET", f"/payments/{imp_uid}", params={"include_sandbox": "true"})["imp_uid"] == imp_uid


def test_hiding_can_be_switched_off(sandbox: Sandbox, door: Door) -> None:
    sandbox.settings.set(sandbox_hidden=False)
    assert door.ok("GET", f"/payments/{paid(sandbox)}")["status"] == "paid"


def test_only_the_single_look_up_hides(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox)
    assert door.ok("GET", "/payments/find/order1")["imp_uid"] == imp_uid
    assert door.ok("GET", "/payments/findAll/order1")["total"] == 1
    assert door.ok("GET", "/payments", params={"imp_uid[]": imp_uid})[0]["imp_uid"] == imp_uid


def test_several_are_200_when_all_207_when_some_404_when_none_exist(sandbox: Sandbox, door: Door) -> None:
    first, second = paid(sandbox, "a"), paid(sandbox, "b")
    assert len(door.ok("GET", "/payments", params={"imp_uid[]": [first, second]})) == 2
    partly = door.get("/payments", **{"imp_uid[]": [first, "imp_000000000000"]})
    assert partly.status_code == 207
    assert (partly.json()["code"], [r["imp_uid"] for r in partly.json()["response"]]) == (0, [first])
    assert door.refused("GET", "/payments", params={"imp_uid[]": "imp_000000000000"})[0] == 404


@pytest.mark.parametrize("query", ["merchant_uid[]=a&merchant_uid[]=b", "merchant_uid=a&merchant_uid=b",
                                   "merchant_uid[0]=a&merchant_uid[1]=b"])  # fmt: skip
def test_arrays_of_the_query_may_be_written_in_each_usual_way(sandbox: Sandbox, door: Door, query: str) -> None:
    expected = {paid(sandbox, "a"), paid(sandbox, "b")}
    assert {record["imp_uid"] for record in door.ok("GET", f"/payments?{query}")} == expected


def test_find_answers_the_latest_started_which_need_not_be_the_paid_one(sandbox: Sandbox, door: Door) -> None:
    paid_uid = opened(sandbox)
    sandbox.advance(60)
    left_uid = opened(sandbox)
    sandbox.approve(paid_uid)
    assert door.ok("GET", "/payments/find/order1")["imp_uid"] == left_uid
    assert door.ok("GET", "/payments/find/order1/paid")["imp_uid"] == paid_uid
    assert door.ok("GET", "/payments/find/order1", params={"sorting": "started"})["imp_uid"] == paid_uid
    assert door.ok("GET", "/payments/find/order1/", params={"sorting": "-paid"})["imp_uid"] == paid_uid
    assert door.refused("GET", "/payments/find/order1/cancelled")[0] == 404


def test_records_of_one_second_keep_their_order(sandbox: Sandbox, door: Door) -> None:
    uids = [opened(sandbox) for _ in range(3)]
    newest_first = [record["imp_uid"] for record in door.ok("GET", "/payments/findAll/order1")["list"]]
    assert newest_first == uids[::-1]
    oldest_first = door.ok("GET", "/payments/findAll/order1", params={"sorting": "started"})["list"]
    assert [record["imp_uid"] for record in oldest_first] == uids


def test_the_last_updated_comes_first_when_asked_for(sandbox: Sandbox, door: Door) -> None:
    first, second = opened(sandbox), opened(sandbox)
    sandbox.advance(60)
    sandbox.fail(first)
    assert door.ok("GET", "/payments/find/order1")["imp_uid"] == second
    assert door.ok("GET", "/payments/find/order1", params={"sorting": "-updated"})["imp_uid"] == first


def test_find_all_pages_and_counts(sandbox: Sandbox, door: Door) -> None:
    for _ in range(5):
        opened(sandbox)
    pages = [door.ok("GET", "/payments/findAll/order1", params={"page": n, "limit": 2}) for n in (1, 2, 3)]
    assert [(p["total"], p["previous"], p["next"], len(p["list"])) for p in pages] == [
        (5, 0, 2, 2),
        (5, 1, 3, 2),
        (5, 2, 0, 1),
    ]
    assert len({record["imp_uid"] for page in pages for record in page["list"]}) == 5


def test_find_all_refuses_bad_statuses_and_unknown_ids(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    assert door.refused("GET", "/payments/findAll/order1/bought")[0] == 400
    assert door.refused("GET", "/payments/find/order1/bought")[0] == 404
    assert door.refused("GET", "/payments/findAll/unknown")[0] == 404
    assert door.refused("GET", "/payments/findAll/order1", params={"limit": 1001})[0] == 400
    assert door.refused("GET", "/payments/findAll/order1", params={"sorting": "amount"})[0] == 400


def test_pages_by_status_use_the_time_of_that_status(sandbox: Sandbox, door: Door) -> None:
    imp_uid = opened(sandbox)
    sandbox.advance(10 * DAY)
    door.log_in()
    sandbox.approve(imp_uid)
    paid_at = sandbox.payment(imp_uid)["paid_at"]
    at = {"from": paid_at, "to": paid_at}
    assert door.ok("GET", "/payments/status/paid", params=at)["total"] == 1
    assert door.ok("GET", "/payments/status/all", params=at)["total"] == 1
    before = {"from": paid_at - 20 * DAY, "to": paid_at - 1}
    assert door.ok("GET", "/payments/status/paid", params=before)["total"] == 0


def test_pages_by_status_cover_90_days_by_default_and_at_most(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    now = sandbox.now()
    assert door.ok("GET", "/payments/status/paid")["total"] == 1
    assert door.refused("GET", "/payments/status/paid", params={"from": now - 90 * DAY - 1, "to": now})[0] == 400
    sandbox.advance(91 * DAY)
    door.log_in()
    assert door.ok("GET", "/payments/status/paid")["total"] == 0


def test_pages_by_status_refuse_a_bad_status_and_a_page_beyond_the_last(sandbox: Sandbox, door: Door) -> None:
    for number in range(3):
        paid(sandbox, f"order{number}")
    assert door.refused("GET", "/payments/status/bought")[0] == 400
    last = door.ok("GET", "/payments/status/paid", params={"limit": 2, "page": 2})
    assert (last["total"], last["previous"], last["next"], len(last["list"])) == (3, 1, 0, 1)
    assert door.refused("GET", "/payments/status/paid", params={"limit": 2, "page": 3})[0] == 400


def test_a_quoted_slash_stays_inside_the_merchant_uid(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox, "a/b c")
    assert door.ok("GET", "/payments/find/a%2Fb%20c")["merchant_uid"] == "a/b c"


def test_the_balance_is_what_is_left_split_into_supply_and_vat(sandbox: Sandbox, door: Door) -> None:
    imp_uid = paid(sandbox, amount=11_000)
    balance = door.ok("GET", f"/payments/{imp_uid}/balance")
    assert balance["amount"] == 11_000
    assert balance["primary"] == {"tax_free": 0, "supply": 10_000, "vat": 1_000, "service": 0}
    assert door.refused("GET", "/payments/imp_000000000000/balance")[0] == 404


def test_trailing_and_doubled_slashes_and_head_are_tolerated(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    assert door.ok("GET", "//payments//find/order1/")["status"] == "paid"
    assert door.call("HEAD", "/payments/find/order1").status_code == 200


def test_unknown_addresses_are_404_in_the_envelope(door: Door) -> None:
    for method, path in (("GET", "/nothing"), ("POST", "/payco/orders/status/imp_1"), ("DELETE", "/cards")):
        assert door.refused(method, path)[0] == 404
