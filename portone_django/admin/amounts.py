"""The amounts that a sale, an attempt, a refund, a bill and a price have in common, as columns and fields of a page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from .display import money


class Amounts:
    """In the row's currency; a row without one is in won."""

    @admin.display(description=_("amount"), ordering="amount")
    def amount_text(self, row: Any) -> str:
        return _money(row, row.amount)

    @admin.display(description=_("tax-free amount"))
    def tax_free_text(self, row: Any) -> str:
        return _money(row, row.tax_free_amount)

    @admin.display(description=_("VAT"))
    def vat_text(self, row: Any) -> str:
        return _money(row, row.vat_amount)


def _money(row: Any, amount: int | None) -> str:
    return money(amount, getattr(row, "currency", "KRW"))
