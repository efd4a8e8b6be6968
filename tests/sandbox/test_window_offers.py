"""What a payment window offers follows the parameters of request_pay."""

from typing import Any

import pytest

from portone_django.sandbox.catalogue import CARDS
from portone_django.sandbox.window.cards import (
    direct_issuer,
    has_easy_pay,
    interest_free_months,
    offered_issuers,
    offered_quotas,
)
from portone_django.sandbox.window.choices import NotChosen, read_choice
from portone_django.sandbox.window.deadlines import deposit_deadline, korean_text
from portone_django.sandbox.window.screens import Screen, describe
from portone_django.sandbox.window.skins import asked_skin, skin_css
from portone_django.sandbox.window.texts import ENGLISH, KOREAN
from portone_django.sandbox.window.tickets import Ticket

NOON = 1785985200  # 2026-08-06 12:00:00 KST


def screen(amount: int = 60_000, device: Any = "pc", **params: Any) -> Screen:
    return describe({"amount": amount}, params, Ticket("imp_1", device, "https://shop.example"), now=NOON)


def codes(params: dict[str, Any]) -> list[str]:
    return [issuer.code for issuer in offered_issuers(params, "ko")]


def test_every_issuer_that_portone_knows_is_offered() -> None:
    assert sorted(codes({})) == sorted(CARDS)


def test_a_disabled_issuer_disappears() -> None:
    offered = codes({"card": {"detail": [{"card_code": "366", "enabled": False}]}})
    assert "366" not in offered
    assert len(offered) == 19


def test_star_disables_all_but_those_named() -> None:
    detail = [{"card_code": "*", "enabled": False}, {"card_code": "366", "enabled": True}]
    assert codes({"card": {"detail": detail}}) == ["366"]


def test_an_issuers_interest_free_months_stand_on_its_button() -> None:
    detail = [{"card_code": "366", "enabled": True, "max_month": 6}]
    issuers = {issuer.code: issuer.free_months for issuer in offered_issuers({"card": {"detail": detail}}, "ko")}
    assert (issuers["366"], issuers["365"]) == (6, 0)


@pytest.mark.parametrize("junk", [None, "366", [], {"detail": "no"}, {"detail": [1, None]}, {"direct": "366"}])
def test_unreadable_card_options_leave_the_usual_offer(junk: object) -> None:
    assert len(codes({"card": junk})) == 20
    assert direct_issuer({"card": junk}, 60_000, "ko") is None


