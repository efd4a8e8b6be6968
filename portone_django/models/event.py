"""What happened, as rows first and signals second: outbox, audit trail and timeline in one table."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from .billing_key import BillingKey
from .order import Order
from .payment import Payment
from .refund import Refund
from .subscription import Subscription

MAX_DISPATCH_ATTEMPTS = 10


class EventQuerySet(models.QuerySet["Event"]):
    """The questions of Event, under the same names."""

    def is_parked(self) -> EventQuerySet:
        return self.filter(dispatched_at=None, dispatch_attempts__gte=MAX_DISPATCH_ATTEMPTS)


class Event(models.Model):
    """One fact, append-only but for `dispatched_at`, `dispatch_attempts`, `notice_due_at` and `notified_at`.

    `effect` is unique where a fact can be true only once ("order.paid:17"), so that no effect happens twice.
    `notice_due_at` is database time: when its mail goes out (again); empty when there is none, or it is done with.
    """

    event_id = models.UUIDField(_("event id"), unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=40)
    order = models.ForeignKey(
        Order, verbose_name=_("order"), on_delete=models.PROTECT, related_name="events", null=True, blank=True
    )
    payment = models.ForeignKey(
        Payment, verbose_name=_("payment"), on_delete=models.PROTECT, related_name="events", null=True, blank=True
    )
    refund = models.ForeignKey(
        Refund, verbose_name=_("refund"), on_delete=models.PROTECT, related_name="events", null=True, blank=True
    )
    billing_key = models.ForeignKey(
        BillingKey,
        verbose_name=_("card on file"),
        on_delete=models.PROTECT,
        related_name="events",
        null=True,
        blank=True,
    )
    subscription = models.ForeignKey(
        Subscription,
        verbose_name=_("subscription"),
        on_delete=models.PROTECT,
        related_name="events",
        null=True,
        blank=True,
    )
    effect = models.CharField(max_length=100, unique=True, null=True, editable=False)
    source = models.CharField(_("source"), max_length=20, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    dispatched_at = models.DateTimeField(_("dispatched at"), null=True, blank=True)
    notice_due_at = models.DateTimeField(_("mail due at"), null=True, blank=True)
    notified_at = models.DateTimeField(_("mail sent at"), null=True, blank=True)
    dispatch_attempts = models.PositiveSmallIntegerField(_("attempts to dispatch"), default=0)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["dispatched_at", "dispatch_attempts"], name="portone_event_outbox"),
            models.Index(fields=["notice_due_at"], name="portone_event_notice"),
        ]

    def __str__(self) -> str:
        return self.kind

    @property
    def customer(self) -> Any:
        """Whom it is about; None for a sale without an account, and once the customer is deleted or forgotten."""
        if self.order is not None and self.order.forgotten_at is not None:
            return None
        about = self.subscription or self.billing_key or self.order
        return about.customer if about is not None else None

    @property
    def is_parked(self) -> bool:
        """Whether its receivers failed so often that an operator must look."""
        return self.dispatched_at is None and self.dispatch_attempts >= MAX_DISPATCH_ATTEMPTS
