"""Scheduled charges: booked, moved, revoked, executed when the sandbox's clock passes them, repeated by hand."""

from typing import Any

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import CARD, Door, bodies, registered

DAY = 86_400
LINK = "/subscribe/payments/schedule"


def book(sandbox: Sandbox, door: Door, merchant_uid: str = "s1", days: float = 1, **changes: Any) -> Any:
    entry = {"merchant_uid": merchant_uid, "schedule_at": int(sandbox.now() + days * DAY), "amount": 8_900,
             "currency": "KRW", "name": "월간 이용권", **changes}  # fmt: skip
    return door.ok("POST", LINK, json={"customer_uid": "card1", "schedules": [entry]})[0]


def pass_days(sandbox: Sandbox, door: Door, days: float) -> None:
    sandbox.advance(int(days * DAY))
    door.log_in()


def state(door: Door, merchant_uid: str = "s1") -> tuple[str, str | None]:
    record = door.ok("GET", f"{LINK}/{merchant_uid}")
    return record["schedule_status"], record["payment_status"]


def test_a_booked_charge_waits_with_no_payment(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    record = book(sandbox, door)
    assert (record["schedule_status"], record["payment_status"], record["imp_uid"]) == ("scheduled", None, None)
    assert (record["executed_at"], record["revoked_at"]) == (0, 0)


def test_it_is_charged_when_the_clock_passes_its_time_and_tells_by_webhook(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    sandbox.settings.set(webhook_url="https://shop.example/hook")
    book(sandbox, door)
    pass_days(sandbox, door, 0.9)
    assert state(door) == ("scheduled", None)
    pass_days(sandbox, door, 0.2)
    assert state(door) == ("executed", "paid")
    record = door.ok("GET", "/payments/find/s1")
    assert (record["customer_uid_usage"], record["amount"]) == ("payment.scheduled", 8_900)
    assert bodies(sandbox) == [("s1", "paid")]


def test_a_failed_attempt_tells_too_and_is_the_only_failure_that_does(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, card_number="5594100000001254")
    sandbox.webhooks.deliver = lambda url, body, content_type: 200
    sandbox.settings.set(webhook_url="https://shop.example/hook")
    book(sandbox, door)
    pass_days(sandbox, door, 2)
    assert state(door) == ("executed", "failed")
    assert door.ok("GET", f"{LINK}/s1")["fail_reason"] == "[1254] 잔액부족"
    assert bodies(sandbox) == [("s1", "failed")]


def test_it_is_charged_lazily_by_any_request(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    sandbox.settings.set(offset=2 * DAY)  # the clock passes without anybody advancing it
    door.log_in()
    assert state(door) == ("executed", "paid")


def test_an_unknown_customer_without_a_card_is_refused_and_with_one_is_registered(sandbox: Sandbox, door: Door) -> None:
    entry = {"merchant_uid": "s1", "schedule_at": sandbox.now() + DAY, "amount": 8_900, "name": "x"}
    body = {"customer_uid": "card1", "schedules": [entry]}
    assert door.refused("POST", LINK, json=body) == (200, 1, "등록된 고객정보가 없습니다.")
    assert door.ok("POST", LINK, json={**body, **CARD})
    assert sandbox.keys.get("card1")


def test_a_duplicate_merchant_uid_refuses_the_whole_call(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    entries = [
        {"merchant_uid": uid, "schedule_at": sandbox.now() + DAY, "amount": 8_900, "name": "x"} for uid in ("s2", "s1")
    ]
    body = {"customer_uid": "card1", "schedules": entries}
    assert door.refused("POST", LINK, json=body)[:2] == (200, 1)
    assert door.refused("GET", f"{LINK}/s2")[0] == 404


def test_nested_form_bodies_book_as_json_does(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    form = {
        "customer_uid": "card1",
        "schedules[0][merchant_uid]": "s1",
        "schedules[0][schedule_at]": str(sandbox.now() + DAY),
        "schedules[0][amount]": "8900",
        "schedules[0][name]": "월간 이용권",
    }
    assert door.ok("POST", LINK, data=form)[0]["amount"] == 8_900


def test_unschedule_revokes_the_named_or_all_and_says_when_nothing_matched(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    for uid in ("s1", "s2", "s3"):
        book(sandbox, door, uid)
    path = "/subscribe/payments/unschedule"
    revoked = door.ok("POST", path, json={"customer_uid": "card1", "merchant_uid": ["s1"]})
    assert [(r["merchant_uid"], r["schedule_status"]) for r in revoked] == [("s1", "revoked")]
    assert len(door.ok("POST", path, json={"customer_uid": "card1"})) == 2
    nothing = (200, 1, "취소할 예약결제 기록이 존재하지 않습니다.")
    assert door.refused("POST", path, json={"customer_uid": "card1", "merchant_uid": "s1"}) == nothing
    assert door.refused("POST", path, json={"customer_uid": "other"}) == nothing


def test_unschedule_reads_merchant_uid_from_a_form_array(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    for uid in ("s1", "s2", "s3"):
        book(sandbox, door, uid)
    form = {"customer_uid": "card1", "merchant_uid[]": ["s1", "s2"]}
    assert len(door.ok("POST", "/subscribe/payments/unschedule", data=form)) == 2


def test_another_customers_schedule_is_not_revoked(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    body = {"customer_uid": "other", "merchant_uid": ["s1"]}
    assert door.refused("POST", "/subscribe/payments/unschedule", json=body)[:2] == (200, 1)
    assert state(door) == ("scheduled", None)


def test_only_a_waiting_one_can_be_moved_and_only_forward(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    later = sandbox.now() + 3 * DAY
    assert door.ok("PUT", f"{LINK}/s1", json={"schedule_at": later})["schedule_at"] == later
    assert door.refused("PUT", f"{LINK}/s1", json={"schedule_at": sandbox.now() - 1})[0] == 400
    assert door.refused("PUT", f"{LINK}/s1", json={})[0] == 400
    assert door.refused("PUT", f"{LINK}/unknown", json={"schedule_at": later})[0] == 404
    pass_days(sandbox, door, 4)
    assert door.refused("PUT", f"{LINK}/s1", json={"schedule_at": later + 9 * DAY})[0] == 400


def test_only_failed_or_revoked_ones_can_be_repeated(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    at = {"schedule_at": sandbox.now() + 9 * DAY}
    assert door.refused("POST", f"{LINK}/s1/retry")[0] == 400
    assert door.refused("POST", f"{LINK}/s1/reschedule", json=at)[0] == 400
    pass_days(sandbox, door, 2)
    assert door.refused("POST", f"{LINK}/s1/retry") == (400, 1, "이미 승인된 결제예약입니다.")
    assert door.refused("POST", f"{LINK}/s1/reschedule", json=at)[0] == 400
    assert door.refused("POST", f"{LINK}/unknown/retry")[0] == 404


def test_a_retry_keeps_the_merchant_uid_and_makes_a_new_payment(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, card_number="5594100000001254")
    book(sandbox, door)
    pass_days(sandbox, door, 2)
    door.ok("POST", "/subscribe/customers/card1", json=CARD)
    record = door.ok("POST", f"{LINK}/s1/retry")
    assert (record["merchant_uid"], record["status"]) == ("s1", "paid")
    assert [r["status"] for r in sandbox.payments_of("s1")] == ["failed", "paid"]
    assert state(door) == ("executed", "paid")


def test_a_revoked_one_can_be_booked_again_under_its_number(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    door.ok("POST", "/subscribe/payments/unschedule", json={"customer_uid": "card1"})
    again = door.ok("POST", f"{LINK}/s1/reschedule", json={"schedule_at": sandbox.now() + 5 * DAY})
    assert (again["schedule_status"], again["revoked_at"]) == ("scheduled", 0)
    pass_days(sandbox, door, 6)
    assert state(door) == ("executed", "paid")


def test_a_key_deleted_before_its_time_fails_the_schedule_and_its_retry_is_404(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    sandbox.keys.delete("card1")
    pass_days(sandbox, door, 2)
    assert state(door) == ("executed", "failed")
    assert door.refused("POST", f"{LINK}/s1/retry")[0] == 404


def test_a_later_refund_shows_in_the_schedule(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    pass_days(sandbox, door, 2)
    sandbox.console_cancel(sandbox.payments_of("s1")[0]["imp_uid"])
    assert state(door) == ("executed", "cancelled")


def test_the_lists_take_a_half_open_window_of_three_months(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    at = [book(sandbox, door, f"s{n}", days=n)["schedule_at"] for n in (1, 2, 3)]
    found = door.ok("GET", LINK, params={"schedule_from": at[0], "schedule_to": at[2]})
    assert [record["merchant_uid"] for record in found["list"]] == ["s2", "s1"]
    oldest = door.ok("GET", LINK, params={"schedule_from": at[0], "schedule_to": at[2], "sorting": "scheduled"})
    assert [record["merchant_uid"] for record in oldest["list"]] == ["s1", "s2"]
    assert door.refused("GET", LINK, params={"schedule_from": at[0]})[0] == 400
    assert door.refused("GET", LINK, params={"schedule_from": at[0], "schedule_to": at[0] + 94 * DAY})[0] == 400


def test_the_lists_of_a_customer_filter_by_state_under_both_addresses(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door, "s1")
    book(sandbox, door, "s2")
    door.ok("POST", "/subscribe/payments/unschedule", json={"customer_uid": "card1", "merchant_uid": ["s2"]})
    query = {"from": sandbox.now(), "to": sandbox.now() + 9 * DAY, "schedule-status": "revoked"}
    for path in ("/subscribe/customers/card1/schedules", f"{LINK}/customers/card1"):
        found = door.ok("GET", path, params=query)
        assert ([record["merchant_uid"] for record in found["list"]], found["total"]) == (["s2"], 1)
        assert door.refused("GET", path, params={**query, "schedule-status": "late"})[0] == 400


def test_the_lists_can_be_the_documents_array(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    book(sandbox, door)
    sandbox.settings.set(schedule_list="array")
    query = {"schedule_from": sandbox.now(), "schedule_to": sandbox.now() + 9 * DAY}
    assert [record["merchant_uid"] for record in door.ok("GET", LINK, params=query)] == ["s1"]


def test_a_checking_amount_finds_a_card_that_declines(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox, card_number="5594100000001226")
    entry = {"merchant_uid": "s1", "schedule_at": sandbox.now() + DAY, "amount": 8_900, "name": "x"}
    body = {"customer_uid": "card1", "checking_amount": 100, "schedules": [entry]}
    assert door.refused("POST", LINK, json=body)[:2] == (200, -1)
