"""Subscriptions: who pays what from which card, their bills, and what an operator does about one."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..models import BillingCycle, Subscription
from .billing_cycle import Bills
from .cancelling import CANCEL
from .collecting import RESUME, RETRY
from .deciding import DecidingAdmin
from .display import NOTHING, list_link, money, pretty_json
from .event import SubscriptionTimeline
from .filters import SubscriptionAttentionFilter

_TERMS = ("public_id", "customer", "reference", "price", "billing_key", "state", "end_reason")
_PERIODS = ("period", "cycle_no", "anchor", "next_bill_at", "carried_text", "grace_until", "bills")
_ENDING = ("cancel_at", "cancel_refund", "ended_at")


@admin.register(Subscription)
class SubscriptionAdmin(DecidingAdmin):
    """One page with everything about it; its token, from which charges get their names, is not shown."""

    decisions = (CANCEL, RETRY, RESUME)
    list_display = ("public_id", "state", "customer", "next_bill_at", "cancel_at", "price", "card")
    list_filter = ("state", SubscriptionAttentionFilter, "price__plan")
    list_select_related = ("customer", "price__plan", "billing_key")
    search_help_text = _("Subscription number or reference, whole; or the customer's login name.")
    fieldsets = (
        (None, {"fields": _TERMS}),
        (_("Periods"), {"fields": _PERIODS}),
        (_("Ending"), {"fields": _ENDING}),
        (_("Project"), {"fields": ("metadata_text",), "classes": ("collapse",)}),
        (_("Times"), {"fields": ("created_at", "started_at", "updated_at")}),
    )
    inlines = (Bills, SubscriptionTimeline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return super().get_queryset(request).select_related("customer", "price__plan", "billing_key")

    def get_search_fields(self, request: HttpRequest) -> Any:
        return ("public_id__exact", "reference__exact", f"customer__{get_user_model().USERNAME_FIELD}__exact")

    @admin.display(description=_("card on file"))
    def card(self, subscription: Subscription) -> str:
        key = subscription.billing_key
        if key is None:
            return NOTHING
        return key.label if key.is_usable else f"{key.label} ({key.get_state_display()})"

    @admin.display(description=_("period"))
    def period(self, subscription: Subscription) -> str:
        start, end = subscription.period_start, subscription.period_end
        if start is None or end is None:
            return NOTHING
        return f"{date_format(start)} – {date_format(end - dt.timedelta(days=1))}"

    @admin.display(description=_("carried to the next bill"))
    def carried_text(self, subscription: Subscription) -> str:
        return money(subscription.carried_amount or None, subscription.price.currency)

    @admin.display(description=_("bills"))
    def bills(self, subscription: Subscription) -> str:
        return list_link(self, BillingCycle, subscription=subscription.pk)

    @admin.display(description=_("metadata"))
    def metadata_text(self, subscription: Subscription) -> str:
        return pretty_json(subscription.metadata)
