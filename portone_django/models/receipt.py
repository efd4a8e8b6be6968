"""Cash receipts (현금영수증) of account transfers and virtual accounts, one row per receipt asked for."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..lifecycles import UNDECIDED_RECEIPT_STATES
from .payment import Payment


class CashReceiptQuerySet(models.QuerySet["CashReceipt"]):
    """The questions of CashReceipt, under the same names."""

    def is_undecided(self) -> CashReceiptQuerySet:
        return self.filter(state__in=UNDECIDED_RECEIPT_STATES)


class CashReceipt(models.Model):
    """What PortOne's GET /receipts says of a payment's receipt. `amount` and `vat` are won.

    The number it was issued on (a telephone's, a business's) is passed on and kept nowhere. `open_slot` holds the
    payment's id until the receipt is cancelled or refused, so that no payment has two.
    """

    class State(models.TextChoices):
        SENT = "sent", _("Sent")
        UNKNOWN = "unknown", _("Unknown")
        ISSUED = "issued", _("Issued")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Kind(models.TextChoices):
        PERSON = "person", _("Income deduction")
        COMPANY = "company", _("Proof of expenditure")

    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="cash_receipts"
    )
    open_slot = models.BigIntegerField(null=True, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.SENT)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.PERSON)
    amount = models.BigIntegerField(_("amount"), null=True, blank=True)
    vat = models.BigIntegerField(_("VAT"), null=True, blank=True)
    apply_num = models.CharField(_("approval number"), max_length=20, blank=True)
    receipt_tid = models.CharField(max_length=64, blank=True)
    receipt_url = models.CharField(_("receipt"), max_length=500, blank=True)
    fail_reason = models.CharField(_("reason of failure"), max_length=500, blank=True)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("ask PortOne again at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = CashReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = _("cash receipt")
        verbose_name_plural = _("cash receipts")
        ordering = ("-id",)
        indexes = [models.Index(fields=["next_check_at"], name="portone_receipt_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_state_display()}"

    @property
    def is_undecided(self) -> bool:
        """Whether it is not known yet that it was issued, or that it was not."""
        return self.state in UNDECIDED_RECEIPT_STATES

    def sync(self) -> CashReceipt:
        """Ask PortOne now what became of it; any number of times. See flows/receipts.py."""
        from ..flows.receipts import carry_on

        return carry_on(self)
