"""What PortOne's webhooks hinted at: one row per distinct hint, counted, never believed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class WebhookDelivery(models.Model):
    """One distinct webhook; repeats raise `count`. `due_at` is when PortOne should be asked, None when done.

    The four unique columns are never null, so that every database refuses a second row.
    """

    merchant_uid = models.CharField(max_length=40)
    imp_uid = models.CharField(max_length=32, default="", blank=True)
    status = models.CharField(max_length=20, default="", blank=True)
    cancellation_id = models.CharField(max_length=64, default="", blank=True)
    count = models.PositiveIntegerField(_("times received"), default=1)
    first_seen_at = models.DateTimeField(_("first seen at"), auto_now_add=True)
    last_seen_at = models.DateTimeField(_("last seen at"), auto_now_add=True)
    body = models.JSONField(_("last body"), default=dict, blank=True)
    due_at = models.DateTimeField(_("ask PortOne at"), null=True, blank=True)
    processed_at = models.DateTimeField(_("asked PortOne at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("-id",)
        indexes = [models.Index(fields=["due_at"], name="portone_webhook_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_uid", "imp_uid", "status", "cancellation_id"], name="portone_webhook_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.merchant_uid} {self.status}".strip()
