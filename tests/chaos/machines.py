"""Which databases and brokers of this machine the chaos tests can use, and an honest word where one is missing."""

from __future__ import annotations

from functools import cache

import pytest

from tests.machine import Found, find_all

DATABASES = ("postgresql", "mariadb", "sqlite")


@cache
def found() -> dict[str, Found]:
    return find_all()


def address_of(name: str) -> str:
    """Of that database ("" for an SQLite file) or broker; the test is skipped where it does not answer."""
    there = found()[name]
    if not there.is_there:
        pytest.skip(f"{name} does not answer: {there.why_not}")
    return there.address


def any_broker(preferred: str = "redis") -> str:
    """The address of that broker, or else of the other one."""
    names = sorted(("redis", "rabbitmq"), key=lambda name: name != preferred)
    there = [found()[name] for name in names if found()[name].is_there]
    if not there:
        pytest.skip("neither Redis nor RabbitMQ answers")
    return there[0].address
