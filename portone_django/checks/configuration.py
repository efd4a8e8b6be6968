"""Whether PORTONE itself is complete and means what it says."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils.module_loading import import_string

from ..adapter import Adapter
from ..conf import problems
from .registration import check, readable_config

_FIRST_GOOD_HOUR = 4


@check("portone.E001")
def check_settings() -> Iterator[CheckMessage]:
    """Every fault of the settings dict, one message each."""
    for key, text in _problems():
        sentence, hint = _split(key, text)
        yield Error(sentence, hint=hint, id="portone.E001")
    if fault := _adapter_fault():
        yield Error(
            f'PORTONE["ADAPTER"] {fault}',
            hint='Write: "ADAPTER": "shop.payments.Adapter"  # a subclass of portone_django.adapter.Adapter',
            id="portone.E001",
        )


@check("portone.E026")
def check_time_zones() -> Iterator[CheckMessage]:
    """Deadlines and receipts need aware times."""
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is False: a virtual account's deadline would be read in the server's local time.",
            hint="Write: USE_TZ = True",
            id="portone.E026",
        )


@check("portone.W026")
def check_charge_hour() -> Iterator[CheckMessage]:
    """Card companies close their books and keep their machines up in these hours; in some zones clocks change then."""
    config = readable_config()
    if config and config.charge_hour < _FIRST_GOOD_HOUR:
        yield Warning(
            f'PORTONE["CHARGE_HOUR"] is {config.charge_hour}: many charges fail between midnight and four, while card '
            "companies are at work on their systems.",
            hint='Write: "CHARGE_HOUR": 10',
            id="portone.W026",
        )


@check("portone.E039")
def check_uid_key() -> Iterator[CheckMessage]:
    """Renewals derive their merchant_uid from UID_KEY: a rotated SECRET_KEY must not change them."""
    config = readable_config()
    secrets = {settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS}
    if config and config.uid_key in {str(secret) for secret in secrets}:
        yield Error(
            'PORTONE["UID_KEY"] is SECRET_KEY: rotating it would change the merchant_uid of charges under way, and '
            "PortOne would take the same money twice.",
            hint='Make another with python -c "import secrets; print(secrets.token_hex(32))" and write: '
            '"UID_KEY": os.environ["PORTONE_UID_KEY"]',
            id="portone.E039",
        )


def _problems() -> list[tuple[str, str]]:
    try:
        return problems()
    except Exception as error:
        return [("PORTONE", f"PORTONE cannot be read ({type(error).__name__}): a value in it has an impossible type.")]


def _split(key: str, text: str) -> tuple[str, str]:
    """A fault's sentence, and the part of it that says what to do."""
    for start in (" Make one: ", " Write: ", " Did you mean ", " There are: ", " Keep ", " Leave it out"):
        sentence, found, rest = text.partition(start)
        if found:
            return sentence, (found + rest).strip()
    where = "PORTONE" if key == "PORTONE" else f'PORTONE["{key}"]'
    return text, f"Mend {where} in the settings."


def _adapter_fault() -> str | None:
    config = readable_config()
    if config is None:
        return None
    try:
        adapter = import_string(config.adapter)
    except Exception as error:
        return f"{config.adapter!r} cannot be imported ({type(error).__name__})."
    if not (isinstance(adapter, type) and issubclass(adapter, Adapter)):
        return f"{config.adapter!r} is not a subclass of portone_django.adapter.Adapter."
    return None
