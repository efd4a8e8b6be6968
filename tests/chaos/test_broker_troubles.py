"""Messages are hints: doubled, shuffled, lost, delivered again or not sent at all, they cost time and never money."""

from __future__ import annotations

import os

import pytest

from tests.chaos.brokers import has_rabbitmq
from tests.chaos.machines import address_of, any_broker
from tests.chaos.plans import Plan, Result
from tests.chaos.runs import run
from tests.chaos.test_storm import SEED, pytestmark  # noqa: F401  (the same marks)


def storm(broker: str, **plan: object) -> Result:
    print(f"\nseed {SEED}, {plan}", flush=True)
    result = run("", broker, Plan(**{"seed": SEED, "due": 150, "naive": 0, **plan}))  # type: ignore[arg-type]
    assert result.problems == []
    return result


def test_each_message_ten_times_and_shuffled_charges_once() -> None:
    result = storm(any_broker(), hints=10, due=400)
    assert result.messages > result.blows, "not even the workers that died had each a message of their own"


def test_a_redis_that_loses_everything_every_second_loses_no_bill() -> None:
    assert storm(address_of("redis"), trouble=1.0).troubles >= 3


def test_a_rabbitmq_that_is_killed_and_comes_back_loses_no_bill() -> None:
    if not has_rabbitmq():
        why = "the program rabbitmq-server is not on this machine, and others' servers are not killed"
        pytest.fail(why) if "rabbitmq" in os.environ.get("PORTONE_REQUIRE", "") else pytest.skip(why)
    assert storm("rabbitmq", due=400, trouble=6.0, faulty=0.2).troubles >= 1


def test_without_any_broker_the_command_charges_all() -> None:
    assert storm("none", workers="command").messages == 0


def test_what_is_delivered_again_while_it_is_worked_on_charges_once() -> None:
    """A visibility timeout of two seconds under tasks of six."""
    result = storm(address_of("redis"), due=300, redelivers=True, task_limit=18.0, approval_seconds=0.5)
    assert result.again > 0, "no message was delivered twice, so nothing is proved"


def test_two_beats_charge_once() -> None:
    assert storm(any_broker(), beats=2).messages > 10
