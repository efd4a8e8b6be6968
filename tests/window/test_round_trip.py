"""Whatever options are read, storing them as JSON and reading them again gives the same ones."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portone_django.window import OPTION_NAMES, InvalidOption, WindowOptions

ISSUER = st.sampled_from(["366", "361", "041", "090", "371"])
MONTHS = st.integers(2, 36)
DAY = st.dates(dt.date(2020, 1, 1), dt.date(2099, 12, 31))
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))  # what a database stores
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EVERYWHERE = {
    "escrow": st.booleans() | st.sampled_from(["true", "false"]),
    "period": st.tuples(DAY, DAY).map(lambda days: tuple(sorted(days))),
    "digital": st.booleans(),
    "cash_receipt": st.booleans(),
    "language": st.sampled_from(["ko", "en", "ko-kr", "en-gb"]),
    "skin": st.sampled_from(["BLUE", "#c1272c", "#fff"]),
    "ios_app": st.booleans(),
    "no_easy_pay": st.booleans(),
    "popup": st.booleans(),
    "customer_id": st.integers(0)
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
    "custom_data": st.dictionaries(TEXT, JSON, max_size=3),
    "bypass": st.fixed_dictionaries(
        {}, optional={"acceptmethod": st.just("cd_ps(06-3)"), "inicis": st.just({"a": "01"})}
    ),
}
BACK = st.sampled_from([{"app_scheme": "myapp"}, {"app_scheme": "myapp://x"}, {"apprun_check": True}, {}])
CHOICE = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"card_only": st.lists(ISSUER, min_size=1)}),
    st.fixed_dictionaries({"card_except": st.lists(ISSUER, min_size=1).map(",".join)}),
    st.fixed_dictionaries({"card_direct": ISSUER, "card_direct_quota": MONTHS, "direct_card_points": st.booleans()}),
    st.fixed_dictionaries({"free_interest_from_mall": st.dictionaries(ISSUER | st.just("*"), MONTHS, min_size=1)}),
    st.fixed_dictionaries({"card_quota": st.lists(MONTHS) | st.just("0")}),
    st.fixed_dictionaries(
        {
            "card_detail": st.dictionaries(ISSUER, st.none() | MONTHS, min_size=1).map(
                lambda each: [{"card_code": code, "max_month": months} for code, months in each.items()]
            )
        }
    ),
)
CARD = st.builds(
    lambda choice, rest: {"pay_method": "card", **choice, **rest},
    CHOICE,
    st.fixed_dictionaries(
        {},
        optional={
            "card_points": st.booleans(),
            "hyundai_points": st.booleans(),
            "card_show_option": st.just("04-6"),
            "payshot_key": st.just("shop20260801093000123c1"),
        },
    ),
)
DUE = st.integers(1, 60) | DAY | st.datetimes(timezones=st.just(dt.UTC)).filter(lambda due: 2000 < due.year < 9999)
VBANK = st.fixed_dictionaries({"pay_method": st.just("vbank")}, optional={"vbank_due": DUE})
ANY = st.builds(
    lambda method, everywhere, back: {**everywhere, **back, **method},
    CARD | VBANK | st.just({"pay_method": "trans"}),
    st.fixed_dictionaries({}, optional=EVERYWHERE),
    BACK,
)


@given(ANY)
def test_stored_options_are_read_back_exactly(options: dict[str, Any]) -> None:
    parsed = WindowOptions.parse(**options)
    stored = json.loads(json.dumps(parsed.as_dict()))
    again = WindowOptions.parse(**stored)
    assert again == parsed
    assert again.as_dict() == stored


@given(st.sampled_from(OPTION_NAMES), JSON)
def test_whatever_a_template_passes_is_read_or_refused_under_the_name_of_an_option(option: str, value: Any) -> None:
    assert refused_option({option: value}) in {None, *OPTION_NAMES}


def refused_option(options: dict[str, Any]) -> str | None:
    try:
        WindowOptions.parse(**options)
    except InvalidOption as error:
        return error.option
    return None
