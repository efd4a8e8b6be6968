"""E001, E026, W026, E039: the PORTONE dict and what it leans on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks

from portone_django.adapter import Adapter
from portone_django.conf import Config

from .conftest import Said

Change = Callable[..., None]


class Fitting(Adapter):
    pass


class NotAnAdapter:
    pass


def test_complete_settings_are_not_complained_about(said: Said) -> None:
    assert said("portone.E001") == []


@pytest.mark.parametrize("key", ["USER_CODE", "IMP_KEY", "IMP_SECRET", "CHANNELS", "UID_KEY", "MERCHANT_UID_PREFIX"])
def test_each_missing_key_is_named_with_the_line_to_write(said: Said, portone: Change, key: str) -> None:
    portone(**{key: None})

    (message,) = said("portone.E001")

    assert message.msg == f'PORTONE["{key}"] is missing.'
    assert message.hint
    assert message.hint.startswith(f'Write: "{key}": ')


def test_an_unknown_key_is_named_with_the_nearest_one(said: Said, portone: Change) -> None:
    portone(CHANELS={})

    (message,) = said("portone.E001")

    assert '"CHANELS"' in message.msg
    assert message.hint == 'Did you mean "CHANNELS"?'


@pytest.mark.parametrize("key", [each.name.upper() for each in dataclasses.fields(Config)])
def test_whatever_has_an_impossible_type_gets_a_hint_to_write(said: Said, portone: Change, key: str) -> None:
    portone(**{key: {"no", "such", "type"}})

    (message,) = said("portone.E001")

    assert message.msg.startswith(f'PORTONE["{key}"] must ')
    assert message.hint
    assert message.hint.startswith(f'Write: "{key}": ')


@pytest.mark.parametrize(
    "channel", ["k", {"channel_key": 5}, {"pg": "html5_inicis"}, {"channel_key": "k", "sandbox": "yes"}]
)
def test_a_bad_channel_gets_a_hint_to_write(said: Said, portone: Change, channel: Any) -> None:
    portone(CHANNELS={"checkout": channel})

    (message,) = said("portone.E001")

    assert message.msg.startswith('PORTONE["CHANNELS"]["checkout"]')
    assert message.hint
    assert message.hint.startswith('Write: "')


def test_an_unknown_key_that_is_near_to_none_is_to_be_left_out(said: Said, portone: Change) -> None:
    portone(XYZ=1)
    assert [each.hint for each in said("portone.E001")] == ["Leave it out."]


def test_a_short_uid_key_is_told_how_to_make_one_and_where_to_write_it(said: Said, portone: Change) -> None:
    portone(UID_KEY="short")

    (message,) = said("portone.E001")

    assert message.hint
    assert message.hint.startswith("Make one: python -c ")
    assert message.hint.endswith('Write: "UID_KEY": os.environ["PORTONE_UID_KEY"]')


def test_without_a_portone_dict_the_first_line_of_one_is_shown(said: Said, settings: Any) -> None:
    del settings.PORTONE

    (message,) = said("portone.E001")

    assert message.hint
    assert message.hint.startswith("Write: PORTONE = {")


def test_a_dict_that_cannot_be_read_at_all_does_not_stop_the_command(said: Said, portone: Change) -> None:
    portone(CHANNELS={"checkout": {"pg": 5}})

    (message,) = said("portone.E001")

    assert message.is_serious()
    others = {each.id for each in run_checks(tags=["portone"])} - {"portone.E001", "portone.W029"}
    assert others == set(), "nobody else complains of it"


def test_an_adapter_that_cannot_be_imported_is_found_before_the_first_webhook(said: Said, portone: Change) -> None:
    portone(ADAPTER="shop.payments.Adapter")

    (message,) = said("portone.E001")

    assert "cannot be imported (ModuleNotFoundError)" in message.msg
    assert message.hint
    assert message.hint.startswith('Write: "ADAPTER": ')


def test_an_adapter_must_be_a_subclass_of_ours(said: Said, portone: Change) -> None:
    portone(ADAPTER=f"{__name__}.NotAnAdapter")
    assert "not a subclass" in said("portone.E001")[0].msg

    portone(ADAPTER=f"{__name__}.Fitting")
    assert said("portone.E001") == []


def test_naive_times_are_refused(said: Said, settings: Any) -> None:
    assert said("portone.E026") == []

    settings.USE_TZ = False

    (message,) = said("portone.E026")
    assert message.hint == "Write: USE_TZ = True"


@pytest.mark.parametrize(("hour", "count"), [(0, 1), (3, 1), (4, 0), (10, 0), (23, 0)])
def test_charging_at_night_is_warned_of(said: Said, portone: Change, hour: int, count: int) -> None:
    portone(CHARGE_HOUR=hour)

    messages = said("portone.W026")

    assert len(messages) == count
    assert all(each.hint == 'Write: "CHARGE_HOUR": 10' and not each.is_serious() for each in messages)


@pytest.mark.parametrize("where", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_the_uid_key_must_not_be_the_secret_key_now_or_before(
    said: Said, portone: Change, settings: Any, where: str
) -> None:
    assert said("portone.E039") == []
    key = "one-key-for-everything-" + "k" * 32

    setattr(settings, where, key if where == "SECRET_KEY" else [key])
    portone(UID_KEY=key)

    (message,) = said("portone.E039")
    assert message.hint
    assert '"UID_KEY": os.environ["PORTONE_UID_KEY"]' in message.hint
    assert key not in f"{message.msg}{message.hint}"
