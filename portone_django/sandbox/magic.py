"""The declines a tester can ask for: card numbers ending in an Inicis code, amounts of 90,000 won plus the code.

    card number ending in 1216, or an amount of 91,216 won   ->  failed, "[1216] 월 사용한도 초과"

Texts and codes are those of Inicis' own code sheet. All other cards and amounts are approved. A card whose number ends
in 1214, is no card number at all (not 14 to 16 digits, or beginning with 0000 or 1111), or has expired cannot even be
registered; every other card registers and declines when it is charged, as in reality.
"""

from __future__ import annotations

import re

DECLINES: dict[str, str] = {
    "1201": "거래제한(정지)카드",
    "1202": "1일 사용금액초과",
    "1203": "미등록카드",
    "1204": "유효기간 만료(기간오류)",
    "1210": "카드사 거래 TIMEOUT",
    "1214": "카드번호 오류",
    "1216": "월 사용한도 초과",
    "1219": "비밀번호 상이",
    "1221": "비밀번호 오류회수초과",
    "1226": "도난, 분실카드",
    "1227": "거래 불가 카드",
    "1232": "연체카드",
    "1235": "카드사 통신장애",
    "1251": "주민(사업자)번호 상이",
    "1254": "잔액부족",
}
AMOUNT_BASE = 90_000
_UNREGISTRABLE = "1214"
_NO_ISSUER = ("0000", "1111")  # what published clients' tests take for a card that does not exist
_PRINTED = "1234123412341234"  # in manuals: it registers, unless it is sent expired, as by such a test
_UNKNOWN_NUMBER = "유효하지않은 카드번호를 입력하셨습니다."


def decline_of_card(card_number: str | None) -> str | None:
    """The code that a card declines with, or None."""
    ending = digits(card_number or "")[-4:]
    return ending if ending in DECLINES else None


def decline_of_amount(amount: int) -> str | None:
    code = str(amount - AMOUNT_BASE)
    return code if code in DECLINES else None


def fail_reason(code: str) -> str:
    return f"[{code}] {DECLINES[code]}"


def registration_error(card_number: str, expiry: str, this_month: str) -> str | None:
    """Why a card cannot be registered, in Inicis' words; `expiry` and `this_month` are YYYY-MM."""
    number = digits(card_number)
    if not 14 <= len(number) <= 16 or number.startswith(_NO_ISSUER):
        return _UNKNOWN_NUMBER
    if number.endswith(_UNREGISTRABLE):
        return "[1214]카드번호 오류"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", expiry):
        return "[1223]유효기간 오류"
    if expiry >= this_month:
        return None
    return _UNKNOWN_NUMBER if number == _PRINTED else "[1204]유효기간 만료(기간오류)"


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def masked(card_number: str) -> str:
    """Six digits, asterisks, the last digit, as PortOne shows Inicis' cards."""
    number = digits(card_number)
    return number[:6] + "*" * max(len(number) - 7, 0) + number[-1:]
