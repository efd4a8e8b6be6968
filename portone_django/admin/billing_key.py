"""Cards on file: whose, how they stand, and what an operator does with one. A customer_uid is not shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ..models import BillingKey, Payment, Subscription
from .card_pages import DEFAULT, DELETE, RECHECK, health, masked
from .deciding import DecidingAdmin
from .display import NOTHING, expected_channel, list_link, row_link, short
from .event import Timeline
from .filters import HealthFilter
from .readonly import ReadOnlyInline

_CARD = ("public_id", "card", "name", "customer", "state", "is_default", "health_text", "payments")
_REGISTRATION = ("source", "channel", "expected", "issue_uid", "issue_imp_uid", "replaces", "registered_for")
_HEALTH = ("fail_reason", "failed_at", "quarantine_reason", "deletion")
_TIMES = ("created_at", "registered_at", "expires_at", "checked_at", "next_check_at", "deleted_at", "updated_at")


class KeptSubscriptions(ReadOnlyInline):
    """The subscriptions that pay with a card."""

    model = Subscription
    fk_name = "billing_key"
    fields = ("public_id", "price", "state", "next_bill_at", "cancel_at")
    readonly_fields = fields
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return super().get_queryset(request).select_related("price__plan")


@admin.register(BillingKey)
class BillingKeyAdmin(DecidingAdmin):
    """Found by the customer's login name, not by what a charge would need."""

    decisions = (DEFAULT, RECHECK, DELETE)
    list_display = ("card", "state", "health_short", "customer", "is_default", "created_at")
    list_filter = ("state", HealthFilter, "created_at")
    list_select_related = ("customer",)
    search_help_text = _("Card id or the registration's merchant_uid or imp_uid, whole; or the customer's login name.")
    fieldsets = (
        (None, {"fields": _CARD}),
        (_("How it was registered"), {"fields": _REGISTRATION}),
        (capfirst(_("health")), {"fields": _HEALTH}),
        (_("Times"), {"fields": _TIMES}),
    )
    inlines = (KeptSubscriptions, Timeline)

    def get_search_fields(self, request: HttpRequest) -> Any:
        login = f"customer__{get_user_model().USERNAME_FIELD}__exact"
        return ("public_id__exact", "issue_uid__exact", "issue_imp_uid__exact", login)

    @admin.display(description=_("card"))
    def card(self, key: BillingKey) -> str:
        return masked(key)

    @admin.display(description=_("default card"), boolean=True)
    def is_default(self, key: BillingKey) -> bool:
        return key.is_default

    @admin.display(description=_("health"))
    def health_short(self, key: BillingKey) -> str:
        return short(health(key))

    @admin.display(description=_("health"))
    def health_text(self, key: BillingKey) -> str:
        return health(key)

    @admin.display(description=_("expected provider, MID, test or real"))
    def expected(self, key: BillingKey) -> str:
        return expected_channel(key)

    @admin.display(description=_("registered for"))
    def registered_for(self, key: BillingKey) -> str:
        return row_link(self, key.subscription, key.subscription.public_id) if key.subscription else NOTHING

    @admin.display(description=_("payments"))
    def payments(self, key: BillingKey) -> str:
        return list_link(self, Payment, billing_key=key.pk)
