"""Payments: one attempt each, what was asked beside what PortOne answered, and what can be decided about its money."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Payment
from .amounts import Amounts
from .deciding import DecidingAdmin
from .display import expected_channel, external_link, money, pretty_json
from .elsewhere import ELSEWHERE, ELSEWHERE_SURPLUS
from .event import Timeline
from .filters import AttentionFilter
from .readonly import ReadOnlyInline
from .receipt import CashReceipts
from .refund import Refunds
from .refunding import REFUND
from .resolving import RESOLVE, SURPLUS

_STATE = ("order", "attempt_no", "merchant_uid", "state", "hold_reason", "quarantine_reason", "fail_reason")
_ASKED = ("name", "amount_text", "tax_free_text", "vat_text", "channel", "expected", "is_prepared", "options_text")
_ANSWERED = (
    "imp_uid", "pay_method", "answered", "sandbox", "pg_tid", "apply_num", "card_name", "card_quota", "bank_name",
    "vbank_name", "vbank_num", "vbank_holder", "vbank_expires_at", "receipt", "received_text",
    "cancelled_text", "elsewhere_text", "surplus_text", "escrow", "escrow_status", "escrow_changed_at",
    "escrow_denied_reason", "delivery_company", "delivery_invoice", "records_text",
)  # fmt: skip
_CHARGE = ("billing_key", "sent_at", "send_count", "decline_kind", "refusal", "charge_due_at", "look_first")
_TIMES = ("created_at", "updated_at", "expires_at", "paid_at", "failed_at", "checked_at", "next_check_at")


class Attempts(Amounts, ReadOnlyInline):
    """The attempts of an order."""

    model = Payment
    verbose_name_plural = _("payments")
    fields = ("attempt_no", "state", "hold_reason", "amount_text", "pay_method", "imp_uid", "receipt", "paid_at")
    readonly_fields = fields
    ordering = ("attempt_no",)

    @admin.display(description=_("receipt"))
    def receipt(self, payment: Payment) -> str:
        return external_link(payment.receipt_url)


@admin.register(Payment)
class PaymentAdmin(Amounts, DecidingAdmin):
    """Both sides of the comparison on one page, so that a quarantined payment can be judged."""

    decisions = (REFUND, ELSEWHERE, RESOLVE, SURPLUS, ELSEWHERE_SURPLUS)
    list_display = (
        "merchant_uid",
        "order",
        "state",
        "amount_text",
        "pay_method",
        "hold_reason",
        "sandbox",
        "created_at",
    )
    list_filter = ("state", AttentionFilter, "sandbox", "created_at")
    list_select_related = ("order",)
    search_fields = (
        "merchant_uid__exact", "imp_uid__exact", "order__public_id__exact", "order__reference__exact",
        "order__buyer_name__startswith",
    )  # fmt: skip
    search_help_text = _("merchant_uid, imp_uid, order number or reference, whole; or the buyer's name.")
    fieldsets = (
        (None, {"fields": _STATE}),
        (_("What we asked for"), {"fields": _ASKED}),
        (_("What PortOne answered"), {"fields": _ANSWERED}),
        (_("Times"), {"fields": _TIMES}),
    )
    inlines = (Refunds, CashReceipts, Timeline)

    def get_fieldsets(self, request: HttpRequest, obj: Payment | None = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if obj is not None and obj.is_charge:
            fieldsets.insert(2, (_("Charge of a card on file"), {"fields": _CHARGE}))
        return fieldsets

    @admin.display(description=_("received amount"))
    def received_text(self, payment: Payment) -> str:
        return money(payment.received_amount, payment.currency)

    @admin.display(description=_("refunded outside PortOne"))
    def elsewhere_text(self, payment: Payment) -> str:
        return money(payment.external_refund_amount or None, payment.currency)

    @admin.display(description=_("cancelled amount"))
    def cancelled_text(self, payment: Payment) -> str:
        return money(payment.cancel_amount, payment.currency)

    @admin.display(description=_("expected provider, MID, test or real"))
    def expected(self, payment: Payment) -> str:
        return expected_channel(payment)

    @admin.display(description=_("provider, easy pay, MID"))
    def answered(self, payment: Payment) -> str:
        return ", ".join(filter(None, (payment.pg_provider, payment.emb_pg_provider, payment.pg_id)))

    @admin.display(description=_("receipt"))
    def receipt(self, payment: Payment) -> str:
        return external_link(payment.receipt_url)

    @admin.display(description=_("window options"))
    def options_text(self, payment: Payment) -> str:
        return pretty_json(payment.options)

    @admin.display(description=_("taken twice"))
    def surplus_text(self, payment: Payment) -> str:
        return pretty_json(payment.surplus)

    @admin.display(description=_("records"))
    def records_text(self, payment: Payment) -> str:
        return pretty_json(payment.records)
