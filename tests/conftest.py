"""Fixtures of the suite."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.members import Members
from tests.shop import Shop

# A busy machine is no failure. The same examples every time; HYPOTHESIS_SEARCH=1 looks for new ones.
settings.register_profile(
    "suite",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("HYPOTHESIS_SEARCH") != "1",
)
settings.load_profile("suite")


@pytest.fixture
def sandbox(portone_sandbox: Any) -> Any:
    return portone_sandbox


@pytest.fixture
def shop(sandbox: Any) -> Iterator[Shop]:
    shop = Shop(sandbox)
    yield shop
    shop.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    from django.conf import settings

    engine = settings.DATABASES["default"]["ENGINE"]
    for item in items:
        if item.get_closest_marker("postgresql") and not engine.endswith("postgresql"):
            item.add_marker(pytest.mark.skip(reason="needs PostgreSQL: DATABASE_URL points elsewhere"))
        if item.get_closest_marker("mariadb") and not engine.endswith("mysql"):
            item.add_marker(pytest.mark.skip(reason="needs MariaDB: DATABASE_URL points elsewhere"))
        if item.get_closest_marker("server") and engine.endswith("sqlite3"):
            item.add_marker(pytest.mark.skip(reason="needs a database server: DATABASE_URL points elsewhere"))


@pytest.fixture(autouse=True)
def portone_is_well() -> None:
    """What one test's process learned of PortOne is not the next one's."""
    from portone_django.flows import drain

    drain.forget_outage()


@pytest.fixture
def members(sandbox: Any, settings: Any) -> Iterator[Members]:
    """Subscribers under a clock that moves."""
    from portone_django import clock

    settings.PORTONE = {**settings.PORTONE, "MOVABLE_CLOCK": True}
    clock._forget_offset()
    yield Members(sandbox)
    clock._forget_offset()
