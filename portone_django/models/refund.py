"""Money that goes back: one row per cancel, whether we sent it, the console did, or somebody made it elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Required, TypedDict

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..lifecycles import OPEN_REFUND_STATES
from ..money import format_won
from .payment import Payment

if TYPE_CHECKING:
    from ..flows.refund_account import RefundAccount


class RefundOptions(TypedDict, total=False):
    """What may be said of a refund; refunds.refund explains each."""

    amount: int | None
    tax_free_amount: int | None
    vat_amount: int | None
    reason: Required[str]
    account: RefundAccount | None
    reference: str | None
    by: Any


class RefundQuerySet(models.QuerySet["Refund"]):
    """The questions of Refund, under the same names."""

    def is_open(self) -> RefundQuerySet:
        return self.filter(state__in=OPEN_REFUND_STATES)

    def is_succeeded(self) -> RefundQuerySet:
        return self.filter(state="succeeded")


class Refund(models.Model):
    """One refund of one PortOne record (`imp_uid`). Amounts are won; `checksum` is the balance it was reserved on.

    `open_slot` holds the imp_uid while the refund is open: a nullable unique column, so that every database refuses a
    second one. The bank account of a virtual-account refund is passed to PortOne and kept nowhere.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waits for approval")
        RESERVED = "reserved", _("Reserved")
        SENT = "sent", _("Sent")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        REVIEW = "review", _("In review")
        REJECTED = "rejected", _("Rejected")

    class Source(models.TextChoices):
        APP = "app", _("The project")
        ADMIN = "admin", _("The admin")
        POLICY = "policy", _("A policy of the settings")
        CONSOLE = "console", _("PortOne's console")
        EXTERNAL = "external", _("Outside PortOne")

    payment = models.ForeignKey(Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="refunds")
    imp_uid = models.CharField("imp_uid", max_length=32)
    reference = models.CharField(_("reference"), max_length=100, unique=True, null=True, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RESERVED)
    open_slot = models.CharField(max_length=32, null=True, unique=True, editable=False)

    amount = models.BigIntegerField(_("amount"))
    tax_free_amount = models.BigIntegerField(_("tax-free amount"), null=True, blank=True)
    vat_amount = models.BigIntegerField(_("VAT"), null=True, blank=True)
    checksum = models.BigIntegerField(_("balance before it"))
    reason = models.CharField(_("reason"), max_length=200)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    needs_account = models.BooleanField(_("needs a bank account"), default=False)

    # What became of it.
    cancellation_id = models.CharField(max_length=64, null=True, blank=True)
    receipt_url = models.CharField(_("receipt"), max_length=500, blank=True)
    refusal = models.CharField(_("PortOne's refusal"), max_length=500, blank=True)
    fail_reason = models.CharField(_("reason of failure"), max_length=500, blank=True)
    is_without_amount = models.BooleanField(_("sent again without an amount"), default=False)
    send_count = models.PositiveSmallIntegerField(_("times sent"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    unseen_at = models.DateTimeField(_("first not found at"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("ask PortOne again at"), null=True, blank=True)
    refunded_on = models.DateField(_("refunded on"), null=True, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    settled_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["next_check_at"], name="portone_refund_due"),
            models.Index(fields=["source", "created_at"], name="portone_refund_source"),
        ]
        constraints = [
            # The text of `imp_uid` and the id: PortOne writes each cancellation once.
            models.UniqueConstraint(fields=["imp_uid", "cancellation_id"], name="portone_refund_once"),
            # The refunds of a payment add up to no more than it: each one fits into the balance it was reserved on.
            models.CheckConstraint(condition=Q(amount__gte=1, amount__lte=F("checksum")), name="portone_refund_amount"),
            models.CheckConstraint(
                condition=Q(tax_free_amount__isnull=True) | Q(tax_free_amount__gte=0, tax_free_amount__lte=F("amount")),
                name="portone_refund_tax_free",
            ),
            models.CheckConstraint(
                condition=Q(vat_amount__isnull=True) | Q(vat_amount__gte=0, vat_amount__lte=F("amount")),
                name="portone_refund_vat",
            ),
        ]

    def __str__(self) -> str:
        return f"{format_won(self.amount)} · {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        """Whether it is not decided yet."""
        return self.state in OPEN_REFUND_STATES

    @property
    def is_succeeded(self) -> bool:
        """Whether the money went back."""
        return self.state == self.State.SUCCEEDED

    def sync(self) -> Refund:
        """Carry an undecided refund on now: ask PortOne, send what may be sent. Any number of times."""
        from ..flows.refunds import carry_on

        return carry_on(self)
