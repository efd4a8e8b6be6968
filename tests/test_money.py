"""Money is whole won: read strictly, split for tax without losing any, written as people read it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django.money import LARGEST_WON, Parts, format_won, included_vat, part_of, require_split, require_won

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


# Parts of a payment ----------------------------------------------------------------------------------------------


def is_possible(parts: Parts) -> bool:
    """Whether there can be a sale of that amount with those parts: said here once more, in other words."""
    return parts.amount >= (parts.tax_free_amount or 0) + (parts.vat_amount or 0) and all(
        part is None or part >= 0 for part in (parts.amount, parts.tax_free_amount, parts.vat_amount)
    )


def stated(amount: int) -> st.SearchStrategy[int | None]:
    return st.none() | st.integers(0, amount)


@st.composite
def sales(draw: st.DrawFn) -> Parts:
    """A payment with any parts that it could state, small and large, often at the edges."""
    amount = draw(st.integers(1, 30) | st.integers(1, 10**9))
    tax_free = draw(stated(amount))
    return Parts(amount, tax_free, draw(stated(amount - (tax_free or 0))))


def choices(rest: Parts, amount: int) -> Iterator[Parts]:
    """Every way of naming the parts of `amount` that what remains stated, sensible or not."""
    sides = [(None,) if part is None else range(-1, amount + 2) for part in (rest.tax_free_amount, rest.vat_amount)]
    return (Parts(amount, tax_free, vat) for tax_free, vat in itertools.product(*sides))


def taken(rest: Parts, part: Parts, *, is_exact: bool = True) -> Parts | None:
    """What part_of makes of the choice; None when it refuses."""
    try:
        return part_of(
            rest,
            amount=part.amount,
            tax_free_amount=part.tax_free_amount,
            vat_amount=part.vat_amount,
            is_exact=is_exact,
        )
    except ValueError:
        return None


def every_small_sale(most: int) -> Iterator[Parts]:
    for amount in range(1, most + 1):
        for tax_free in (None, *range(amount + 1)):
            for vat in (None, *range(amount - (tax_free or 0) + 1)):
                yield Parts(amount, tax_free, vat)


def test_a_part_is_refused_exactly_when_it_or_what_it_would_leave_is_no_possible_sale() -> None:
    """Every small sale, every amount, every choice of parts: nothing is left to chance."""
    tried = refused = 0
    for rest in every_small_sale(6):
        for amount in range(1, rest.amount + 1):
            for part in choices(rest, amount):
                possible = is_possible(part) and is_possible(rest - part)
                assert taken(rest, part) == (part if possible else None), (rest, part)
                tried, refused = tried + 1, refused + (not possible)
    assert tried > 5_000
    assert 1_000 < refused < tried - 1_000


@given(sales(), st.data())
def test_any_sequence_of_partial_refunds_adds_up_to_the_payment(sale: Parts, data: st.DataObject) -> None:
    rest, refunds = sale, list[Parts]()
    while rest.amount:
        is_last = len(refunds) == 8
        amount = rest.amount if is_last else data.draw(st.integers(1, rest.amount), "amount")
        part = any_part(data, rest, amount)
        rest, refunds = rest - part, [*refunds, part]
        assert is_possible(part), "no refund is an impossible sale"
        assert is_possible(rest), "and neither is what it leaves"
        assert taken(rest, rest) == rest if rest.amount else True, "there is a last refund at every moment"
    assert sum(part.amount for part in refunds) == sale.amount
    assert added(part.tax_free_amount for part in refunds) == sale.tax_free_amount
    assert added(part.vat_amount for part in refunds) == sale.vat_amount


def any_part(data: st.DataObject, rest: Parts, amount: int) -> Parts:
    """One of the choices that there are, said or, where there is only one, left out."""
    left = rest.amount - amount
    tax_free = bounded(data, rest.tax_free_amount, (rest.tax_free_amount or 0) - left, amount)
    taxed_left = left - ((rest.tax_free_amount or 0) - (tax_free or 0))
    vat = bounded(data, rest.vat_amount, (rest.vat_amount or 0) - taxed_left, amount - (tax_free or 0))
    said = [None if is_only and data.draw(st.booleans(), "left out") else value for value, is_only in (
        (tax_free, only(rest.tax_free_amount, (rest.tax_free_amount or 0) - left, amount)),
        (vat, only(rest.vat_amount, (rest.vat_amount or 0) - taxed_left, amount - (tax_free or 0))),
    )]  # fmt: skip
    part = part_of(rest, amount=amount, tax_free_amount=said[0], vat_amount=said[1])
    assert part == Parts(amount, tax_free, vat)
    return part


def bounded(data: st.DataObject, rest: int | None, least: int, most: int) -> int | None:
    return None if rest is None else data.draw(st.integers(max(least, 0), min(most, rest)), "part")


def only(rest: int | None, least: int, most: int) -> bool:
    """Whether one value alone is possible, so that nobody need say it."""
    return rest is None or max(least, 0) == min(most, rest)


def added(parts: Any) -> int | None:
    values = list(parts)
    return None if None in values else sum(values)


@given(sales(), st.data())
def test_a_part_that_could_be_more_than_one_amount_is_asked_for(sale: Parts, data: st.DataObject) -> None:
    amount = data.draw(st.integers(1, sale.amount))
    least, most = (sale.tax_free_amount or 0) - (sale.amount - amount), amount
    if only(sale.tax_free_amount, least, most):
        return
    with pytest.raises(ValueError, match=rf"^tax_free_amount was stated .* \({max(least, 0)} to "):
        part_of(sale, amount=amount, tax_free_amount=None, vat_amount=None)


@given(sales(), st.data())
def test_after_cancels_that_did_not_say_their_parts_a_last_refund_is_still_possible(
    sale: Parts, data: st.DataObject
) -> None:
    """The console took `gone` of it, and nobody knows of which kind: only the bounds are left to check."""
    gone = data.draw(st.integers(0, sale.amount - 1))
    rest = Parts(sale.amount - gone, sale.tax_free_amount, sale.vat_amount)
    tax_free = bounded(data, rest.tax_free_amount, 0, rest.amount)
    vat = bounded(data, rest.vat_amount, 0, rest.amount - (tax_free or 0))
    part = Parts(rest.amount, tax_free, vat)
    assert taken(rest, part, is_exact=False) == part
    assert is_possible(part)


@given(sales(), st.integers(-(10**10), 10**10))
def test_no_amount_outside_of_what_remains_is_ever_a_part(sale: Parts, amount: int) -> None:
    part = Parts(amount, sale.tax_free_amount, sale.vat_amount)
    if not 1 <= amount <= sale.amount:
        assert taken(sale, part) is None


@pytest.mark.parametrize("name", ["tax_free_amount", "vat_amount"])
def test_a_part_that_was_never_stated_is_never_sent(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} was not stated"):
        part_of(Parts(1_000), **{"amount": 500, "tax_free_amount": None, "vat_amount": None, name: 0})


@pytest.mark.parametrize("value", ["", "9900", None, 9900.0])
def test_what_is_no_amount_is_not_written_as_one(value: Any) -> None:
    with pytest.raises(TypeError, match=r"must be an int of won.*Write: \{\{ order\.amount\|won \}\}"):
        format_won(value)
