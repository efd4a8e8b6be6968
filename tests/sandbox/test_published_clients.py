"""What clients that others published for PortOne V1 send, and the answers that their own tests expect."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from portone_django.sandbox.ledger import Sandbox
from tests.sandbox.door import CARD, Door, paid, registered

# The Python client: a bare token, JSON bodies, and nothing but what it requires itself.


@pytest.fixture
def python(door: Door) -> Door:
    door.headers = {"Authorization": door.headers["Authorization"].removeprefix("Bearer ")}
    return door


def send(door: Door, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {**door.headers, "Content-Type": "application/json"}
    answer = door.call("POST", path, data=json.dumps(body), headers=headers)
    assert answer.status_code == 200
    content: dict[str, Any] = answer.json()
    return content


def test_python_charges_without_name_and_buyer(sandbox: Sandbox, python: Door) -> None:
    registered(sandbox)
    body = {"customer_uid": "card1", "merchant_uid": "1234qwer", "amount": 5000}
    assert send(python, "/subscribe/payments/again", body)["response"]["status"] == "paid"


def test_python_expects_minus_one_for_its_unknown_customer(python: Door) -> None:
    body = {"customer_uid": "00000000", "merchant_uid": "1234qwer", "amount": 5000}
    assert send(python, "/subscribe/payments/again", body)["code"] == -1


def test_python_expects_an_expired_card_in_band(python: Door) -> None:
    card = {"card_number": "4092-0230-1234-1234", "expiry": "2019-03", "birth": "500203"}
    content = send(python, "/subscribe/customers/customer_1234", {**card, "customer_uid": "customer_1234"})
    assert content["code"] == -1
    assert "카드정보 인증 및 빌키 발급에 실패하였습니다." in content["message"]
    content = send(python, "/subscribe/payments/onetime", {**card, "merchant_uid": "x", "amount": 5000})
    assert content["code"] == -1
    assert "카드정보 인증에 실패하였습니다." in content["message"]


def test_python_expects_200_for_an_unknown_key_and_404_for_an_unknown_payment(python: Door) -> None:
    assert python.get("/subscribe/customers/000000").status_code == 200
    assert python.get("/payments/test").status_code == 404
    assert python.get("/payments/find/âàáaā").status_code == 404
    assert python.get("/certifications/imp_12341234").status_code == 404


def test_python_still_posts_foreign_payments_and_expects_a_refusal_in_band(python: Door) -> None:
    body = {"merchant_uid": "uid", "amount": 100, "card_number": "card-number", "expiry": "2016-08"}
    assert send(python, "/subscribe/payments/foreign", body)["code"] == -1


def test_python_revokes_one_schedule_by_a_bare_string(sandbox: Sandbox, python: Door) -> None:
    registered(sandbox)
    entry = {"merchant_uid": "s1", "schedule_at": sandbox.now() + 1000, "amount": 5000}
    assert send(python, "/subscribe/payments/schedule", {"customer_uid": "card1", "schedules": [entry]})["code"] == 0
    body = {"customer_uid": "card1", "merchant_uid": "s1"}
    assert send(python, "/subscribe/payments/unschedule", body)["response"][0]["schedule_status"] == "revoked"


# The Node client: Bearer, params in brackets, `undefined` written out, paged lists.


def test_node_writes_undefined_into_the_path_when_it_has_no_status(sandbox: Sandbox, door: Door) -> None:
    paid(sandbox)
    assert door.ok("GET", "/payments/find/order1/undefined")["status"] == "paid"
    assert door.ok("GET", "/payments/findAll/order1/undefined")["total"] == 1


def test_node_joins_a_base_url_that_ends_in_a_slash(door: Door) -> None:
    assert door.ok("GET", "//users/pg")


def test_node_reads_schedules_as_a_page(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    query = {"from": sandbox.now(), "to": sandbox.now() + 86_400, "schedule-status": "scheduled", "page": 1}
    page = door.ok("GET", "/subscribe/payments/schedule/customers/card1", params=query)
    assert page == {"total": 0, "previous": 0, "next": 0, "list": []}


def test_node_issues_a_key_without_channel_and_an_account_without_channel(sandbox: Sandbox, door: Door) -> None:
    assert door.ok("POST", "/subscribe/customers/card1", json=CARD)["customer_uid"] == "card1"
    body = {"merchant_uid": "v1", "amount": 1000, "vbank_code": "088", "vbank_due": sandbox.now() + 9999,
            "vbank_holder": "상점"}  # fmt: skip
    assert door.ok("POST", "/vbanks", json=body)["status"] == "ready"


def test_node_writes_null_for_a_checksum_it_has_not(sandbox: Sandbox, door: Door) -> None:
    body = {"imp_uid": paid(sandbox), "merchant_uid": "order1", "amount": 100, "checksum": None, "reason": "x"}
    assert door.ok("POST", "/payments/cancel", json=body)["cancel_amount"] == 100


def test_node_asks_for_a_holder_and_changes_an_account(sandbox: Sandbox, door: Door) -> None:
    assert door.ok("GET", "/vbanks/holder", params={"bank_code": "004", "bank_num": "12345678901234"}) == {
        "bank_holder": "홍길동"
    }
    assert door.refused("GET", "/vbanks/holder", params={"bank_code": "xx", "bank_num": "1"})[0] == 404
    assert door.refused("PUT", "/vbanks/imp_1", json={"amount": 2_000})[0] == 404


# PHP and Ruby write `[]` for no parameters, nested forms, and bodies below GET and DELETE.


@pytest.mark.parametrize("body", ["[]", "{}", "null", ""])
def test_php_reads_and_deletes_with_an_empty_json_body(sandbox: Sandbox, door: Door, body: str) -> None:
    registered(sandbox)
    headers = {**door.headers, "Content-Type": "application/json"}
    for method in ("GET", "DELETE"):
        assert door.ok(method, "/subscribe/customers/card1", data=body, headers=headers)["customer_uid"] == "card1"


NESTED = [
    "schedules[0][merchant_uid]=s1&schedules[0][schedule_at]={at}&schedules[0][amount]=100"
    "&schedules[1][merchant_uid]=s2&schedules[1][schedule_at]={at}&schedules[1][amount]=200",
    "schedules[][merchant_uid]=s1&schedules[][schedule_at]={at}&schedules[][amount]=100"
    "&schedules[][merchant_uid]=s2&schedules[][schedule_at]={at}&schedules[][amount]=200",
    urlencode({"schedules": '[{"merchant_uid": "s1", "schedule_at": AT, "amount": 100}, '
               '{"merchant_uid": "s2", "schedule_at": AT, "amount": 200}]'}).replace("AT", "{at}"),
]  # fmt: skip


@pytest.mark.parametrize("form", NESTED)
def test_schedules_may_come_in_a_form(sandbox: Sandbox, door: Door, form: str) -> None:
    registered(sandbox)
    at = sandbox.now() + 1_000
    body = "customer_uid=card1&" + form.replace("{at}", str(at))
    headers = {**door.headers, "Content-Type": "application/x-www-form-urlencoded"}
    booked = door.ok("POST", "/subscribe/payments/schedule", data=body, headers=headers)
    assert [(one["merchant_uid"], one["schedule_at"], one["amount"]) for one in booked] == [
        ("s1", at, 100),
        ("s2", at, 200),
    ]


def test_a_field_of_schedules_that_is_no_list_is_refused(sandbox: Sandbox, door: Door) -> None:
    registered(sandbox)
    for wrong in ("nonsense", "{}", "[]", "1"):
        body = {"customer_uid": "card1", "schedules": wrong}
        assert door.refused("POST", "/subscribe/payments/schedule", data=body)[0] == 400


# Go and others send forms.


def test_go_leaves_blanks_in_its_forms(door: Door) -> None:
    headers = {**door.headers, "Content-Type": "application/x-www-form-urlencoded"}
    body = "merchant_uid=order1& amount=1000"
    assert door.ok("POST", "/payments/prepare", data=body, headers=headers)["amount"] == 1000


@pytest.mark.parametrize("number", ["1111-1111-1111-1111", "1234-1234-1234-1234", "0000-0000-0000-0000", "1234"])
@pytest.mark.parametrize("path", ["/subscribe/customers/c1", "/subscribe/payments/onetime"])
def test_a_made_up_expired_card_is_refused_in_the_words_that_clients_expect(door: Door, path: str, number: str) -> None:
    body = {"card_number": number, "expiry": "2022-06", "birth": "960714", "merchant_uid": "o",
            "amount": 1_000}  # fmt: skip
    status, code, message = door.refused("POST", path, data=body)
    assert (status, code) == (200, -1)
    assert "유효하지않은 카드번호를 입력하셨습니다." in message


def test_node_cancels_nothing_in_particular_and_is_told_to_name_it(door: Door) -> None:
    status, code, message = door.refused("POST", "/payments/cancel", json={})
    assert (status, code) == (200, 1)
    assert "지정해주셔야합니다." in message


@pytest.mark.parametrize("body", [{}, {"imp_key": "sandbox-key"}, {"imp_key": "", "imp_secret": "x"}])
def test_node_asks_for_a_token_without_keys_and_is_told_their_names(door: Door, body: dict[str, str]) -> None:
    message = "imp_key, imp_secret 파라메터가 누락되었습니다."
    assert door.refused("POST", "/users/getToken", json=body) == (400, 1, message)


@pytest.mark.parametrize("path", ["/payments/status/undefined", "/payments/findAll/order1/paying"])
def test_node_asks_for_a_status_that_does_not_exist(door: Door, path: str) -> None:
    assert door.refused("GET", path) == (400, 1, "지원되지 않는 상태값입니다.")


def test_the_number_that_manuals_print_registers(door: Door) -> None:
    body = {**CARD, "card_number": "1234-1234-1234-1234"}
    assert door.ok("POST", "/subscribe/customers/c1", data=body)["card_number"] == "123412*********4"


def test_go_asks_for_several_with_repeated_keys(sandbox: Sandbox, door: Door) -> None:
    uids = [paid(sandbox, "a"), paid(sandbox, "b")]
    query = "&".join(f"imp_uid%5B%5D={uid}" for uid in uids)
    assert [record["imp_uid"] for record in door.ok("GET", f"/payments?{query}")] == uids


def test_a_form_body_may_come_with_a_charset(sandbox: Sandbox, door: Door) -> None:
    headers = {**door.headers, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    body = "merchant_uid=order1&amount=1000"
    assert door.ok("POST", "/payments/prepare", data=body, headers=headers)["amount"] == 1000
