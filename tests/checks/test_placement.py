"""E024, W029, W044, W046: the rest of the project's settings."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.conf import settings as django_settings

from portone_django.middleware import CheckoutMiddleware

from .conftest import Said


class ToTheReplica:
    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == "portone" else None


class Elsewhere:
    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "payments"

    db_for_read = db_for_write


class OwnCheckoutMiddleware(CheckoutMiddleware):
    pass


def test_reads_from_a_replica_are_an_error(said: Said, settings: Any) -> None:
    assert said("portone.E024") == []

    settings.DATABASE_ROUTERS = [f"{__name__}.ToTheReplica"]

    messages = said("portone.E024")
    assert ["Order" in each.msg for each in messages] == [True, False]
    assert messages[0].hint
    assert 'app_label == "portone"' in messages[0].hint


def test_rows_in_a_database_of_their_own_are_an_error(said: Said, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.Elsewhere"]
    assert len(said("portone.E024")) == 4


def test_djangos_default_opener_policy_needs_our_middleware(said: Said, settings: Any) -> None:
    (message,) = said("portone.W029")
    assert message.hint
    assert "portone_django.middleware.CheckoutMiddleware" in message.hint

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "portone_django.middleware.CheckoutMiddleware"]
    assert said("portone.W029") == []


def test_a_subclass_of_our_middleware_counts(said: Said, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.OwnCheckoutMiddleware"]
    assert said("portone.W029") == []


def test_another_opener_policy_needs_no_middleware(said: Said, settings: Any) -> None:
    settings.SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin-allow-popups"
    assert said("portone.W029") == []


@pytest.mark.parametrize("age", [60, None])
def test_kept_connections_need_health_checks(said: Said, monkeypatch: pytest.MonkeyPatch, age: int | None) -> None:
    database = django_settings.DATABASES["default"]
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.postgresql")
    monkeypatch.setitem(database, "CONN_HEALTH_CHECKS", False)
    monkeypatch.setitem(database, "CONN_MAX_AGE", 0)
    assert said("portone.W044") == []

    monkeypatch.setitem(database, "CONN_MAX_AGE", age)
    (message,) = said("portone.W044")
    assert message.hint == 'Write: DATABASES["default"]["CONN_HEALTH_CHECKS"] = True'

    monkeypatch.setitem(database, "CONN_HEALTH_CHECKS", True)
    assert said("portone.W044") == []


def test_templates_need_the_request(said: Said, settings: Any) -> None:
    assert said("portone.W046") == []
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["OPTIONS"]["context_processors"].remove("django.template.context_processors.request")

    settings.TEMPLATES = templates

    (message,) = said("portone.W046")
    assert message.hint
    assert "django.template.context_processors.request" in message.hint
