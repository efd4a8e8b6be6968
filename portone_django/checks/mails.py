"""Whether the mails to customers leave this machine, from an address that they can believe."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import global_settings, settings
from django.core.checks import CheckMessage, Warning

from .registration import check, readable_config

_GO_NOWHERE = tuple(f"django.core.mail.backends.{name}." for name in ("console", "dummy", "filebased", "locmem"))


@check("portone.W047", deploy=True)
def check_mails() -> Iterator[CheckMessage]:
    """Customers whose card is declined learn of it by mail, and by nothing else."""
    from ..flows.notices import NOTICES, is_wanted

    config = readable_config()
    if settings.DEBUG or config is None or "billing" not in config.channels or not any(map(is_wanted, NOTICES)):
        return
    if settings.EMAIL_BACKEND.startswith(_GO_NOWHERE):
        yield Warning(
            f"Mails to customers about their cards and bills go nowhere: EMAIL_BACKEND is {settings.EMAIL_BACKEND!r}.",
            hint='Write: EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # with EMAIL_HOST …, or switch '
            'them off: "NOTICES": {"bill_paid": False, …}',
            id="portone.W047",
        )
    if settings.DEFAULT_FROM_EMAIL == global_settings.DEFAULT_FROM_EMAIL:
        yield Warning(
            f"Mails to customers come from {settings.DEFAULT_FROM_EMAIL}, which most mail servers refuse.",
            hint='Write: DEFAULT_FROM_EMAIL = "Shop <billing@shop.example>"',
            id="portone.W047",
        )
