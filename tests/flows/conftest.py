"""Two customers of one shop."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import UserFactory


@pytest.fixture
def user() -> Any:
    return UserFactory()


@pytest.fixture
def other() -> Any:
    return UserFactory()
