"""A card on file: the customer_uid under which PortOne keeps it, and what may be shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..lifecycles import USABLE_KEY_STATES
from .order import new_public_id

if TYPE_CHECKING:
    from .payment import Payment
    from .subscription import Subscription


class BillingKeyQuerySet(models.QuerySet["BillingKey"]):
    """The questions of BillingKey, under the same names."""

    def is_usable(self) -> BillingKeyQuerySet:
        return self.filter(state__in=USABLE_KEY_STATES, deletion="")

    def is_default(self) -> BillingKeyQuerySet:
        return self.exclude(default_slot=None)


class BillingKey(models.Model):
    """One registration of one card. `customer_uid` is minted here, bound to its customer and never used again.

    `default_slot` holds the customer's key while this is their default card: nullable and unique, so that no database
    allows two. The card's number is kept as PortOne masks it.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Being registered")
        ACTIVE = "active", _("Active")
        FAILING = "failing", _("Last charge declined")
        UNUSABLE = "unusable", _("Not usable")
        SUPERSEDED = "superseded", _("Replaced")
        DELETED = "deleted", _("Deleted")
        FAILED = "failed", _("Not registered")

    class Source(models.TextChoices):
        WINDOW = "window", _("The payment window")
        KEY_IN = "key_in", _("Typed in")
        ADOPTED = "adopted", _("Adopted")

    class Deletion(models.TextChoices):
        NONE = "", _("None")
        REQUESTED = "requested", _("To be deleted at PortOne")
        UNKNOWN = "unknown", _("Asked to delete, outcome unknown")

    public_id = models.CharField(_("card id"), max_length=20, unique=True, default=new_public_id, editable=False)
    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("customer"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="portone_billing_keys",
    )
    customer_uid = models.CharField("customer_uid", max_length=80, unique=True, editable=False)
    issue_uid = models.CharField(
        _("merchant_uid of the registration"), max_length=40, unique=True, null=True, blank=True, editable=False
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PENDING)
    default_slot = models.CharField(max_length=100, unique=True, null=True, editable=False)
    name = models.CharField(_("name"), max_length=100, blank=True)
    source = models.CharField(_("source"), max_length=10, choices=Source, default=Source.WINDOW)

    # What we asked for; never changed after creation.
    channel = models.CharField(_("channel"), max_length=50)
    expected_pg_provider = models.CharField(max_length=16, editable=False)
    expected_pg_id = models.CharField(max_length=80, editable=False)
    expected_sandbox = models.BooleanField(editable=False)
    options = models.JSONField(_("window options"), default=dict, blank=True)
    return_url = models.CharField(_("page to go on to"), max_length=500, blank=True)
    replaces = models.ForeignKey(
        "self", verbose_name=_("replaces"), on_delete=models.SET_NULL, null=True, blank=True, related_name="replaced_by"
    )
    subscription = models.ForeignKey(
        "portone.Subscription",
        verbose_name=_("registered for"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="registrations",
    )

    # What PortOne answered, and what became of charges.
    issue_imp_uid = models.CharField("imp_uid", max_length=32, null=True, blank=True, unique=True)
    card_name = models.CharField(_("card"), max_length=50, blank=True)
    card_code = models.CharField(max_length=10, blank=True)
    card_number = models.CharField(_("masked number"), max_length=32, blank=True)
    fail_reason = models.CharField(_("reason of failure"), max_length=500, blank=True)
    quarantine_reason = models.CharField(_("not believed because"), max_length=500, blank=True)
    failed_at = models.DateTimeField(_("last failed at"), null=True, blank=True)
    deletion = models.CharField(_("deletion"), max_length=10, choices=Deletion, default=Deletion.NONE, blank=True)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)
    expires_at = models.DateTimeField(_("its window closes at"))
    registered_at = models.DateTimeField(_("registered at"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    checked_at = models.DateTimeField(_("last asked PortOne"), null=True, blank=True)
    next_check_at = models.DateTimeField(_("ask PortOne again at"), null=True, blank=True)

    payments: models.Manager[Payment]
    subscriptions: models.Manager[Subscription]
    objects = BillingKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("card on file")
        verbose_name_plural = _("cards on file")
        ordering = ("-id",)
        permissions = [("manage_billingkey", _("Can make a card the default, check it and delete it"))]
        indexes = [
            models.Index(fields=["next_check_at"], name="portone_key_due"),
            models.Index(fields=["customer", "state"], name="portone_key_customer"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """What a customer knows the card by: its name, or the company and the last digits."""
        return self.name or " ".join(part for part in (self.card_name, self.card_number) if part) or self.public_id

    @property
    def is_usable(self) -> bool:
        """Whether it may be charged."""
        return self.state in USABLE_KEY_STATES and self.deletion == ""

    @property
    def is_default(self) -> bool:
        """Whether it is the customer's default card."""
        return self.default_slot is not None

    def make_default(self, *, by: Any = None) -> BillingKey:
        """Make it the customer's default card; see billing.make_default."""
        from ..billing import make_default

        return make_default(self, by=by)

    def rename(self, name: str) -> BillingKey:
        """Give it the name that its customer knows it by; see billing.rename."""
        from ..billing import rename

        return rename(self, name)

    def recheck(self, *, by: Any = None) -> BillingKey:
        """Ask PortOne whether it still has the card; see billing.recheck."""
        from ..billing import recheck

        return recheck(self, by=by)

    def remove(self, *, by: Any = None) -> BillingKey:
        """Delete the card at PortOne; see billing.remove. The row stays: charges, bills and events point at it."""
        from ..billing import remove

        return remove(self, by=by)

    def charge(self, *, amount: int, name: str, reference: str | None = None, **terms: Any) -> Payment:
        """Take money from it now, exactly once; see billing.charge."""
        from ..billing import charge

        return charge(self, amount=amount, name=name, reference=reference, **terms)
