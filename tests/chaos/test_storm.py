"""Renewals while workers die and PortOne misbehaves: nobody is charged twice, nothing is lost or left undecided."""

from __future__ import annotations

import os
import random

import pytest

from tests.chaos.__main__ import SHORT, SHORT_DUE
from tests.chaos.machines import DATABASES, address_of, any_broker
from tests.chaos.plans import Plan, Result
from tests.chaos.runs import run

SEED = int(os.environ.get("SEED") or 0) or random.SystemRandom().randrange(1, 10**6)
BROKER_OF = {"postgresql": "redis", "mariadb": "rabbitmq", "sqlite": "redis"}

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(600)]


def storm(broker: str, address: str = "", **plan: object) -> Result:
    print(f"\nseed {SEED}, {plan}", flush=True)
    return run(address, broker, Plan(seed=SEED, **plan))  # type: ignore[arg-type]


@pytest.mark.parametrize("database", DATABASES)
def test_a_storm_charges_nobody_twice_and_leaves_nothing_open(database: str) -> None:
    """It proves itself: enough were killed, the window was reached, and the naive engine beside it charged twice."""
    for plan in SHORT:
        result = storm(any_broker(BROKER_OF[database]), address_of(database), due=SHORT_DUE, **plan)
        assert result.problems == []


def test_the_storm_sees_an_engine_that_does_not_wait_for_the_quiet_period() -> None:
    result = storm(any_broker(), due=200, blow="", quiet_period=0.05, faulty=0.3, naive=0)
    assert result.double > 0
    assert result.sent_while_under_way > 0


def test_a_worker_that_sleeps_longer_than_its_lease_charges_nobody_twice() -> None:
    """E11: it wakes after others have taken over, and does not send."""
    assert storm(any_broker(), due=200, mode="strict", blow="stop", every=0.5, naive=0).problems == []


def test_a_deploy_every_two_seconds_charges_nobody_twice() -> None:
    """E14: SIGTERM, and two seconds later SIGKILL for whoever is not done."""
    result = storm(any_broker(), due=200, blow="term", every=2.0, naive=0)
    assert result.problems == []
    assert result.cut_short < result.blows, "no worker ended by itself"
