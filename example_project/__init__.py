"""A small coffee shop that takes money through portone_django, on the sandbox or on the real PortOne."""

from .celery import app as celery_app

__all__ = ["celery_app"]
