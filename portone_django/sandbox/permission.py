"""Where the sandbox may run: with DEBUG, or where somebody wrote that it may."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .options import read_options

_allowed_by_command = False


def allow() -> None:
    """The command's --allow-production: for the rest of this process."""
    global _allowed_by_command
    _allowed_by_command = True


def check_permission() -> None:
    """ImproperlyConfigured, with the line to write, when this process must not simulate payments."""
    told = read_options().allow_without_debug
    if settings.DEBUG or told or _allowed_by_command:
        return
    raise ImproperlyConfigured(
        "The PortOne sandbox takes no real money and refuses to run with DEBUG = False. If this is meant, write "
        'PORTONE_SANDBOX = {"ALLOW_WITHOUT_DEBUG": True} in the settings, '
        "or start it with: python manage.py portone_sandbox --allow-production"
    )
