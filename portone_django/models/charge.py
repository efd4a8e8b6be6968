"""What a payment by a card on file needs besides: whose card, and where the engine stands with it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ChargeFields(models.Model):
    """The columns of an attempt that nobody has to be present for; empty on a payment through the window.

    `charge_due_at` is database time: when the engine may look at the attempt (again). Whoever moves it holds the
    lease, under `lease_token`. It is empty once the attempt is decided, so that its index holds only what waits.
    """

    class Decline(models.TextChoices):
        NONE = "", _("None")
        SOFT = "soft", _("May work later")
        NEEDS_NEW_CARD = "needs_new_card", _("Needs a new card")
        HARD = "hard", _("Will not work by trying again")
        REFUSED = "refused", _("Refused by PortOne, not by the card")

    billing_key = models.ForeignKey(
        "portone.BillingKey",
        verbose_name=_("card on file"),
        on_delete=models.PROTECT,
        related_name="payments",
        null=True,
        blank=True,
    )
    customer_uid = models.CharField("customer_uid", max_length=80, blank=True, editable=False)
    charge_due_at = models.DateTimeField(_("charge or look again at"), null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    send_count = models.PositiveSmallIntegerField(_("times sent"), default=0)
    unseen_at = models.DateTimeField(_("first not found at"), null=True, blank=True)
    crash_count = models.PositiveSmallIntegerField(_("times left behind"), default=0)
    look_first = models.BooleanField(_("looked up before it is sent"), default=False)
    refusal = models.CharField(_("PortOne's refusal"), max_length=500, blank=True)
    decline_kind = models.CharField(_("kind of decline"), max_length=20, choices=Decline, blank=True)

    class Meta:
        abstract = True

    @property
    def is_charge(self) -> bool:
        """Whether it is taken from a card on file, without the customer."""
        return self.customer_uid != ""
