"""A process that is killed in the middle of a renewal charges nobody twice and forgets nobody, wherever it dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.charge_kill_points import OUTCOMES
from tests.chaos.kill_points import kill_everywhere

AGAIN = "POST /subscribe/payments/again"
# What must be among the steps, so that each is known to have been died at.
PASSED: dict[str, list[str]] = {
    "paid": [f"{AGAIN} was answered", "bill_paid was received", "order_paid was received"],
    "declined": [f"{AGAIN} was answered", "bill_failed was received", "bill_paid was received"],
    "refused": [f"{AGAIN} was answered", "bill_paid was received"],
    "late": [f"{AGAIN} was not answered", "bill_paid was received"],
    "charged_but_500": [f"{AGAIN} was answered", "bill_paid was received"],
    "nothing": [f"{AGAIN} was not answered", f"{AGAIN} was answered", "bill_paid was received"],
    "together": [f"{AGAIN} was answered", "bill_paid was received", "order_paid was received"],
}
SENDS = {"paid": 1, "declined": 2, "refused": 2, "late": 1, "charged_but_500": 1, "nothing": 2, "together": 3}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_kill_after_any_step_of_a_renewal_loses_and_doubles_nothing(outcome: str, tmp_path: Path) -> None:
    cases = kill_everywhere("tests.chaos.charge_kill_points", outcome, tmp_path)
    steps = cases[0]["steps"]
    assert {case["case"]: case["problems"] for case in cases if case["problems"]} == {}
    assert len(cases) == len(steps) + 1, "each step was died at"
    assert set(PASSED[outcome]) <= set(steps)
    assert steps.count(f"{AGAIN} is about to leave") == SENDS[outcome]
    before_the_send = [each for each in steps[: steps.index(f"{AGAIN} is about to leave")] if "getToken" not in each]
    assert before_the_send[0] == "INSERT INTO portone_order", "planning is among the steps"
    assert "COMMIT" in before_the_send
    assert before_the_send[-1] == "UPDATE portone_payment", "the intent is committed before anything leaves"
    assert before_the_send.count("UPDATE portone_payment") == 1, "also that of several"
    looks = [step for step in steps if step.startswith("GET /payments/findAll")]
    assert bool(looks) is (outcome not in ("paid", "declined", "together")), (
        "no look before the first send, always before a second"
    )
    print(f"{outcome}: killed after each of {len(steps)} steps")
