"""What is to be paid: one sale, whatever number of attempts it takes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Unpack

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..lifecycles import OPEN_ORDER_STATES, SETTLED_ORDER_STATES
from ..money import format_won

if TYPE_CHECKING:
    from .refund import Refund, RefundOptions


def new_public_id() -> str:
    """80 random bits in lower case: an order number that can be shown and cannot be guessed."""
    return secrets.token_hex(10)


class OrderQuerySet(models.QuerySet["Order"]):
    """The questions of Order, under the same names."""

    def is_open(self) -> OrderQuerySet:
        return self.filter(state__in=OPEN_ORDER_STATES)

    def is_paid(self) -> OrderQuerySet:
        return self.filter(state__in=SETTLED_ORDER_STATES)


class Order(models.Model):
    """One sale. Made by `orders.create_order`; its state is changed by settlement only.

    `amount`, `tax_free_amount`, `vat_amount` and `refunded_amount` are won (the unit of `currency`).
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        AWAITING_DEPOSIT = "awaiting_deposit", _("Awaiting deposit")
        PAID = "paid", _("Paid")
        PARTIALLY_REFUNDED = "partially_refunded", _("Partially refunded")
        REFUNDED = "refunded", _("Refunded")
        EXPIRED = "expired", _("Expired")
        CANCELLED = "cancelled", _("Cancelled")

    class Kind(models.TextChoices):
        SALE = "sale", _("Sale")
        CHARGE = "charge", _("Charge of a card on file")
        CYCLE = "cycle", _("Bill of a subscription")

    public_id = models.CharField(_("order number"), max_length=20, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.SALE, editable=False)
    reference = models.CharField(_("reference"), max_length=100, unique=True, null=True, blank=True)
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("customer"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="portone_orders",
    )
    name = models.CharField(_("name"), max_length=200)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    tax_free_amount = models.BigIntegerField(_("tax-free amount"), null=True, blank=True)
    vat_amount = models.BigIntegerField(_("VAT"), null=True, blank=True)
    refunded_amount = models.BigIntegerField(_("refunded amount"), default=0)

    buyer_name = models.CharField(_("buyer's name"), max_length=200, blank=True)
    buyer_email = models.CharField(_("buyer's email"), max_length=254, blank=True)
    buyer_tel = models.CharField(_("buyer's telephone"), max_length=40, blank=True)
    buyer_addr = models.CharField(_("buyer's address"), max_length=300, blank=True)
    buyer_postcode = models.CharField(_("buyer's postcode"), max_length=20, blank=True)

    state = models.CharField(_("state"), max_length=20, choices=State, default=State.OPEN)
    return_url = models.CharField(_("page to go on to"), max_length=500, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    content_type = models.ForeignKey("contenttypes.ContentType", on_delete=models.SET_NULL, null=True, blank=True)
    object_id = models.CharField(max_length=100, blank=True)
    target = GenericForeignKey("content_type", "object_id")

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    forgotten_at = models.DateTimeField(_("customer forgotten at"), null=True, blank=True)
    blanked_at = models.DateTimeField(_("personal fields blanked at"), null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["state", "expires_at"], name="portone_order_expiry"),
            models.Index(fields=["content_type", "object_id"], name="portone_order_target"),
            models.Index(fields=["blanked_at", "created_at"], name="portone_order_blanking"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="portone_order_amount"),
            models.CheckConstraint(
                condition=Q(tax_free_amount__isnull=True) | Q(tax_free_amount__gte=0, tax_free_amount__lte=F("amount")),
                name="portone_order_tax_free",
            ),
            models.CheckConstraint(
                condition=Q(vat_amount__isnull=True) | Q(vat_amount__gte=0, vat_amount__lte=F("amount")),
                name="portone_order_vat",
            ),
            models.CheckConstraint(
                condition=Q(refunded_amount__gte=0, refunded_amount__lte=F("amount")), name="portone_order_refunded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} · {format_won(self.amount)}"

    @property
    def is_open(self) -> bool:
        """Whether it can still be paid in the ordinary way."""
        return self.state in OPEN_ORDER_STATES

    @property
    def is_paid(self) -> bool:
        """Whether its money arrived (also when some or all of it was refunded since)."""
        return self.state in SETTLED_ORDER_STATES

    @property
    def terms(self) -> tuple[int, str, int | None, int | None]:
        """What is sold for how much: amount, currency, tax-free amount, VAT."""
        return self.amount, self.currency, self.tax_free_amount, self.vat_amount

    def change(self, *, amount: int | None = None, **terms: Any) -> Order:
        """Change amount, name, tax_free_amount or vat_amount while open; see orders.change_order."""
        from ..orders import change_order

        return change_order(self, amount=amount, **terms)

    def cancel(self, *, reason: str = "") -> Order:
        """Give the sale up while it is open; see orders.cancel_order."""
        from ..orders import cancel_order

        return cancel_order(self, reason=reason)

    def refund(self, **options: Unpack[RefundOptions]) -> Refund:
        """Send back money of the payment that settled this order, by default all that remains; see refunds.refund."""
        from ..refunds import refund_order

        return refund_order(self, **options)
