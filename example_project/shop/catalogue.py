"""What the roastery sells; amounts are won, and two of them are large enough for instalments (50,000).

A subscription's price never changes, so an amount that is edited here needs a code of its own, too.
"""

from __future__ import annotations

from typing import Any

CLUB: dict[str, Any] = {
    "code": "beans", "name": "원두 구독", "description": "매달 볶은 날 보내는 원두 400g",
    "metadata": {"name_en": "Coffee club", "description_en": "400 g of coffee a month, sent on the day it is roasted"},
}  # fmt: skip
CLUB_PRICES: list[dict[str, Any]] = [
    {"code": "beans-monthly", "amount": 19_900, "unit": "month"},
    {"code": "beans-yearly", "amount": 199_000, "unit": "year"},
]
PRODUCTS: list[dict[str, Any]] = [
    {
        "slug": "namu-blend", "price": 12_900, "art": "bark",
        "name_ko": "나무 블렌드 200g", "name_en": "Namu Blend 200 g",
        "note_ko": "구운 헤이즐넛과 흑설탕, 매일 마시는 커피", "note_en": "Hazelnut and brown sugar, for every day",
    },
    {
        "slug": "yirgacheffe", "price": 15_000, "art": "flower",
        "name_ko": "에티오피아 예가체프 코케 200g", "name_en": "Ethiopia Yirgacheffe Koke 200 g",
        "note_ko": "재스민과 복숭아, 맑은 산미", "note_en": "Jasmine and peach, bright and clean",
    },
    {
        "slug": "decaf", "price": 14_000, "art": "leaf",
        "name_ko": "콜롬비아 디카페인 200g", "name_en": "Colombia Decaf 200 g",
        "note_ko": "사탕수수 공법, 캐러멜과 사과", "note_en": "Sugar cane process, caramel and apple",
    },
    {
        "slug": "dripbags", "price": 9_900, "art": "sky",
        "name_ko": "드립백 10개입", "name_en": "Drip bags, 10 pieces",
        "note_ko": "뜨거운 물만 있으면 되는 나무 블렌드", "note_en": "Our blend, with nothing but hot water",
    },
    {
        "slug": "dripper-set", "price": 58_000, "art": "clay",
        "name_ko": "핸드드립 세트", "name_en": "Pour-over set",
        "note_ko": "도자기 드리퍼, 유리 서버, 필터 100장", "note_en": "Ceramic dripper, glass server, 100 filters",
    },
    {
        "slug": "gift-box", "price": 89_000, "art": "night",
        "name_ko": "로스터의 선물 상자", "name_en": "Roaster's gift box",
        "note_ko": "원두 네 종류와 머그 두 개, 손글씨 카드", "note_en": "Four coffees, two mugs and a card",
    },
]  # fmt: skip
