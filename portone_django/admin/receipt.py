"""Cash receipts as they stand, on the page of their payment."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import CashReceipt
from .amounts import Amounts
from .display import external_link
from .readonly import ReadOnlyInline


class CashReceipts(Amounts, ReadOnlyInline):
    """The cash receipts of a payment."""

    model = CashReceipt
    fields = ("created_at", "kind", "state", "amount_text", "apply_num", "receipt", "fail_reason")
    readonly_fields = fields
    ordering = ("id",)
    show_change_link = False

    @admin.display(description=_("receipt"))
    def receipt(self, receipt: CashReceipt) -> str:
        return external_link(receipt.receipt_url)
