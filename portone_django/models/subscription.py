"""A customer's standing order for a plan, and the bill of each of its periods."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .. import clock
from ..lifecycles import LIVE_SUBSCRIPTION_STATES, OPEN_CYCLE_STATES
from ..money import format_won
from .billing_key import BillingKey
from .order import Order, new_public_id
from .plan import Price


def new_token() -> str:
    """128 random bits: with them, and UID_KEY, the merchant_uid of every charge can be worked out again."""
    return secrets.token_hex(16)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """The questions of Subscription, under the same names."""

    def is_live(self) -> SubscriptionQuerySet:
        return self.filter(state__in=LIVE_SUBSCRIPTION_STATES)

    def is_ending(self) -> SubscriptionQuerySet:
        return self.is_live().exclude(cancel_at=None)

    def is_past_due(self) -> SubscriptionQuerySet:
        return self.filter(state="past_due")

    def has_access(self) -> SubscriptionQuerySet:
        now = clock.now()
        return self.filter(
            Q(state__in=("trialing", "active")) | Q(state="past_due", grace_until__gt=now),
            Q(cancel_at=None) | Q(cancel_at__gt=now),
        )

    def for_plan(self, *codes: str) -> SubscriptionQuerySet:
        """Those to any of the plans, by code."""
        return self.filter(price__plan__code__in=codes)


class Subscription(models.Model):
    """One customer, one price, one card. Made by `subscriptions.subscribe`; its state is changed by flows only.

    `live_slot` holds customer and reference until it ends: nullable and unique, so that two clicks make one. The next
    bill is made at `next_bill_at` (business time), empty while none is to come. `cycle_no` is the number of the newest
    period, counted from the anchor.
    """

    class State(models.TextChoices):
        INCOMPLETE = "incomplete", _("First payment missing")
        TRIALING = "trialing", _("On trial")
        ACTIVE = "active", _("Active")
        PAST_DUE = "past_due", _("Past due")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    class End(models.TextChoices):
        NONE = "", _("None")
        CANCELLED = "cancelled", _("Cancelled")
        UNPAID = "unpaid", _("Not paid")
        INCOMPLETE = "incomplete", _("Never begun")

    class CancelRefund(models.TextChoices):
        NONE = "none", _("Nothing")
        UNUSED = "unused", _("What is not used")
        ALL = "all", _("The whole period")

    public_id = models.CharField(
        _("subscription number"), max_length=20, unique=True, default=new_public_id, editable=False
    )
    token = models.CharField(max_length=32, unique=True, default=new_token, editable=False)
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("customer"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="portone_subscriptions",
    )
    reference = models.CharField(_("reference"), max_length=100, blank=True)
    live_slot = models.CharField(max_length=250, unique=True, null=True, editable=False)
    price = models.ForeignKey(Price, verbose_name=_("price"), on_delete=models.PROTECT, related_name="subscriptions")
    billing_key = models.ForeignKey(
        BillingKey,
        verbose_name=_("card on file"),
        on_delete=models.PROTECT,
        related_name="subscriptions",
        null=True,
        blank=True,
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.INCOMPLETE)
    anchor = models.DateField(_("anchor"))
    anchor_no = models.PositiveIntegerField(_("number of the period at the anchor"), default=1)
    cycle_no = models.PositiveIntegerField(_("newest period"), default=0)
    period_start = models.DateField(_("period from"), null=True, blank=True)
    period_end = models.DateField(_("period to"), null=True, blank=True)
    next_bill_at = models.DateTimeField(_("next bill at"), null=True, blank=True)
    carried_amount = models.BigIntegerField(_("carried to the next bill"), default=0)
    grace_until = models.DateTimeField(_("may be used until"), null=True, blank=True)
    cancel_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    cancel_refund = models.CharField(_("refund at the end"), max_length=10, choices=CancelRefund, default="none")
    end_reason = models.CharField(_("ended because"), max_length=12, choices=End, default=End.NONE, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    started_at = models.DateTimeField(_("began at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    cycles: models.Manager[BillingCycle]
    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ("-id",)
        permissions = [("manage_subscription", _("Can cancel a subscription and try its bill again"))]
        indexes = [
            models.Index(fields=["next_bill_at"], name="portone_subscription_due"),
            models.Index(fields=["cancel_at"], name="portone_subscription_ending"),
            models.Index(fields=["customer", "state"], name="portone_subscription_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.price} · {self.public_id}"

    @property
    def is_live(self) -> bool:
        """Whether it began and has not ended."""
        return self.state in LIVE_SUBSCRIPTION_STATES

    @property
    def is_ending(self) -> bool:
        """Whether it is cancelled and runs until `cancel_at`."""
        return self.is_live and self.cancel_at is not None

    @property
    def is_past_due(self) -> bool:
        """Whether its newest bill was declined and is not paid yet; `has_access` says whether it may still be used."""
        return self.state == "past_due"

    @property
    def has_access(self) -> bool:
        """Whether the customer may use what was subscribed to: paid for, on trial, or within the days of grace."""
        now = clock.now()
        if self.cancel_at is not None and self.cancel_at <= now:
            return False
        if self.state == "past_due":
            return self.grace_until is not None and self.grace_until > now
        return self.state in ("trialing", "active")

    def cancel(self, *, when: str = "period_end", refund: str = "none", by: Any = None) -> Subscription:
        """End it with its paid period, or now; see subscriptions.cancel."""
        from ..subscriptions import cancel

        return cancel(self, when=when, refund=refund, by=by)

    def resume(self, *, by: Any = None) -> Subscription:
        """Take a cancellation back, or go on after a pause; see subscriptions.resume."""
        from ..subscriptions import resume

        return resume(self, by=by)

    def retry_now(self, *, by: Any = None) -> Subscription:
        """Try the open bill again now; see subscriptions.retry_now."""
        from ..subscriptions import retry_now

        return retry_now(self, by=by)

    def use_key(self, billing_key: BillingKey, *, by: Any = None) -> Subscription:
        """Pay with another card from now on, an open bill at once; see subscriptions.use_key."""
        from ..subscriptions import use_key

        return use_key(self, billing_key, by=by)


class BillingCycleQuerySet(models.QuerySet["BillingCycle"]):
    """The questions of BillingCycle, under the same names."""

    def is_open(self) -> BillingCycleQuerySet:
        return self.filter(state__in=OPEN_CYCLE_STATES)

    def is_paid(self) -> BillingCycleQuerySet:
        return self.filter(state="paid")


class BillingCycle(models.Model):
    """The bill of one period: [period_start, period_end), dates in PORTONE["TIME_ZONE"]. Its amount is frozen.

    `next_step_at` is business time: when the machine tries again or gives up; empty once that is decided, and while its
    own try is on its way. `failures` are the declines of the machine's tries.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        RETRYING = "retrying", _("Declined")
        PAID = "paid", _("Paid")
        UNCOLLECTIBLE = "uncollectible", _("Given up")
        WAIVED = "waived", _("Waived")
        VOID = "void", _("Void")

    subscription = models.ForeignKey(
        Subscription, verbose_name=_("subscription"), on_delete=models.PROTECT, related_name="cycles"
    )
    number = models.PositiveIntegerField(_("number"))
    period_start = models.DateField(_("from"))
    period_end = models.DateField(_("to"))
    due_at = models.DateTimeField(_("due at"))
    next_due_at = models.DateTimeField(_("next bill due at"))
    state = models.CharField(_("state"), max_length=14, choices=State, default=State.OPEN)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="KRW")
    order = models.OneToOneField(
        Order, verbose_name=_("order"), on_delete=models.PROTECT, related_name="cycle", null=True, blank=True
    )
    failures = models.PositiveSmallIntegerField(_("declines"), default=0)
    decline_kind = models.CharField(_("kind of decline"), max_length=20, blank=True)
    next_step_at = models.DateTimeField(_("next step at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)

    objects = BillingCycleQuerySet.as_manager()

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        ordering = ("-id",)
        indexes = [models.Index(fields=["next_step_at"], name="portone_cycle_step")]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "number"], name="portone_cycle_number"),
            models.UniqueConstraint(fields=["subscription", "period_start"], name="portone_cycle_period"),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="portone_cycle_length"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="portone_cycle_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.period_start} – {self.last_day} · {format_won(self.amount)}"

    @property
    def last_day(self) -> dt.date:
        """The last day of the period, for people."""
        return self.period_end - dt.timedelta(days=1)

    @property
    def is_open(self) -> bool:
        """Whether its money may still come."""
        return self.state in OPEN_CYCLE_STATES

    @property
    def is_paid(self) -> bool:
        """Whether its money arrived (its order says whether some of it went back since)."""
        return self.state == "paid"


class CycleLine(models.Model):
    """One line of a bill, in won; negative where something is taken off."""

    class Kind(models.TextChoices):
        PRICE = "price", _("Price")
        CARRIED_IN = "carried_in", _("From the bill before")
        CARRIED_OUT = "carried_out", _("Carried to the next bill")

    cycle = models.ForeignKey(BillingCycle, verbose_name=_("bill"), on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    name = models.CharField(_("name"), max_length=200)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("line of a bill")
        verbose_name_plural = _("lines of a bill")
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.name} {format_won(self.amount)}"
