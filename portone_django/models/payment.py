"""One attempt to pay an order: what we asked for, frozen, and what PortOne answered, allow-listed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..lifecycles import OPEN_PAYMENT_STATES, RECEIVED_PAYMENT_STATES
from .order import Order


class PaymentQuerySet(models.QuerySet["Payment"]):
    """The questions of Payment, under the same names."""

    def is_open(self) -> PaymentQuerySet:
        return self.filter(state__in=OPEN_PAYMENT_STATES)

    def is_received(self) -> PaymentQuerySet:
        return self.filter(state__in=RECEIVED_PAYMENT_STATES)

    def is_held(self) -> PaymentQuerySet:
        return self.filter(state__in=("paid", "partially_refunded")).exclude(hold_reason="")


class Payment(models.Model):
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
    cancellations = models.JSONField(_("cancellations"), default=dict, blank=True)
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
        indexes = [models.Index(fields=["next_check_at"], name="portone_payment_due")]
        constraints = [
            models.UniqueConstraint(fields=["order", "attempt_no"], name="portone_payment_attempt"),
            models.CheckConstraint(condition=Q(amount__gte=1), name="portone_payment_amount"),
            models.CheckConstraint(condition=Q(cancel_amount__gte=0), name="portone_payment_cancel"),
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
    def terms(self) -> tuple[int, str, int | None, int | None]:
        """What is sold for how much: amount, currency, tax-free amount, VAT."""
        return self.amount, self.currency, self.tax_free_amount, self.vat_amount

    def sync(self, *, source: str = "app") -> Payment:
        """Ask PortOne what became of this attempt and apply the answer; see flows/verification.py."""
        from ..flows.verification import sync_payment

        sync_payment(self.merchant_uid, source=source)
        self.refresh_from_db()
        return self
