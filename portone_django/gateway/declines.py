"""Decides, from PortOne's free text, what a declined card allows next. A hint only: V1 has no decline codes.

The texts and codes are Inicis' and the card companies', as PortOne passes them on in brackets or before a bar.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Decline(StrEnum):
    """SOFT: the same card may work later. NEEDS_NEW_CARD: this card will not. HARD: asking again changes nothing."""

    SOFT = "soft"
    NEEDS_NEW_CARD = "needs_new_card"
    HARD = "hard"


def classify(reason: str | None) -> Decline:
    """The class of a `fail_reason` or refusal message; SOFT when nothing in it is known."""
    return known(reason or "") or Decline.SOFT


def known(text: str) -> Decline | None:
    """The class of a text that has a code or a word that is known."""
    for code in _CODE.findall(text):
        kind = _BY_CODE.get(_short(code))
        if kind is not None:
            return kind
    for kind, words in _BY_WORDS:
        if any(word in text for word in words):
            return kind
    return None


_CODE = re.compile(r"(?<![0-9A-Za-z])(?:1200[0-9A-Z]{2}|1[12][0-9A-Z]{2}|5[05]0[0-9]{3})(?![0-9A-Za-z])")

_NEW_CARD = (
    "1201 1203 1204 1214 1221 1223 1226 1227 1232 1248 12B2 12FX 12IR 1141 1165 11C7 500601 500638 550929 550997"
)
_HARD = (
    "1205 1206 1207 1208 1209 1211 1213 12GK 12GL 12GM 500608 500690 500649 500650 500651 550431 550432 550433 550434"
)
_BY_CODE = dict.fromkeys(_NEW_CARD.split(), Decline.NEEDS_NEW_CARD) | dict.fromkeys(_HARD.split(), Decline.HARD)
# Words that say "later" come first: "한도초과" may stand beside a word for the card.
_BY_WORDS: tuple[tuple[Decline, tuple[str, ...]], ...] = (
    (Decline.SOFT, ("한도", "잔액", "TIMEOUT", "Timeout", "통신", "점검", "장애", "재시도")),
    (
        Decline.NEEDS_NEW_CARD,
        (
            "도난",
            "분실",
            "해지",
            "유효기간",
            "정지카드",
            "미등록카드",
            "카드번호",
            "거래 불가 카드",
            "연체",
            "신규발급",
        ),
    ),
    (Decline.HARD, ("가맹점", "할부", "금액 오류")),
)


def _short(code: str) -> str:
    """A card company's six characters as its four: 120004 and 1204 are the same answer."""
    return "12" + code[4:] if code.startswith("1200") and len(code) == 6 else code
