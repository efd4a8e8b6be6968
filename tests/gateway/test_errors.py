"""The tree of errors, and that its members survive a trip between processes."""

from __future__ import annotations

import pickle

import pytest

from portone_django import gateway
from portone_django.gateway import (
    MalformedAnswer,
    Misconfigured,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PortOneError,
    RateLimited,
    Refused,
    ServerTrouble,
    Unauthorized,
)

REFUSALS = [Refused, NotFound, Unauthorized, Misconfigured]
UNKNOWN = [OutcomeUnknown, NoAnswer, ServerTrouble, RateLimited, MalformedAnswer]


def test_an_outcome_is_one_of_three_and_never_two() -> None:
    for kind in [*REFUSALS, *UNKNOWN, NotSent]:
        assert [issubclass(kind, base) for base in (Refused, OutcomeUnknown, NotSent)].count(True) == 1
        assert issubclass(kind, PortOneError)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_carries_what_portone_said(kind: type[Refused]) -> None:
    error = kind(1, "등록되지 않은 구매자입니다.", 200, "again")
    assert (error.code, error.message, error.http_status, error.call) == (
        1,
        "등록되지 않은 구매자입니다.",
        200,
        "again",
    )
    assert str(error).startswith("again ")
    assert "HTTP 200): code 1, 등록되지 않은 구매자입니다." in str(error)


@pytest.mark.parametrize("kind", [*UNKNOWN, NotSent])
def test_the_others_carry_a_reason_and_a_wait(kind: type[PortOneError]) -> None:
    error = kind(call="again", reason="ReadTimeout", http_status=429, retry_after=5.0)
    assert (error.call, error.reason, error.http_status, error.retry_after) == ("again", "ReadTimeout", 429, 5.0)


def test_errors_survive_pickling() -> None:
    for error in (Refused(1, "no", 200, "again"), RateLimited(call="again", http_status=429, retry_after=5.0)):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (str(again), again.__dict__) == (str(error), error.__dict__)


def test_what_only_settings_can_mend_says_where_to_look() -> None:
    assert "IMP_SECRET" in str(Unauthorized(-1, "Unauthorized", 401, "again"))
    assert "API_BASE" in str(Misconfigured(None, "", 403, "again"))


def test_everything_public_is_there() -> None:
    for name in gateway.__all__:
        assert getattr(gateway, name) is not None
    assert sorted(gateway.__all__) == gateway.__all__
