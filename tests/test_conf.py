"""The PORTONE dict: read once, typed, every fault named with the line to write."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portone_django.conf import Config, get_config, problems

Change = Callable[..., None]

REQUIRED = ("USER_CODE", "IMP_KEY", "IMP_SECRET", "CHANNELS", "PUBLIC_BASE_URL", "UID_KEY", "MERCHANT_UID_PREFIX")


@pytest.fixture
def portone(settings: Any) -> Change:
    """Change keys of PORTONE; ... removes one."""

    def change(**keys: Any) -> None:
        changed = {**copy.deepcopy(settings.PORTONE), **keys}
        settings.PORTONE = {key: value for key, value in changed.items() if value is not ...}

    return change


def sentences(key: str = "") -> list[str]:
    return [text for found, text in problems() if key in ("", found)]


def test_complete_settings_have_no_problems() -> None:
    assert problems() == []
    assert get_config().user_code == "imp00000000"


def test_every_default_is_the_one_that_is_documented(settings: Any) -> None:
    settings.PORTONE = {key: settings.PORTONE[key] for key in REQUIRED}
    config = get_config()
    assert (config.api_base, config.sdk_url) == ("https://api.iamport.kr", "https://cdn.iamport.kr/v1/iamport.js")
    assert (config.webhook_mode, config.attempt_lifetime, config.vbank_days) == ("deferred", 1800, 3)
    assert (config.on_mismatch, config.late_payment) == ("hold", "hold")
    assert (config.time_zone, config.charge_hour, config.concurrency) == ("Asia/Seoul", 10, 8)
    assert config.movable_clock is False


@pytest.mark.parametrize("debug", [True, False])
def test_test_payments_are_accepted_in_development_only(portone: Change, settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    portone(ACCEPT_TEST_PAYMENTS=...)
    assert get_config().accept_test_payments is debug


@pytest.mark.parametrize("key", REQUIRED)
def test_every_required_key_is_missed_by_name(portone: Change, key: str) -> None:
    portone(**{key: ...})
    (sentence,) = sentences(key)
    assert sentence.startswith(f'PORTONE["{key}"] is missing. Write: "{key}": ')


@pytest.mark.parametrize("key", ["USER_CODE", "IMP_KEY", "IMP_SECRET"])
@pytest.mark.parametrize("value", ["", "   ", "\t\n"])
def test_blank_is_missing(portone: Change, key: str, value: str) -> None:
    portone(**{key: value})
    assert sentences(key) == [f'PORTONE["{key}"] is empty. Write: "{key}": os.environ["PORTONE_{key}"]']


def test_space_around_a_value_is_dropped(portone: Change) -> None:
    portone(IMP_KEY=" key\n", USER_CODE=" imp1 ")
    assert (get_config().imp_key, get_config().user_code) == ("key", "imp1")


@pytest.mark.parametrize(
    ("key", "near"), [("USERCODE", "USER_CODE"), ("IMP_SECRT", "IMP_SECRET"), ("user_code", "USER_CODE")]
)
def test_an_unknown_key_is_never_ignored(portone: Change, key: str, near: str) -> None:
    portone(**{key: "x"})
    assert sentences(key) == [f'PORTONE has an unknown key "{key}". Did you mean "{near}"?']


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ACCEPT_TEST_PAYMENTS", "False"),
        ("ACCEPT_TEST_PAYMENTS", 0),
        ("VBANK_DAYS", "3"),
        ("VBANK_DAYS", True),
        ("VBANK_DAYS", 3.0),
        ("ATTEMPT_LIFETIME", None),
        ("USER_CODE", None),
        ("IMP_KEY", 5),
        ("CHANNELS", []),
    ],
)
def test_a_value_of_another_type_is_never_converted(portone: Change, key: str, value: Any) -> None:
    portone(**{key: value})
    assert len(sentences(key)) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ATTEMPT_LIFETIME", 59),
        ("ATTEMPT_LIFETIME", 86401),
        ("VBANK_DAYS", 0),
        ("VBANK_DAYS", 61),
        ("CHARGE_HOUR", -1),
        ("CHARGE_HOUR", 24),
        ("CONCURRENCY", 0),
        ("WEBHOOK_MODE", "sometimes"),
        ("ON_MISMATCH", "accept"),
        ("LATE_PAYMENT", "lose"),
        ("TIME_ZONE", "Asia/Soul"),
        ("MERCHANT_UID_PREFIX", ""),
        ("MERCHANT_UID_PREFIX", "Shop"),
        ("MERCHANT_UID_PREFIX", "shop_1"),
        ("MERCHANT_UID_PREFIX", "ninechars"),
        ("MERCHANT_UID_PREFIX", "상점"),
        ("UID_KEY", "x" * 31),
        ("PUBLIC_BASE_URL", "shop.example"),
        ("API_BASE", "ftp://api.iamport.kr"),
    ],
)
def test_a_value_out_of_range_is_one_problem_that_names_its_key(portone: Change, key: str, value: Any) -> None:
    portone(**{key: value})
    (sentence,) = sentences()
    assert sentence.startswith(f'PORTONE["{key}"] ')


@pytest.mark.parametrize(
    ("key", "value", "entry"),
    [
        ("CHARGE_HOUR", "9", '"CHARGE_HOUR": 9'),
        ("CHARGE_HOUR", "ten", '"CHARGE_HOUR": 10'),
        ("CHARGE_HOUR", "24", '"CHARGE_HOUR": 10'),
        ("CHARGE_HOUR", 24, '"CHARGE_HOUR": 10'),
        ("ACCEPT_TEST_PAYMENTS", "True", '"ACCEPT_TEST_PAYMENTS": True'),
        ("ACCEPT_TEST_PAYMENTS", "no", '"ACCEPT_TEST_PAYMENTS": False'),
        ("SUPPORT", None, '"SUPPORT": ""'),
        ("ON_MISMATCH", "accept", '"ON_MISMATCH": "hold"'),
        ("TIME_ZONE", "Asia/Soul", '"TIME_ZONE": "Asia/Seoul"'),
        ("PUBLIC_BASE_URL", "shop.example", '"PUBLIC_BASE_URL": "https://shop.example"'),
        ("API_BASE", "api.iamport.kr", '"API_BASE": "https://api.iamport.kr"'),
        ("IMP_KEY", 5, '"IMP_KEY": os.environ["PORTONE_IMP_KEY"]'),
        ("UID_KEY", "short", '"UID_KEY": os.environ["PORTONE_UID_KEY"]'),
    ],
)
def test_a_wrong_value_is_told_with_the_entry_to_write(portone: Change, key: str, value: Any, entry: str) -> None:
    portone(**{key: value})
    (sentence,) = sentences()
    assert sentence.endswith(f" Write: {entry}")


@pytest.mark.parametrize("days", [0, 365, 5 * 365 + 1])
def test_payments_are_kept_five_years_and_the_refusal_says_why(portone: Change, days: int) -> None:
    portone(KEEP_PAYMENT_DAYS=days)
    assert sentences() == [
        f'PORTONE["KEEP_PAYMENT_DAYS"] must be between 1827 and 36600, not {days}: '
        'the law keeps records of payments for five years (전자상거래법 시행령 §6). Write: "KEEP_PAYMENT_DAYS": 1830'
    ]


def test_payments_may_be_kept_longer_than_five_years(portone: Change) -> None:
    portone(KEEP_PAYMENT_DAYS=5 * 365 + 2)
    assert get_config().keep_payment_days == 1827
    portone(KEEP_PAYMENT_DAYS=10 * 366)
    assert get_config().keep_payment_days == 3660


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({}, "has neither"),
        ({"channel_key": "k", "pg": "html5_inicis.M"}, "has both"),
        ({"pg": "html5_inicis"}, "must name the MID"),
        ({"channel_key": "k", "sandbox": "yes"}, "must be True or False"),
        ({"channel_key": "k", "channelkey": "k"}, 'unknown key "channelkey". Did you mean "channel_key"?'),
        ("k", "must be a dict"),
    ],
)
def test_a_bad_channel_is_named(portone: Change, channel: Any, said: str) -> None:
    portone(CHANNELS={"checkout": channel})
    (sentence,) = sentences("CHANNELS")
    assert sentence.startswith('PORTONE["CHANNELS"]["checkout"] ')
    assert said in sentence


def test_get_config_raises_with_every_problem_at_once(portone: Change) -> None:
    portone(USER_CODE="", VBANK_DAYS=0, CHANELS={})
    with pytest.raises(ImproperlyConfigured) as raised:
        get_config()
    assert len(str(raised.value).splitlines()) == 3


@pytest.mark.parametrize("value", [None, 5, "x", []])
def test_settings_that_are_no_dict_are_a_problem_and_no_crash(settings: Any, value: Any) -> None:
    settings.PORTONE = value
    assert len(problems()) == 1


def test_an_unknown_channel_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"no channel 'biling' \(configured: 'checkout', 'billing'\)"):
        get_config().channel("biling")


def test_secrets_are_in_no_repr_and_in_no_problem(portone: Change) -> None:
    portone(IMP_KEY="canary-1", IMP_SECRET="canary-2", UID_KEY="canary-3" + "x" * 32)
    assert "canary" not in repr(get_config())

    portone(UID_KEY="canary-4", IMP_SECRET=["canary-5"])
    assert len(problems()) == 2
    assert "canary" not in str(problems())


def test_the_configuration_cannot_be_changed_by_accident() -> None:
    config: Any = get_config()
    with pytest.raises(AttributeError):
        config.accept_test_payments = True
    assert isinstance(config, Config)


def test_a_changed_setting_is_seen_at_once(portone: Change) -> None:
    assert get_config().vbank_days == 3
    portone(VBANK_DAYS=5)
    assert get_config().vbank_days == 5
