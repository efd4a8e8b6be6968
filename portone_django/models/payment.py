"""One attempt to pay an order: what we asked for, frozen, and what PortOne answered, allow-listed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Unpack

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..gateway.discretion import discreet
from ..lifecycles import OPEN_PAYMENT_STATES, RECEIVED_PAYMENT_STATES
from .charge import ChargeFields
from .order import Order

if TYPE_CHECKING:
    from ..gateway import PostalAddress
    from .receipt import CashReceipt
    from .refund import Refund, RefundOptions


class PaymentQuerySet(models.QuerySet["Payment"]):
    """The questions of Payment, under the same names."""

    def is_open(self) -> PaymentQuerySet:
        return self.filter(state__in=OPEN_PAYMENT_STATES)

    def is_received(self) -> PaymentQuerySet:
        return self.filter(state__in=RECEIVED_PAYMENT_STATES)

    def is_held(self) -> PaymentQuerySet:
        return self.filter(state__in=("paid", "partially_refunded")).exclude(hold_reason="")

    def is_charge(self) -> PaymentQuerySet:
        return self.exclude(customer_uid="")


class Payment(ChargeFields):
    """One attempt, one `merchant_uid`. Amounts are won (the unit of `currency`).

    `open_slot` and `paid_slot` hold the order's id while the attempt is open / is the one that paid the
    order: nullable unique columns, so every database refuses a second one.
    """

    class State(models.TextChoices):
        CREATED = "created", _("Created")
        PENDING = "pending", _("Pending")
        AWAITING_DEPOSIT = "awaiting_deposit", _("Awaiting deposit")
        PAID = "paid", _("Paid")
        PARTIALLY_REFUNDED = "partially_refunded", _("Partially refunded")
        REFUNDED = "refunded", _("Refunded")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Expired")
        UNKNOWN = "unknown", _("Unknown")
        QUARANTINED = "quarantined", _("Quarantined")
        REVIEW = "review", _("In review")

    class Hold(models.TextChoices):
        NONE = "", _("None")
        DUPLICATE = "duplicate", _("The order was already paid")
        LATE = "late", _("The order was expired or cancelled")
        ORDER_CHANGED = "order_changed", _("The order's amount had changed")

    class Escrow(models.TextChoices):
        NONE = "", _("None")
        DELIVERY_REGISTERED = "2", _("Delivery registered")
        CONFIRMED = "3", _("Purchase confirmed")
        AUTO_CONFIRMED = "31", _("Purchase confirmed by lapse of time")
        FORCED = "32", _("Purchase confirmed by force")
        REFUSED = "4", _("Purchase refused")
        CANCELLED = "8", _("Transaction cancelled")
        REFUSAL_CONFIRMED = "10", _("Refusal confirmed")

    order = models.ForeignKey(Order, verbose_name=_("order"), on_delete=models.PROTECT, related_name="payments")
    attempt_no = models.PositiveIntegerField(_("attempt"))
    merchant_uid = models.CharField("merchant_uid", max_length=40, unique=True, editable=False)
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.CREATED)
    open_slot = models.BigIntegerField(null=True, unique=True, editable=False)
    paid_slot = models.BigIntegerField(null=True, unique=True, editable=False)
    hold_reason = models.CharField(_("held because"), max_length=20, choices=Hold, default=Hold.NONE, blank=True)
    quarantine_reason = models.CharField(_("quarantined because"), max_length=500, blank=True)

    # What we asked for; never changed after creation (options: until the window opens).
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    tax_free_amount = models.BigIntegerField(_("tax-free amount"), null=True, blank=True)
    vat_amount = models.BigIntegerField(_("VAT"), null=True, blank=True)
    name = models.CharField(_("name"), max_length=200)
    channel = models.CharField(_("channel"), max_length=50)
    expected_pg_provider = models.CharField(max_length=16, editable=False)
    expected_pg_id = models.CharField(max_length=80, editable=False)
    expected_sandbox = models.BooleanField(editable=False)
    options = models.JSONField(_("window options"), default=dict, blank=True)
    is_prepared = models.BooleanField(_("amount registered at PortOne"), default=False)

    # What PortOne answered (the highest record of this merchant_uid).
    imp_uid = models.CharField("imp_uid", max_length=32, null=True, blank=True, unique=True)
    records = models.JSONField(_("records"), default=dict, blank=True)
    pay_method = models.CharField(_("method"), max_length=20, blank=True)
    pg_provider = models.CharField(max_length=16, blank=True)
    emb_pg_provider = models.CharField(max_length=16, blank=True)
    pg_id = models.CharField("MID", max_length=80, blank=True)
    pg_tid = models.CharField(max_length=64, blank=True)
    sandbox = models.BooleanField(_("test payment"), null=True)
    apply_num = models.CharField(_("approval number"), max_length=20, blank=True)
    card_code = models.CharField(max_length=10, blank=True)
    card_name = models.CharField(_("card"), max_length=50, blank=True)
    card_quota = models.PositiveSmallIntegerField(_("instalments"), null=True, blank=True)
    bank_name = models.CharField(_("bank"), max_length=50, blank=True)
    vbank_code = models.CharField(max_length=10, blank=True)
    vbank_name = models.CharField(_("virtual account's bank"), max_length=50, blank=True)
    vbank_num = models.CharField(_("virtual account"), max_length=32, blank=True)
    vbank_holder = models.CharField(_("virtual account's holder"), max_length=50, blank=True)
    vbank_expires_at = models.DateTimeField(_("deposit until"), null=True, blank=True)
    fail_reason = models.CharField(_("reason of failure"), max_length=500, blank=True)
    receipt_url = models.CharField(_("receipt"), max_length=500, blank=True)
    cancel_amount = models.BigIntegerField(_("cancelled amount"), default=0)
    received_amount = models.BigIntegerField(_("received amount"), null=True, blank=True)
    external_refund_amount = models.BigIntegerField(_("refunded outside PortOne"), default=0)
    # Other records of this merchant_uid that took money, too: {imp_uid: [amount, cancel_amount, pay_method]}.
    surplus = models.JSONField(_("taken twice"), default=dict, blank=True)
    has_surplus = models.BooleanField(_("taken twice and not sent back"), default=False)
    cash_receipt_issued = models.BooleanField(_("cash receipt issued by the PG"), null=True)
    escrow = models.BooleanField(_("escrow"), null=True)
    # Escrow. The status is what an unsigned webhook reported: it is shown, and decides nothing.
    escrow_status = models.CharField(_("escrow status as reported"), max_length=2, choices=Escrow, blank=True)
    escrow_changed_at = models.DateTimeField(_("escrow status changed at"), null=True, blank=True)
    escrow_denied_reason = models.CharField(_("reason of the refusal"), max_length=200, blank=True)
    delivery_company = models.CharField(_("courier"), max_length=20, blank=True)
    delivery_invoice = models.CharField(_("invoice of the courier"), max_length=40, blank=True)
    delivery_sent_at = models.DateTimeField(_("handed to the courier at"), null=True, blank=True)
    delivery_applied_at = models.DateTimeField(_("delivery registered at"), null=True, blank=True)

    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    failed_at = models.DateTimeField(_("failed at"), null=True, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    expires_at = models.DateTimeField(_("expires at"))
    checked_at = models.DateTimeField(_("last asked PortOne"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("ask PortOne again at"), null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ("-id",)
        permissions = [("refund_payment", _("Can refund, and decide about, money that arrived"))]
        indexes = [
            models.Index(fields=["next_check_at"], name="portone_payment_due"),
            models.Index(fields=["charge_due_at"], name="portone_payment_charge"),
            models.Index(fields=["paid_at"], name="portone_payment_paid_at"),
            models.Index(fields=["has_surplus", "id"], name="portone_payment_surplus"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt_no"], name="portone_payment_attempt"),
            models.CheckConstraint(condition=Q(amount__gte=1), name="portone_payment_amount"),
            models.CheckConstraint(
                condition=Q(cancel_amount=0)
                | Q(cancel_amount__gte=0, received_amount__isnull=False, cancel_amount__lte=F("received_amount")),
                name="portone_payment_cancel",
            ),
            models.CheckConstraint(
                condition=Q(external_refund_amount=0)
                | Q(
                    external_refund_amount__gte=0,
                    received_amount__isnull=False,
                    external_refund_amount__lte=F("received_amount"),
                ),
                name="portone_payment_external",
            ),
        ]

    def __str__(self) -> str:
        return self.merchant_uid

    @property
    def is_open(self) -> bool:
        """Whether this attempt is undecided."""
        return self.state in OPEN_PAYMENT_STATES

    @property
    def is_received(self) -> bool:
        """Whether its money arrived (also when it was refunded since)."""
        return self.state in RECEIVED_PAYMENT_STATES

    @property
    def is_held(self) -> bool:
        """Whether money arrived that did not settle the order and waits for an operator."""
        return self.state in ("paid", "partially_refunded") and self.hold_reason != ""

    @property
    def refunded_amount(self) -> int:
        """What went back, by PortOne and outside of it (won)."""
        return self.cancel_amount + self.external_refund_amount

    @property
    def remaining_amount(self) -> int:
        """What of the received money can still go back (won); 0 while nothing was received."""
        return max((self.received_amount or 0) - self.refunded_amount, 0)

    @property
    def terms(self) -> tuple[int, str, int | None, int | None]:
        """What is sold for how much: amount, currency, tax-free amount, VAT."""
        return self.amount, self.currency, self.tax_free_amount, self.vat_amount

    def sync(self, *, source: str = "app") -> Payment:
        """Ask PortOne what became of this attempt and apply the answer; see flows/verification.py."""
        from ..flows.verification import sync_payment

        sync_payment(self.merchant_uid, source=source)
        self.refresh_from_db()
        return self

    def refund(self, **options: Unpack[RefundOptions]) -> Refund:
        """Send money back now: amount (None: all that remains), tax_free_amount, vat_amount, reason, account,
        reference, by. See refunds.refund."""
        from ..refunds import refund

        return refund(self, **options)

    def request_refund(self, **options: Unpack[RefundOptions]) -> Refund:
        """Reserve a refund in the caller's transaction; it is sent after the commit. See refunds.request_refund."""
        from ..refunds import request_refund

        return request_refund(self, **options)

    def record_refund(
        self,
        *,
        amount: int,
        refunded_on: dt.date,
        reference: str,
        reason: str,
        by: Any = None,
        imp_uid: str | None = None,
    ) -> Refund:
        """Write down money that went back outside PortOne; see refunds.record_refund."""
        from ..refunds import record_refund

        return record_refund(
            self, amount=amount, refunded_on=refunded_on, reference=reference, reason=reason, by=by, imp_uid=imp_uid
        )

    @discreet
    def issue_cash_receipt(
        self,
        *,
        identifier: str,
        kind: str = "person",
        tax_free_amount: int | None = None,
        vat_amount: int | None = None,
        by: Any = None,
    ) -> CashReceipt:
        """Issue the cash receipt of an account transfer or a virtual account; see receipts.issue_cash_receipt."""
        from ..receipts import issue_cash_receipt

        return issue_cash_receipt(
            self, identifier=identifier, kind=kind, tax_free_amount=tax_free_amount, vat_amount=vat_amount, by=by
        )

    def cancel_cash_receipt(self, *, by: Any = None) -> CashReceipt:
        """Take the cash receipt back, not the money; see receipts.cancel_cash_receipt."""
        from ..receipts import cancel_cash_receipt

        return cancel_cash_receipt(self, by=by)

    def register_delivery(
        self,
        *,
        sender: PostalAddress,
        receiver: PostalAddress,
        company: str,
        invoice: str,
        sent_at: dt.datetime,
        by: Any = None,
    ) -> Payment:
        """Tell PortOne that the goods of an escrow sale are on their way; see escrow.register_delivery."""
        from ..escrow import register_delivery

        return register_delivery(
            self, sender=sender, receiver=receiver, company=company, invoice=invoice, sent_at=sent_at, by=by
        )

    def change_delivery(
        self,
        *,
        sender: PostalAddress,
        receiver: PostalAddress,
        company: str,
        invoice: str,
        sent_at: dt.datetime,
        by: Any = None,
    ) -> Payment:
        """Replace the delivery that was registered; see escrow.change_delivery."""
        from ..escrow import change_delivery

        return change_delivery(
            self, sender=sender, receiver=receiver, company=company, invoice=invoice, sent_at=sent_at, by=by
        )

    def sync_delivery(self) -> bool:
        """Ask PortOne whether a delivery is registered, and keep what it shows; see escrow.sync_delivery."""
        from ..escrow import sync_delivery

        return sync_delivery(self)
