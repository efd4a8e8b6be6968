"""Webhooks as they came in: hints, unsigned, believed by nobody."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import WebhookDelivery
from .display import pretty_json
from .filters import PendingFilter
from .readonly import ReadOnlyAdmin


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """One row per distinct hint; how often it came, and whether PortOne was asked since."""

    list_display = ("last_seen_at", "merchant_uid", "imp_uid", "status", "cancellation_id", "count", "processed_at")
    list_filter = (PendingFilter, "last_seen_at")
    search_fields = ("merchant_uid__exact", "imp_uid__exact")
    search_help_text = _("merchant_uid or imp_uid, whole.")
    fields = (
        "merchant_uid", "imp_uid", "status", "cancellation_id", "count", "first_seen_at", "last_seen_at", "due_at",
        "processed_at", "body_text",
    )  # fmt: skip

    @admin.display(description=_("last body"))
    def body_text(self, delivery: WebhookDelivery) -> str:
        return pretty_json(delivery.body)
