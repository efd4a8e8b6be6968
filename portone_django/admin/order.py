"""Orders: what was sold to whom, its attempts, and what happened."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import BillingCycle, Order
from .amounts import Amounts
from .display import NOTHING, external_link, money, pretty_json, row_link
from .event import Timeline
from .payment import Attempts
from .readonly import ReadOnlyAdmin

_SALE = (
    "public_id", "kind", "bill", "reference", "name", "state", "amount_text", "tax_free_text", "vat_text",
    "refunded_text",
)  # fmt: skip
_BUYER = ("customer", "buyer_name", "buyer_email", "buyer_tel", "buyer_addr", "buyer_postcode")
_PROJECT = ("target_text", "return_link", "metadata_text")
_TIMES = ("created_at", "updated_at", "expires_at", "paid_at")


@admin.register(Order)
class OrderAdmin(Amounts, ReadOnlyAdmin):
    """One sale with its attempts and its timeline."""

    list_display = (
        "public_id", "name", "kind", "buyer_name", "state", "amount_text", "refunded_text", "created_at", "paid_at",
    )  # fmt: skip
    list_filter = ("state", "kind", "created_at")
    search_fields = (
        "public_id__exact", "reference__exact", "payments__merchant_uid__exact", "payments__imp_uid__exact",
        "buyer_name__startswith",
    )  # fmt: skip
    search_help_text = _("Order number, reference, merchant_uid or imp_uid, whole; or the buyer's name.")
    fieldsets = (
        (None, {"fields": _SALE}),
        (_("Buyer"), {"fields": _BUYER}),
        (_("Project"), {"fields": _PROJECT}),
        (_("Times"), {"fields": _TIMES}),
    )
    inlines = (Attempts, Timeline)

    @admin.display(description=_("bill"))
    def bill(self, order: Order) -> str:
        cycle = BillingCycle.objects.filter(order=order.pk).first() if order.kind == Order.Kind.CYCLE else None
        return row_link(self, cycle) if cycle is not None else NOTHING

    @admin.display(description=_("refunded amount"), ordering="refunded_amount")
    def refunded_text(self, order: Order) -> str:
        return money(order.refunded_amount or None, order.currency)

    @admin.display(description=_("the project's object"))
    def target_text(self, order: Order) -> str:
        # Its name and number, not the object: that would be another query, on a table of the project's.
        return f"{order.content_type} {order.object_id}" if order.content_type else "–"

    @admin.display(description=_("page to go on to"))
    def return_link(self, order: Order) -> str:
        return external_link(order.return_url)

    @admin.display(description=_("metadata"))
    def metadata_text(self, order: Order) -> str:
        return pretty_json(order.metadata)
