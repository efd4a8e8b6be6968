"""Fixtures of the suite."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.shop import Shop


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
