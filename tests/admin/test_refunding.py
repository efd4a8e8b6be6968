"""The refund form: a look at the totals, one send however often it is pressed, and what happened in plain words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.management import call_command

from portone_django.flows import refunds as flow
from portone_django.models import Event, Refund
from tests.security.test_canaries import rows
from tests.shop import Shop
from tests.wire import cancels_sent, fresh

from .desk import ACCOUNT, ALL, Operator

pytestmark = pytest.mark.django_db(transaction=True)

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'


@pytest.fixture
def operator(db: None) -> Operator:
    return Operator(*ALL)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return cancels_sent(monkeypatch)


# The way of one refund -------------------------------------------------------------------------------------------


def test_a_part_goes_back_after_a_look_at_the_totals(shop: Shop, operator: Operator, sent: list[Any]) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk)
    assert "Remains KRW 12,900" in operator.text
    assert operator.fields()["amount"] == "", "nothing is filled in"

    operator.press("look", amount="2,900", reason="변심")
    assert "Went back KRW 0 + KRW 2,900 KRW 2,900" in operator.text
    assert "Remains KRW 12,900 − KRW 2,900 KRW 10,000" in operator.text
    assert (sent, Refund.objects.count()) == ([], 0), "the look sends nothing"

    operator.press("send")
    refund = Refund.objects.get()
    assert (refund.state, refund.amount, refund.reason, refund.source) == ("succeeded", 2900, "변심", "admin")
    assert refund.requested_by == operator.user
    assert Event.objects.get(kind="refund.reserved").data["user"] == operator.user.pk
    assert operator.response.redirect_chain[-1] == (f"/admin/portone/payment/{payment.pk}/change/", 303)
    assert "KRW 2,900 went back." in operator.text
    assert fresh(payment).order.refunded_amount == 2900
    assert len(sent) == 1


def test_all_that_remains_is_one_button(shop: Shop, operator: Operator) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    operator.refund(payment, amount="1100", tax_free_amount="0", vat_amount="100")
    operator.open("payment_refund", payment.pk).press("everything", reason="나머지")
    assert "Refund KRW 11,800?" in operator.text
    operator.press("send")
    rest = payment.refunds.latest("pk")
    assert (rest.state, rest.amount, rest.tax_free_amount, rest.vat_amount) == ("succeeded", 11800, 2900, 809)
    assert fresh(payment).state == "refunded"


def test_the_way_back_keeps_what_was_typed(shop: Shop, operator: Operator) -> None:
    payment = shop.paid(vat_amount=1172)
    operator.open("payment_refund", payment.pk).press("look", amount="2900", vat_amount="263", reason="색상 & <크기>")
    operator.press("back")
    typed = operator.fields()
    assert (typed["amount"], typed["vat_amount"], typed["reason"]) == ("2900", "263", "색상 & <크기>")
    operator.press("look").press("send")
    assert Refund.objects.get().reason == "색상 & <크기>"


# Once, however often ---------------------------------------------------------------------------------------------


def test_the_same_form_sent_again_and_again_refunds_once(shop: Shop, operator: Operator, sent: list[Any]) -> None:
    payment = shop.paid()
    look = operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    url, fields = look.url, {**look.fields(), "send": "1"}
    for _ in range(3):
        answer = operator.browser.post(url, fields, follow=True)
        assert "KRW 900 went back." in answer.content.decode()
    assert (Refund.objects.count(), len(sent)) == (1, 1)


def test_a_whole_refund_sent_again_is_the_same_one(shop: Shop, operator: Operator, sent: list[Any]) -> None:
    payment = shop.paid()
    look = operator.open("payment_refund", payment.pk).press("everything", reason="x")
    url, fields = look.url, {**look.fields(), "send": "1"}
    for _ in range(2):
        assert "KRW 12,900 went back." in operator.browser.post(url, fields, follow=True).content.decode()
    assert (Refund.objects.count(), len(sent)) == (1, 1)


def test_a_reloaded_form_and_its_second_tab_are_one_form(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk)
    address, number = operator.url, operator.fields()["form"]
    reloaded = operator.browser.get(address).content.decode()
    assert f'value="{number}"' in reloaded
    operator.press("look", amount="900", reason="x").press("send")
    assert Refund.objects.get().reference == number
    # The other tab, still on the old form, is told; and once it is used, its address opens a new one.
    again = operator.browser.post(address, {"form": number, "amount": "5000", "reason": "x", "look": "1"})
    confirmed = {"form": number, "amount": "5000", "reason": "x", "seen": "12000", "send": "1"}
    assert again.status_code == 200
    assert "used for another refund already" in operator.browser.post(address, confirmed).content.decode()
    assert number not in operator.browser.get(address, follow=True).redirect_chain[-1][0]
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("number", ["", "x", "admin-", "admin-" + "g" * 32, "order-17"])
def test_a_form_without_its_number_sends_nothing(shop: Shop, operator: Operator, number: str) -> None:
    payment = shop.paid()
    fields = {"form": number, "amount": "900", "reason": "x", "seen": "12900", "send": "1"}
    answer = operator.browser.post(operator.open("payment_refund", payment.pk).url, fields)
    assert answer.status_code == 302
    assert not Refund.objects.exists()


# What an operator is told ----------------------------------------------------------------------------------------


def test_portones_refusal_is_readable_and_says_what_to_do(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    shop.sandbox.cancel_at_inicis(payment.imp_uid)
    operator.refund(payment, amount="900")
    assert "KRW 900 did not go back. PortOne refused:" in operator.text
    assert "500626" in operator.text
    assert "record a refund made elsewhere" in operator.text


@pytest.mark.parametrize(
    ("fault", "state"), [({"path": "/payments/cancel"}, "unknown"), ({"method": "GET", "times": 9}, "reserved")]
)
def test_no_answer_is_told_as_no_answer(shop: Shop, operator: Operator, fault: dict[str, Any], state: str) -> None:
    payment = shop.paid()
    shop.sandbox.faults.add("http_503", **fault)
    operator.refund(payment, amount="900")
    assert Refund.objects.get().state == state
    assert "PortOne has not answered yet about KRW 900." in operator.text
    assert "do not refund again" in operator.text
    operator.open("payment_refund", payment.pk)
    assert "is not decided yet" in operator.text
    assert 'name="look"' not in operator.page, "no second one meanwhile"


def test_a_cancel_in_the_console_before_the_send_is_told_and_nothing_is_sent(
    shop: Shop, operator: Operator, sent: list[Any]
) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    operator.press("send")
    assert "Nothing was sent: meanwhile something else was cancelled, and PortOne holds KRW 7,900" in operator.text
    assert sent == []


def test_a_balance_that_moved_since_the_look_is_shown_again_first(
    shop: Shop, operator: Operator, sent: list[Any]
) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    payment.sync()
    operator.press("send")
    assert "Nothing was sent: what remains of the payment has changed" in operator.text
    assert "Remains KRW 7,900 − KRW 900 KRW 7,000" in operator.text
    assert sent == []
    operator.press("send")
    assert "KRW 900 went back." in operator.text


def test_another_operators_open_refund_is_told_and_nothing_typed_is_lost(
    shop: Shop, operator: Operator, sent: list[Any]
) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="변심")
    shop.sandbox.faults.add("http_503", method="GET", times=9)
    payment.refund(amount=100, reason="x")
    operator.press("send")
    assert "A refund of KRW 100 is not decided yet (Reserved)" in operator.text
    assert sent == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": ""}, "This field is required"),
        ({"amount": "0"}, "greater than or equal to 1"),
        ({"amount": "-1"}, "greater than or equal to 1"),
        ({"amount": "12901"}, "At most KRW 12,900"),
        ({"amount": "9" * 400}, "At most KRW 12,900"),
        ({"amount": "9" * 5000}, "Write an amount in won"),
        ({"amount": "900.5"}, "Write an amount in won"),
        ({"amount": "abc"}, "Write an amount in won"),
        ({"reason": " "}, "This field is required"),
        ({"reason": "x" * 201}, "at most 200 characters"),
        ({"reason": "a\x00b"}, "Null characters"),
    ],
)
@pytest.mark.parametrize("button", ["look", "send"])
def test_what_cannot_be_is_said_beside_its_field(
    shop: Shop, operator: Operator, typed: dict[str, str], said: str, button: str
) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk)
    operator.press(button, **{"amount": "900", "reason": "변심", "seen": "12900", **typed})
    assert said in operator.text
    assert not Refund.objects.exists()
    kept = operator.fields()
    for name, value in {"amount": "900", "reason": "변심"}.items():
        assert name in typed or kept[name] == value


# Taxes -----------------------------------------------------------------------------------------------------------


def test_parts_are_asked_for_only_where_the_payment_stated_them(shop: Shop, operator: Operator) -> None:
    assert "vat_amount" not in operator.open("payment_refund", shop.paid().pk).fields()
    stated = operator.open("payment_refund", shop.paid(tax_free_amount=2900, vat_amount=909).pk)
    assert {"tax_free_amount", "vat_amount"} <= set(stated.fields())
    assert "0 to KRW 909" in operator.text
    zero_rated = operator.open("payment_refund", shop.paid(tax_free_amount=0, vat_amount=0).pk)
    assert not {"tax_free_amount", "vat_amount"} & set(zero_rated.fields())


def test_the_range_that_is_possible_is_said_for_each_part(shop: Shop, operator: Operator) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    assert "between KRW 0 and KRW 900" in operator.text
    operator.press("look", amount="900", tax_free_amount="889")
    assert "between KRW 0 and KRW 11" in operator.text
    operator.press("look", amount="900", tax_free_amount="900")
    assert "of it tax-free KRW 2,900 − KRW 900 KRW 2,000" in operator.text
    operator.press("send")
    refund = Refund.objects.get()
    assert (refund.state, refund.tax_free_amount, refund.vat_amount) == ("succeeded", 900, 0)


def test_after_a_cancel_in_the_console_even_all_that_remains_needs_its_parts(shop: Shop, operator: Operator) -> None:
    payment = shop.paid(tax_free_amount=2900, vat_amount=909)
    shop.sandbox.console_cancel(payment.imp_uid, 5000)
    payment.sync()
    operator.open("payment_refund", payment.pk).press("everything", reason="x")
    assert "between KRW 0 and KRW 2,900" in operator.text
    operator.press("everything", reason="x", tax_free_amount="2900", vat_amount="454").press("send")
    assert (Refund.objects.filter(source="admin").get().state, fresh(payment).state) == ("succeeded", "refunded")


# Virtual accounts ------------------------------------------------------------------------------------------------


def test_a_virtual_accounts_money_goes_to_the_account_that_is_typed_on_the_second_page(
    shop: Shop, operator: Operator, sent: list[Any]
) -> None:
    payment = shop.deposited()
    assert 'name="holder"' not in operator.open("payment_refund", payment.pk).page
    operator.press("look", amount="900", reason="x")
    assert 'name="holder"' in operator.page
    for name in ("bank", "number", "holder", "tel"):
        (tag,) = re.findall(rf'<(?:input|select)[^>]* name="{name}"[^>]*>', operator.page)
        assert 'autocomplete="off"' in tag
    operator.press("send", **ACCOUNT)
    assert "KRW 900 went back." in operator.text
    assert (sent[0]["refund_account"], sent[0]["refund_bank"]) == ("56211105948400", "88")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bank": ""}, "This field is required"),
        ({"bank": "999"}, "Choose a bank"),
        ({"number": ""}, "This field is required"),
        ({"number": "12-34"}, "6 to 20 digits"),
        ({"number": "562-1110-594840X"}, "6 to 20 digits"),
        ({"holder": "길" * 31}, "at most 30 characters"),
        ({"tel": "abc"}, "8 to 12 digits"),
    ],
)
def test_a_wrong_account_is_said_and_none_of_it_is_shown_again(
    shop: Shop, operator: Operator, wrong: dict[str, str], said: str
) -> None:
    payment = shop.deposited()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="변심")
    operator.press("send", **{**ACCOUNT, "tel": "010-9753-1086", **wrong})
    assert said in operator.text
    for typed in ("562-1110-594840", "56211105948400", '홍길동"', "010-9753-1086", 'value="088" selected'):
        assert typed not in operator.page
    assert (operator.fields()["amount"], operator.fields()["reason"]) == ("900", "변심"), "the rest is kept"
    assert not Refund.objects.exists()
    operator.press("send", **ACCOUNT)
    assert "KRW 900 went back." in operator.text


@pytest.mark.parametrize("end", ["http_500", "timeout_after", "refused", "wrong_form", "crash"])
def test_the_account_is_in_no_row_no_session_no_page_and_no_log(
    shop: Shop, operator: Operator, end: str, caplog: Any, monkeypatch: Any, settings: Any, mailoutbox: list[Any]
) -> None:
    settings.ADMINS = [("Admin", "admin@shop.example")]
    caplog.set_level("DEBUG")
    number, tel, holder = "77700099912345", "010-4321-9876", "카나리아예금주"
    payment = shop.deposited()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    fields = {**operator.fields(), "send": "1", "bank": "088", "number": number, "tel": tel, "holder": holder}
    if end == "refused":
        shop.sandbox.cancel_at_inicis(payment.imp_uid)
    elif end == "wrong_form":
        fields["reason"] = ""
    elif end == "crash":

        def broken(self: Any, *args: Any) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(flow._Errand, "begin", broken)
    else:
        shop.sandbox.faults.add(end, path="/payments/cancel")
    operator.browser.raise_request_exception = False
    answer = operator.browser.post(operator.url, fields, follow=True)
    assert answer.status_code == (500 if end == "crash" else 200)
    shop.quiet()
    call_command("portone_reconcile", "--quiet")

    pages = answer.content.decode() + operator.open("payment_change", payment.pk).page
    pages += operator.open("payment_refund", payment.pk).page + str(operator.browser.cookies)
    sessions = repr([each.get_decoded() for each in Session.objects.all()]) + repr(LogEntry.objects.values())
    mails = "".join(f"{each.subject} {each.body} {each.alternatives}" for each in mailoutbox)
    if end == "crash":
        assert "RuntimeError" in mails, "the report of the crash is part of what is searched"
    for secret in (number, tel, tel.replace("-", ""), holder):
        for place in (pages, sessions, mails, caplog.text, *rows().values()):
            assert secret not in place


# Safety ----------------------------------------------------------------------------------------------------------


def test_under_atomic_requests_the_pages_stay_outside_of_the_transaction(
    shop: Shop, operator: Operator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    operator.refund(shop.paid(), amount="900")
    assert "KRW 900 went back." in operator.text


def test_a_post_without_a_csrf_token_is_refused(shop: Shop, operator: Operator) -> None:
    payment = shop.paid()
    operator.open("payment_refund", payment.pk).press("look", amount="900", reason="x")
    fields = {**operator.fields(), "send": "1"}
    operator.browser.handler.enforce_csrf_checks = True
    assert operator.browser.post(operator.url, fields).status_code == 403
    assert not Refund.objects.exists()


def test_markup_in_reasons_refusals_and_names_is_shown_as_text(shop: Shop, operator: Operator) -> None:
    payment = shop.paid(name=EVIL[:40], buyer_name="<b>buyer</b>")
    operator.open("payment_refund", payment.pk)
    plain = operator.page.count("<script")
    for look in (
        operator.press("look", amount="900", reason=EVIL),
        operator.press("send"),
        operator.open("payment_refund", payment.pk),
        operator.open("refund_change", Refund.objects.get().pk),
    ):
        assert "<script>alert" not in look.page
        assert "<img src=x" not in look.page
        assert "<b>buyer" not in look.page
    Refund.objects.update(state="failed", fail_reason="refused", refusal=EVIL, cancellation_id=None)
    refund = Refund.objects.get()
    for look in (
        operator.open("refund_change", refund.pk),
        operator.open("refund_changelist"),
        operator.open("refund_ask", refund.pk),
        operator.open("payment_refund", payment.pk),
    ):
        assert "<script>alert" not in look.page
    assert operator.page.count("<script") == plain


def test_a_refusal_with_markup_is_a_message_without_markup(
    shop: Shop, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portone_django.gateway import Refused
    from portone_django.gateway.client import Client

    def refuse(self: Any, **fields: Any) -> None:
        raise Refused(1, EVIL)

    monkeypatch.setattr(Client, "cancel_payment", refuse)
    operator.refund(shop.paid(), amount="900")
    assert "did not go back" in operator.text
    assert "<script>alert" not in operator.page
    assert "&lt;script&gt;alert" in operator.page
