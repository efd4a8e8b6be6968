"""The order of an examination: settings first, for without them nobody can be asked; then PortOne, then our rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.core.checks import ERROR, CheckMessage, Tags, run_checks
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _

from ...conf import get_config
from ..breakdown import explain
from .account import examine_account
from .backlog import examine_backlog
from .findings import Finding, Level
from .sweep import examine_charging, examine_sweep

_CHECKS_TAG = "portone"


def diagnose() -> list[Finding]:
    """Look at everything; never raises for what it finds. Asks PortOne twice, remembers what it says of channels.

    Must not run inside a transaction.
    """
    findings = list(_settings())
    if _is_configured():
        findings += _apart("portone", examine_account)
    findings += _apart("database", _database)
    findings += _apart("sweep", examine_sweep)
    findings += _apart("sweep", examine_charging)
    findings += _apart("backlog", examine_backlog)
    return findings


def _settings() -> Iterator[Finding]:
    # What development may do is judged as development, all else as a deployment.
    messages = [
        each
        for each in run_checks(tags=[_CHECKS_TAG], include_deployment_checks=not settings.DEBUG)
        if not each.is_silenced()
    ]
    yield from map(_from_check("settings"), messages)
    if not messages:
        yield Finding("settings", Level.OK, _("The settings are complete."))


def _database() -> Iterator[Finding]:
    messages = [
        each
        for each in run_checks(tags=[Tags.database], databases=["default"])
        if str(each.id).startswith("portone.") and not each.is_silenced()
    ]
    # The heartbeat and the channels have sections of their own.
    messages = [each for each in messages if each.id not in ("portone.W016", "portone.E006")]
    yield from map(_from_check("database"), messages)
    if not messages:
        yield Finding("database", Level.OK, _("Settings, tables and unique indexes of the database are in order."))


def _from_check(area: str) -> Callable[[CheckMessage], Finding]:
    def convert(message: CheckMessage) -> Finding:
        level = Level.FAILURE if message.level >= ERROR else Level.WARNING
        return Finding(area, level, f"{message.id}: {message.msg}", str(message.hint or ""))

    return convert


def _is_configured() -> bool:
    try:
        get_config()
    except Exception:  # whatever is wrong with them, the settings' section has said it
        return False
    return True


def _apart(area: str, examine: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """A part's findings; a database that does not answer is one of them."""
    found: list[Finding] = []
    try:
        for each in examine():  # what was found before a breakdown stays
            found.append(each)
    except (DatabaseError, InterfaceError) as error:
        text, command_line = explain(error)
        hint = command_line or _("Look at DATABASES in the settings, and at the database server.")
        found.append(Finding(area, Level.FAILURE, text, hint))
    return found
