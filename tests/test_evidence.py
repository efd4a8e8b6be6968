"""The join of records is commutative, associative and idempotent, so order, repeats and stale reads cannot matter."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portone_django import evidence


@dataclass(frozen=True)
class Record:
    imp_uid: str
    status: str
    pay_method: str | None = "card"
    vbank_num: str | None = None


records = st.lists(
    st.builds(
        Record,
        imp_uid=st.sampled_from(["imp_1", "imp_2", "imp_3"]),
        status=st.sampled_from(["ready", "paid", "failed", "cancelled", "unheard_of"]),
        pay_method=st.sampled_from(["card", "vbank", None]),
        vbank_num=st.sampled_from([None, "", "56211900000000"]),
    ),
    max_size=8,
)


@given(records, records)
def test_the_join_does_not_care_for_order(first: list[Record], second: list[Record]) -> None:
    assert evidence.join(evidence.join({}, first), second) == evidence.join(evidence.join({}, second), first)


@given(records, records, records)
def test_the_join_does_not_care_for_grouping(a: list[Record], b: list[Record], c: list[Record]) -> None:
    together = evidence.join({}, [*a, *b, *c])
    assert evidence.join(evidence.join(evidence.join({}, a), b), c) == together


@given(records)
def test_the_join_does_not_care_for_repetition(each: list[Record]) -> None:
    once = evidence.join({}, each)
    assert evidence.join(once, each) == once


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (Record("i", "paid"), "paid"),
        (Record("i", "cancelled"), "paid"),
        (Record("i", "failed"), "failed"),
        (Record("i", "ready"), "ready"),
        (Record("i", "ready", "vbank", None), "ready"),
        (Record("i", "ready", "card", "56211900000000"), "ready"),
        (Record("i", "ready", "vbank", "56211900000000"), "issued"),
        (Record("i", "settled_in_2031"), None),
    ],
)
def test_one_record_proves_no_more_than_it_says(record: Record, found: str | None) -> None:
    assert evidence.finding(record) == found


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([], None),
        (["failed"], "failed"),
        (["failed", "ready"], "ready"),
        (["ready", "paid", "failed"], "paid"),
        (["failed", "cancelled"], "paid"),
    ],
)
def test_the_highest_record_decides_whatever_stands_beside_it(statuses: list[str], verdict: str | None) -> None:
    seen = evidence.join({}, [Record(f"imp_{n}", status) for n, status in enumerate(statuses)])
    assert evidence.verdict(seen) == verdict


def test_a_flood_of_left_windows_is_bounded_and_cannot_hide_a_payment() -> None:
    flood = [Record(f"imp_{n}", "ready") for n in range(500)]
    seen = evidence.join({}, flood)
    assert len(seen) == evidence.MAX_RECORDS
    assert evidence.verdict(evidence.join(seen, [Record("imp_late", "paid")])) == "paid"
