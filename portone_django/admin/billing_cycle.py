"""Bills: one for each period, with its lines, its order and the charges that were tried for it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from ..models import BillingCycle, CycleLine, Payment
from .amounts import Amounts
from .display import NOTHING, money, row_link
from .readonly import ReadOnlyAdmin, ReadOnlyInline

# The page of a subscription shows so many of its newest bills; the list of bills has all.
NEWEST = 24
_BILL = ("subscription", "number", "period", "state", "amount_text", "order", "charges")
_COLLECTION = ("due_at", "failures", "decline", "next_step_at", "paid_at", "next_due_at")


class _Shown(Amounts):
    """What a bill looks like, in a list and on a page."""

    admin_site: admin.AdminSite

    @admin.display(description=_("period"), ordering="period_start")
    def period(self, cycle: BillingCycle) -> str:
        return f"{cycle.period_start} – {cycle.last_day}"

    @admin.display(description=_("order"))
    def order_link(self, cycle: BillingCycle) -> str:
        """Its name only says the period again."""
        return row_link(self, cycle.order, str(_("Show"))) if cycle.order is not None else NOTHING

    @admin.display(description=_("charges"))
    def charges(self, cycle: BillingCycle) -> str:
        """The attempts at its order, each a link with its state."""
        payments = cycle.order.payments.all() if cycle.order is not None else ()
        rows = [
            (row_link(self, each, f"{each.attempt_no}. {each.get_state_display()}"),)
            for each in sorted(payments, key=lambda payment: payment.attempt_no)
        ]
        return format_html_join("", "<div>{}</div>", rows) or NOTHING


class _PrivateCharges:
    """Charges are shown to those who may see payments."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields: Any = super().get_fields(request, obj)  # type: ignore[misc]
        return [name for name in fields if name != "charges" or request.user.has_perm("portone.view_payment")]


class Lines(ReadOnlyInline):
    """What a bill is made of."""

    model = CycleLine
    fields = ("kind", "name", "amount_text")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = False

    @admin.display(description=_("amount"))
    def amount_text(self, line: CycleLine) -> str:
        return money(line.amount, line.cycle.currency)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("portone.view_billingcycle")


class Bills(_PrivateCharges, _Shown, ReadOnlyInline):
    """The newest bills of a subscription."""

    model = BillingCycle
    verbose_name_plural = _("newest bills")
    fields = (
        "number",
        "period",
        "state",
        "lines_text",
        "amount_text",
        "order_link",
        "charges",
        "failures",
        "next_step_at",
    )
    readonly_fields = fields
    ordering = ("-number",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BillingCycle]:
        # Added and not subtracted: MariaDB's unsigned numbers cannot be negative.
        newest = super().get_queryset(request).filter(subscription__cycle_no__lt=F("number") + NEWEST)
        return newest.select_related("order").prefetch_related("lines", "order__payments")

    @admin.display(description=_("lines of a bill"))
    def lines_text(self, cycle: BillingCycle) -> str:
        rows = [(line.name, money(line.amount, cycle.currency)) for line in cycle.lines.all()]
        return format_html_join("", "<div>{} {}</div>", rows) or NOTHING


@admin.register(BillingCycle)
class BillingCycleAdmin(_PrivateCharges, _Shown, ReadOnlyAdmin):
    """What is tried again, cancelled or taken up is the subscription: its page has the buttons."""

    list_display = (
        "subscription_no", "number", "state", "amount_text", "customer", "failures", "next_step_at", "period", "due_at",
    )  # fmt: skip
    list_filter = ("state", "due_at")
    list_select_related = ("subscription__customer",)
    search_fields = ("subscription__public_id__exact", "order__public_id__exact")
    search_help_text = _("Subscription number or order number, whole.")
    fieldsets = (
        (None, {"fields": _BILL}),
        (_("Collection"), {"fields": _COLLECTION}),
        (_("Times"), {"fields": ("created_at", "updated_at")}),
    )
    inlines = (Lines,)

    def get_fieldsets(self, request: HttpRequest, obj: BillingCycle | None = None) -> Any:
        if request.user.has_perm("portone.view_payment"):
            return self.fieldsets
        (title, first), *others = self.fieldsets
        return ((title, {"fields": tuple(name for name in first["fields"] if name != "charges")}), *others)

    @admin.display(description=_("subscription number"))
    def subscription_no(self, cycle: BillingCycle) -> str:
        return cycle.subscription.public_id

    @admin.display(description=_("customer"))
    def customer(self, cycle: BillingCycle) -> str:
        return str(cycle.subscription.customer or NOTHING)

    @admin.display(description=_("kind of decline"))
    def decline(self, cycle: BillingCycle) -> str:
        return decline_of(cycle)


def decline_of(cycle: BillingCycle) -> str:
    """The kind of its last decline, in words."""
    return (
        str(dict(Payment.Decline.choices).get(cycle.decline_kind, cycle.decline_kind))
        if cycle.decline_kind
        else NOTHING
    )
