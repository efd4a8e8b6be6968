"""What an operator may ask back of a payment: an amount, and the tax-free and VAT parts of it where they are open."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..flows.reserving import rest_of
from ..models import Payment
from ..money import Parts, part_of, tax_free_range, vat_range
from .display import NOTHING, money
from .fields import ReasonField, WonField, blamed

_PARTS = ("tax_free_amount", "vat_amount")


class RefundForm(forms.Form):
    """`parts` is what goes back, once valid; a part is asked for only where the payment stated one and it is open."""

    required_css_class = "required"
    amount = WonField(label=capfirst(gettext_lazy("amount")), min_value=1)
    tax_free_amount = WonField(label=capfirst(gettext_lazy("tax-free amount")), min_value=0, required=False)
    vat_amount = WonField(label=gettext_lazy("VAT"), min_value=0, required=False)
    reason = ReasonField()

    parts: Parts
    # What was typed as the amount, also when it can no longer be.
    asked: int | None = None

    def __init__(self, payment: Payment, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.payment = payment
        self.rest, self.is_exact = rest_of(payment)
        for name in _PARTS:
            remains = getattr(self.rest, name)
            if not remains:
                del self.fields[name]
            else:
                self.fields[name].help_text = _("0 to %(most)s; left empty where only one amount is possible.") % {
                    "most": self._money(remains)
                }

    def clean(self) -> None:
        self.asked = self.cleaned_data.get("amount")
        if self.errors or self.asked is None:
            return
        given = {name: self.cleaned_data.get(name) for name in _PARTS}
        try:
            self.parts = part_of(self.rest, amount=self.asked, **given, is_exact=self.is_exact)
        except ValueError as error:
            name = blamed(error)
            self.add_error(name if name in self.fields else None, self._range(name, self.asked, given))

    @property
    def totals(self) -> list[tuple[str, str, str, str]]:
        """What is shown before the send, as rows of (what, before, now, after)."""
        back, rest, after = self.payment.refunded_amount, self.rest, self.rest - self.parts
        rows = [
            (_("Went back"), back, "+", self.parts.amount, back + self.parts.amount),
            (_("Remains"), rest.amount, "−", self.parts.amount, after.amount),
            (_("of it tax-free"), rest.tax_free_amount, "−", self.parts.tax_free_amount, after.tax_free_amount),
            (_("of it VAT"), rest.vat_amount, "−", self.parts.vat_amount, after.vat_amount),
        ]
        return [
            (name, self._money(before), f"{sign} {self._money(now)}" if now else NOTHING, self._money(then))
            for name, before, sign, now, then in rows
            if before is not None
        ]

    def _range(self, name: str, amount: int, given: dict[str, int | None]) -> str:
        if name == "amount":
            return _("At most %(most)s: so much remains.") % {"most": self._money(self.rest.amount)}
        if name == "tax_free_amount":
            low, high = tax_free_range(self.rest, amount, self.is_exact)
        else:
            tax_free = given["tax_free_amount"]
            if tax_free is None:
                tax_free = tax_free_range(self.rest, amount, self.is_exact)[0]
            low, high = vat_range(self.rest, amount, tax_free, self.is_exact)
        if low > high:
            return _("This amount cannot be parted so that the rest adds up: refund another one.")
        text = _("For this amount it is between %(least)s and %(most)s, so that the rest adds up.")
        return text % {"least": self._money(low), "most": self._money(high)}

    def _money(self, amount: int | None) -> str:
        return money(amount, self.payment.currency)
