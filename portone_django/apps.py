"""The app's entry in INSTALLED_APPS."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortOneConfig(AppConfig):
    """PortOne V1 payments."""

    name = "portone_django"
    label = "portone"
    verbose_name = _("Payments (PortOne)")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registers the system checks)
