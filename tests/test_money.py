"""Money is whole won: read strictly, split for tax without losing any, written as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.money import LARGEST_WON, format_won, included_vat, require_split, require_won

WON = st.integers(0, 10**12)


@pytest.mark.parametrize("value", [0, 1, 9_900, LARGEST_WON])
def test_whole_won_are_taken(value: int) -> None:
    assert require_won(value, "amount") == value


@pytest.mark.parametrize("value", [True, False, "9900", 9900.0, 9900.5, None, b"1", float("nan"), [9900]])
def test_what_only_looks_like_won_is_refused_by_name(value: Any) -> None:
    with pytest.raises(TypeError, match="refund_amount"):
        require_won(value, "refund_amount")


@pytest.mark.parametrize("value", [-1, LARGEST_WON + 1])
def test_an_amount_that_cannot_be_is_refused_by_name(value: int) -> None:
    with pytest.raises(ValueError, match="refund_amount"):
        require_won(value, "refund_amount")


@pytest.mark.parametrize(
    ("tax_free", "vat"), [(None, None), (0, 0), (1_000, 0), (0, 1_000), (400, 600), (None, 90), (400, None)]
)
def test_parts_within_the_amount_are_a_split(tax_free: int | None, vat: int | None) -> None:
    require_split(1_000, tax_free_amount=tax_free, vat_amount=vat)


@pytest.mark.parametrize(
    ("tax_free", "vat", "named"),
    [
        (1_001, None, "tax_free_amount"),
        (-1, None, "tax_free_amount"),
        (None, 1_001, "vat_amount"),
        (400, 601, "vat_amount"),
        (0, -1, "vat_amount"),
    ],
)
def test_parts_beyond_the_amount_are_refused_by_name(tax_free: int | None, vat: int | None, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} "):
        require_split(1_000, tax_free_amount=tax_free, vat_amount=vat)


@pytest.mark.parametrize(
    ("part", "named"), [({"tax_free_amount": True}, "tax_free_amount"), ({"vat_amount": "1"}, "vat")]
)
def test_parts_are_whole_won_too(part: dict[str, Any], named: str) -> None:
    with pytest.raises(TypeError, match=named):
        require_split(1_000, **part)


@pytest.mark.parametrize(
    ("amount", "tax_free", "vat"),
    [(11_000, 0, 1_000), (11_000, 11_000, 0), (21_000, 10_000, 1_000), (5, 0, 0), (6, 0, 1), (1_000, 0, 91), (0, 0, 0)],
)
def test_vat_is_an_eleventh_of_what_is_taxed(amount: int, tax_free: int, vat: int) -> None:
    assert included_vat(amount, tax_free) == vat


@given(WON, st.data())
def test_the_vat_of_a_price_is_always_a_valid_split_and_the_nearest_won(amount: int, data: st.DataObject) -> None:
    tax_free = data.draw(st.integers(0, amount))
    vat = included_vat(amount, tax_free)
    require_split(amount, tax_free_amount=tax_free, vat_amount=vat)
    assert abs(11 * vat - (amount - tax_free)) <= 5


def test_more_tax_free_than_the_price_has_no_vat() -> None:
    with pytest.raises(ValueError, match="tax_free_amount"):
        included_vat(1_000, 1_001)


@pytest.mark.parametrize(
    ("amount", "language", "text"),
    [
        (12_900, "ko", "12,900원"),
        (12_900, "ko-kr", "12,900원"),
        (12_900, "en", "KRW 12,900"),
        (0, "ko", "0원"),
        (1_234_567, "en-us", "KRW 1,234,567"),
    ],
)
def test_won_are_written_with_separators_in_the_reader_s_language(amount: int, language: str, text: str) -> None:
    assert format_won(amount, language) == text