@pytest.mark.parametrize(
    ("amount", "display", "months"),
    [
        (49_999, None, (0,)),
        (49_999, {"card_quota": [2, 3]}, (0,)),
        (50_000, None, (0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
        (50_000, {"card_quota": []}, (0,)),
        (50_000, {"card_quota": [6]}, (0, 6)),
        (50_000, {"card_quota": [3, 2, 3]}, (0, 2, 3)),
        (50_000, {"card_quota": ["3", True, 1, 0, -2, 400]}, (0,)),
        (50_000, {"card_quota": "all"}, (0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
    ],
)
def test_instalments_start_at_50000_won_and_follow_card_quota(
    amount: int, display: object, months: tuple[int, ...]
) -> None:
    assert offered_quotas({"display": display}, amount) == months


def test_card_direct_fixes_issuer_and_instalment() -> None:
    direct = direct_issuer({"card": {"direct": {"code": "367", "quota": 3}}}, 60_000, "ko")
    assert direct is not None
    assert (direct.issuer.code, direct.issuer.name, direct.quota) == ("367", "현대카드", 3)
    shown = screen(card={"direct": {"code": "367", "quota": 3}})
    assert [quota.months for quota in shown.quotas] == [3]
    assert shown.wallets == ()


def test_card_direct_below_50000_won_is_a_lump_sum() -> None:
    direct = direct_issuer({"card": {"direct": {"code": "367", "quota": 3}}}, 49_999, "ko")
    assert direct is not None
    assert direct.quota == 0


@pytest.mark.parametrize(
    ("bypass", "on_pc", "on_phone"),
    [
        (None, True, True),
        ({"acceptmethod": "CARDPOINT:noeasypay"}, False, True),
        ({"P_RESERVED": "cp_yn=Y&noeasypay=Y"}, True, False),
        ({"acceptmethod": "noeasypay", "P_RESERVED": "noeasypay=Y"}, False, False),
        ({"P_RESERVED": "noeasypay=N"}, True, True),
    ],
)
def test_each_device_reads_only_its_own_noeasypay(bypass: object, on_pc: bool, on_phone: bool) -> None:
    assert has_easy_pay({"bypass": bypass}, "pc") is on_pc
    assert has_easy_pay({"bypass": bypass}, "mobile") is on_phone
    assert bool(screen(bypass=bypass).wallets) is on_pc
    assert bool(screen(device="mobile", bypass=bypass).wallets) is on_phone


def test_interest_free_months_are_marked_in_the_list() -> None:
    labels = {q.months: q.label for q in screen(card={"interest_free": 3}).quotas}
    assert (labels[0], labels[3], labels[4]) == ("일시불", "3개월 (무이자)", "4개월")
    assert interest_free_months({"card": {"detail": [{"card_code": "*", "max_month": 6}]}}) == 6


def test_registering_a_card_offers_neither_instalments_nor_wallets() -> None:
    shown = screen(customer_uid="card-1")
    assert shown.is_registration
    assert [quota.months for quota in shown.quotas] == [0]
    assert shown.wallets == ()


@pytest.mark.parametrize(
    ("due", "deadline"),
    [
        ("2026-08-09", "2026-08-09 23:59:59"),
        ("20260809", "2026-08-09 23:59:59"),
        ("20261223", "2026-12-23 23:59:59"),
        ("2026-08-09 18:30:00", "2026-08-09 18:30:00"),
        ("20260809183000", "2026-08-09 18:30:00"),
        (None, "2026-09-05 23:59:59"),
    ],
)
def test_vbank_due_is_korean_time_in_all_its_spellings(due: str | None, deadline: str) -> None:
    seconds = deposit_deadline(due, NOON)
    assert seconds is not None
    assert korean_text(seconds) == deadline
    assert screen(pay_method="vbank", vbank_due=due).deadline == deadline[:16]


@pytest.mark.parametrize(
    "due", ["2026-08-05", "20260806115959", "2026-13-01", "tomorrow", 20260809, "2026/08/09", "٢٠٢٦٠٨٠٩"]
)
def test_a_past_or_unreadable_vbank_due_gives_no_account(due: object) -> None:
    assert deposit_deadline(due, NOON) is None
    with pytest.raises(NotChosen, match="error_due"):
        read_choice(screen(pay_method="vbank", vbank_due=due), {"agree": "1", "bank": "088"})


@pytest.mark.parametrize(
    ("method", "kind", "name"),
    [
        ("card", "card", "신용카드"),
        (None, "card", "신용카드"),
        ("trans", "trans", "실시간 계좌이체"),
        ("vbank", "vbank", "가상계좌"),
        ("kakaopay", "wallet", "카카오페이"),
        ("samsungpay", "wallet", "삼성페이"),
        ("phone", "other", "휴대폰 소액결제"),
        ("happymoney", "other", "해피머니 상품권"),
        ("wechat", "other", "wechat"),
    ],
)
def test_every_pay_method_has_its_screen(method: str | None, kind: str, name: str) -> None:
    shown = screen(pay_method=method)
    assert (shown.kind, shown.method_name) == (kind, name)


def test_amounts_and_language_follow_the_shop() -> None:
    assert screen(12_900).amount_text == "12,900원"
    assert screen(12_900, language="en").amount_text == "KRW 12,900"
    assert screen(language="zh").language == "ko"
    assert KOREAN.keys() == ENGLISH.keys()


def test_the_service_period_is_shown() -> None:
    assert screen(period={"from": "20260801", "to": "20260901"}).period == "2026.08.01 ~ 2026.09.01"
    assert screen(period={"from": "soon"}).period == ""


@pytest.mark.parametrize(
    ("accept", "skin"),
    [("SKIN(BLUE)", "1f5fbf"), ("a:SKIN(#00AA55):b", "00aa55"), ("SKIN(</style>)", ""), ("CARDPOINT", ""), (7, "")],
)
def test_skin_colours_the_window(accept: object, skin: str) -> None:
    assert asked_skin({"bypass": {"acceptmethod": accept}}) == skin


def test_a_pale_skin_gets_dark_text_and_only_hex_digits_become_css() -> None:
    assert "--on-brand:#1d1f23" in str(skin_css("f2c200"))
    assert "--on-brand:#ffffff" in str(skin_css("1f5fbf"))
    assert skin_css("red;}x{") is None


def test_a_choice_that_was_not_offered_is_refused() -> None:
    shown = screen(card={"detail": [{"card_code": "366", "enabled": False}]}, bypass={"acceptmethod": "noeasypay"})
    for form, text in [
        ({"choice": "366"}, "error_issuer"),
        ({}, "error_issuer"),
        ({"choice": "wallet:kakaopay"}, "error_wallet"),
        ({"wallet": "kakaopay"}, "error_wallet"),
        ({"choice": "365", "quota": "13"}, "error_quota"),
        ({"choice": "365", "card_number": "4111"}, "error_card_number"),
        ({"choice": "365", "card_number": "４１１１１１１１１１１１１１１１"}, "error_card_number"),
    ]:
        with pytest.raises(NotChosen, match=text):
            read_choice(shown, {"agree": "1", **form})


def test_paying_needs_the_agreement_but_the_sandbox_strip_does_not() -> None:
    with pytest.raises(NotChosen, match="error_agree"):
        read_choice(screen(), {"choice": "366"})
    assert read_choice(screen(), {}, is_lenient=True).card_code == "366"
    assert read_choice(screen(pay_method="vbank"), {}, is_lenient=True).bank_code == "088"


def test_wallet_money_is_paid_as_point() -> None:
    choice = read_choice(screen(pay_method="kakaopay"), {"agree": "1", "source": "point"})
    assert (choice.pay_method, choice.emb_pg_provider) == ("point", "kakaopay")
