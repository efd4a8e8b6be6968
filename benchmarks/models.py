"""The tables of the two baselines that have some."""

from __future__ import annotations

from django.db import models


class Subscription(models.Model):
    customer_uid = models.CharField(max_length=80)
    amount = models.BigIntegerField()
    period = models.IntegerField(default=0)
    next_bill_at = models.DateTimeField(db_index=True)
    paid_at = models.DateTimeField(null=True)


class Charge(models.Model):
    """`due_at` is the end of the lease, and when it is looked up; empty once it is decided."""

    subscription = models.ForeignKey(Subscription, models.PROTECT)
    period = models.IntegerField()
    merchant_uid = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=12, default="planned")
    due_at = models.DateTimeField(null=True, db_index=True)
    sent_at = models.DateTimeField(null=True)
    imp_uid = models.CharField(max_length=40, null=True, unique=True)
    pg_tid = models.CharField(max_length=80, default="")
    receipt_url = models.CharField(max_length=500, default="")
    fail_reason = models.CharField(max_length=500, default="")
    paid_at = models.DateTimeField(null=True)

    class Meta:
        unique_together = [("subscription", "period")]


class Outbox(models.Model):
    kind = models.CharField(max_length=20)
    charge = models.ForeignKey(Charge, models.PROTECT)
    sent_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        unique_together = [("kind", "charge")]
