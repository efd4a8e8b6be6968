"""A process that is killed while a card is replaced loses no card, keeps none twice and charges nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.kill_points import kill_everywhere
from tests.chaos.registration_kill_points import OUTCOMES

# What must be among the steps, so that each is known to have been died at.
PASSED: dict[str, list[str]] = {
    "registered": ["INSERT INTO portone_billingkey", "POST /subscribe/payments/again was answered"],
    "declined": ["POST /subscribe/payments/again was answered"],
    "unanswered": ["POST /subscribe/payments/again was answered"],
    "given_up": ["UPDATE portone_billingkey"],
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_kill_after_any_step_of_a_replacement_loses_and_doubles_nothing(outcome: str, tmp_path: Path) -> None:
    cases = kill_everywhere("tests.chaos.registration_kill_points", outcome, tmp_path)
    steps = cases[0]["steps"]
    assert {case["case"]: case["problems"] for case in cases if case["problems"]} == {}
    assert len(cases) == len(steps) + 1, "each step was died at"
    assert set(PASSED[outcome]) <= set(steps)
    deletes = [step for step in steps if step.startswith("DELETE /subscribe/customers/")]
    assert bool(deletes) == (outcome != "given_up")
    print(f"{outcome}: killed after each of {len(steps)} steps")
