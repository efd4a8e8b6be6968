"""A process that is killed in the middle of a refund loses nothing and refunds nothing twice, wherever it dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.kill_points import kill_everywhere
from tests.chaos.refund_kill_points import OUTCOMES

# What must be among the steps, so that each is known to have been died at.
PASSED: dict[str, list[str]] = {
    "done": ["POST /payments/cancel was answered", "payment_refunded was received", "order_refunded was received"],
    "done_but_lost": ["POST /payments/cancel was not answered", "payment_refunded was received"],
    "refused": ["POST /payments/cancel was answered", "refund_failed was received"],
    "nothing": ["POST /payments/cancel was not answered", "POST /payments/cancel was answered"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_kill_after_any_step_of_a_refund_loses_and_doubles_nothing(outcome: str, tmp_path: Path) -> None:
    cases = kill_everywhere("tests.chaos.refund_kill_points", outcome, tmp_path)
    steps = cases[0]["steps"]
    assert {case["case"]: case["problems"] for case in cases if case["problems"]} == {}
    assert len(cases) == len(steps) + 1, "each step was died at"
    assert set(PASSED[outcome]) <= set(steps)
    before_the_send = steps[: steps.index("POST /payments/cancel is about to leave")]
    assert before_the_send.count("COMMIT") >= 2, "the reservation and what the look showed"
    assert before_the_send[-1] == "UPDATE portone_refund", "the intent is committed before anything leaves"
    print(f"{outcome}: killed after each of {len(steps)} steps")
