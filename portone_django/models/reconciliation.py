"""What the comparison of PortOne's books with ours found, and how far the comparison that runs has come."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .payment import Payment


class BreakQuerySet(models.QuerySet["ReconciliationBreak"]):
    """The questions of ReconciliationBreak, under the same names."""

    def is_unexplained(self) -> BreakQuerySet:
        return self.filter(resolved_at=None, explained_at=None)


class ReconciliationBreak(models.Model):
    """One difference between the two books that asking PortOne again did not heal; one row however often it is seen."""

    class Kind(models.TextChoices):
        UNKNOWN_HERE = "unknown_here", _("PortOne has a payment that we do not know")
        NOT_RECEIVED = "not_received", _("Paid at PortOne, not here")
        NOT_PAID_THERE = "not_paid_there", _("Paid here, not at PortOne")
        AMOUNT = "amount", _("The amounts differ")
        REFUNDED = "refunded", _("The refunded amounts differ")
        OVER_REFUNDED = "over_refunded", _("More went back than was received")
        UNREADABLE = "unreadable", _("PortOne's record cannot be read")
        UNSETTLED = "unsettled", _("PortOne's record cannot be taken over here")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    merchant_uid = models.CharField("merchant_uid", max_length=40, default="", blank=True)
    imp_uid = models.CharField("imp_uid", max_length=32, default="", blank=True)
    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), on_delete=models.PROTECT, null=True, blank=True, related_name="breaks"
    )
    ours = models.JSONField(_("ours"), default=dict, blank=True)
    theirs = models.JSONField(_("PortOne's"), default=dict, blank=True)
    first_seen_at = models.DateTimeField(_("first seen at"), auto_now_add=True)
    last_seen_at = models.DateTimeField(_("last seen at"), auto_now_add=True)
    resolved_at = models.DateTimeField(_("gone since"), null=True, blank=True)
    explained_at = models.DateTimeField(_("explained at"), null=True, blank=True)
    explained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("explained by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    explanation = models.CharField(_("explanation"), max_length=500, blank=True)

    objects = BreakQuerySet.as_manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ("-last_seen_at", "-id")
        constraints = [models.UniqueConstraint(fields=["kind", "merchant_uid", "imp_uid"], name="portone_break_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.merchant_uid or self.imp_uid}"

    @property
    def is_unexplained(self) -> bool:
        """Whether somebody should look at it."""
        return self.resolved_at is None and self.explained_at is None


class Comparison(models.Model):
    """One run over [from_at, to_at): `phase` and `position` say where it goes on after a stop.

    `open_slot` is 1 while it runs, so that there is never a second one; whoever holds the lease works on it.
    """

    open_slot = models.PositiveSmallIntegerField(null=True, unique=True, editable=False)
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    phase = models.CharField(max_length=20, default="paid")
    position = models.BigIntegerField(default=0)
    compared = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.from_at:%Y-%m-%d} – {self.to_at:%Y-%m-%d} {self.phase}"
