"""Events: the audit trail, and which receivers were not reached."""

from __future__ import annotations

import uuid

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Event
from .display import NOTHING, facts, row_link
from .filters import DispatchFilter, KindFilter
from .readonly import ReadOnlyAdmin, ReadOnlyInline


class Timeline(ReadOnlyInline):
    """The events of an order or payment, in the order in which they happened."""

    model = Event
    verbose_name_plural = _("timeline")
    fields = ("created_at", "kind", "source", "payment", "data_text", "dispatched_at")
    readonly_fields = fields
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).select_related("payment")

    @admin.display(description=_("data"))
    def data_text(self, event: Event) -> str:
        return facts(event.data)


class SubscriptionTimeline(Timeline):
    """The events of a subscription, each with the bill's order."""

    fields = ("created_at", "kind", "source", "order_link", "data_text", "dispatched_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).select_related("order")

    @admin.display(description=_("order"))
    def order_link(self, event: Event) -> str:
        """Its name would fill the row."""
        return row_link(self, event.order, str(_("Show"))) if event.order is not None else NOTHING


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """A parked event is one whose receivers raised ten times: the shop does not know of it."""

    list_display = ("created_at", "kind", "order", "payment", "about", "source", "dispatched_at", "dispatch_attempts")
    list_filter = (KindFilter, DispatchFilter, "created_at")
    list_select_related = ("order", "payment", "subscription", "billing_key")
    search_fields = ("order__public_id__exact", "payment__merchant_uid__exact", "subscription__public_id__exact")
    search_help_text = _("Event id, order number, merchant_uid or subscription number, whole.")
    fields = (
        "event_id", "kind", "order", "payment", "refund", "subscription", "billing_key", "source", "data_text",
        "created_at", "dispatched_at", "dispatch_attempts", "notice_due_at", "notified_at",
    )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        # As a search field the id would be compared as text, past its index and unlike SQLite and MariaDB store it.
        try:
            return queryset.filter(event_id=uuid.UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("subscription or card"))
    def about(self, event: Event) -> str:
        if event.subscription is not None:
            return row_link(self, event.subscription, event.subscription.public_id)
        return row_link(self, event.billing_key) if event.billing_key is not None else NOTHING

    @admin.display(description=_("data"))
    def data_text(self, event: Event) -> str:
        return facts(event.data)
