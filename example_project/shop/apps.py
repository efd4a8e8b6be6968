"""The shop's entry in INSTALLED_APPS."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """A small coffee roastery."""

    name = "example_project.shop"
    label = "shop"
    verbose_name = "Namu Coffee"

    def ready(self) -> None:
        from . import receivers  # noqa: F401  (connects the receivers)
