"""What a project does for one customer, and with one card on file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from . import access, clock
from .adapter import get_adapter
from .conf import get_config
from .flows import adoption, forgetting, keys
from .flows.charges import open_charge
from .flows.charging import charge_now
from .flows.forgetting import Forgotten
from .gateway import ids, refuse_inside_transaction
from .models import BillingKey, Order, Payment, Subscription
from .models.subscription import SubscriptionQuerySet
from .orders import draft_order
from .storable import is_storable

__all__ = ["Billing", "Forgotten", "billing", "charge", "make_default", "recheck", "remove", "rename"]

# A customer waits for the answer.
WEB_SECONDS = 20.0


def billing(user: Any) -> Billing:
    """The billing of a saved user. Raises TypeError for anything else, as for a visitor who is not logged in."""
    state = getattr(user, "_state", None)
    is_saved = state is not None and not state.adding and user.pk is not None  # a UUID is there before its row
    if not is_saved or not getattr(user, "is_authenticated", False):
        raise TypeError(f"billing() takes a saved user, not {type(user).__name__}. Write: billing(request.user)")
    return Billing(user)


@dataclass(frozen=True, slots=True)
class Billing:
    """One customer's side of the till."""

    user: Any

    def is_subscribed(self, *plans: str) -> bool:
        """Whether the customer may use one of the plans (by code) now; see access.is_subscribed."""
        return access.is_subscribed(self.user, *plans)

    def subscriptions(self) -> SubscriptionQuerySet:
        """All of the customer's subscriptions, newest first, the ended ones, too."""
        mine = Subscription.objects.filter(customer=self.user)
        return mine.select_related("price__plan", "billing_key").order_by("-pk")

    def subscription(self, *plans: str) -> Subscription | None:
        """The one to show for these plans (by code; any without one): not ended, rather one with access, the newest.

        Raises UnknownPlan.
        """
        there = self.subscriptions().exclude(state="ended")
        found = list(there.for_plan(*plans) if plans else there)
        if not found:
            access.require_plans(*plans)
        return next((each for each in found if each.has_access), found[0] if found else None)

    def cards(self) -> models.QuerySet[BillingKey]:
        """The cards that can be charged, the default first, then the newest."""
        mine = BillingKey.objects.is_usable().filter(customer=self.user.pk)
        return mine.order_by(models.F("default_slot").asc(nulls_last=True), "-pk")

    @property
    def default_card(self) -> BillingKey | None:
        """The default card, while it can be charged; else None."""
        return BillingKey.objects.is_usable().filter(default_slot=str(self.user.pk)).first()

    def adopt_key(self, customer_uid: str, *, name: str = "", unschedule: bool = False) -> BillingKey:
        """Take over a card that this shop registered at PortOne before; any number of calls make one.

        PortOne must show the card, on the MID of one of PORTONE["CHANNELS"], a test card only where test payments are
        accepted. Payments that are booked with it at PortOne (for a year from now) would be taken beside what is
        charged here: refused, unless `unschedule` says to revoke them. No signal is sent, so that nobody gets a mail
        for an old card.
        Raises CardNotAdopted (somebody else's card here, too), PortOneError, InsideTransaction, ValueError.
        """
        refuse_inside_transaction()
        return adoption.adopt(
            self.user, ids.customer_uid(customer_uid), name=_card_name(name), source="app", unschedule=unschedule
        )

    def forget(self) -> Forgotten:
        """The customer asks to be forgotten: every order loses its link to the account, and what may be its buyer.

        Orders that no money came for and that have no undecided attempt lose buyer_name, buyer_email, buyer_tel,
        buyer_addr and buyer_postcode at once, and so does an open one, which can then no longer be paid: cancel it
        first if the shop holds something back for it. Orders with money keep these fields for the legal retention
        (PORTONE["KEEP_PAYMENT_DAYS"], days, at least five years); orders with an undecided attempt until it is decided.
        The purge (manage.py portone_purge or the Celery task portone_django.purge) blanks them then.

        Cards on file lose their link, their name and their masked number at once, and are deleted at PortOne by the
        next sweep that finds no undecided charge of them. Subscriptions that are over lose their link. With the buyer's
        fields go the window options customer_id, custom_data, payshot_key and bypass.

        Returns Forgotten(orders_unlinked, orders_blanked, kept_until, cards_unlinked): counts, and a date or None.
        Calling it again changes nothing more. It works in transactions of a hundred orders, or in the caller's, and
        asks PortOne nothing. The project's own texts (an order's name, reference and metadata, the reasons of refunds)
        are left alone. The account itself is the project's to delete, which never deletes an order or a payment; cards
        of an account that was deleted without this are deleted at PortOne by the purge, once nothing needs them.
        Raises CustomerSubscribed, with no change, while a subscription is not over: cancel it first
        (subscription.cancel(when="now")). Raises DatabaseError; what was done until then is kept, and the next call
        goes on.
        """
        return forgetting.forget(self.user.pk)


def make_default(billing_key: BillingKey, *, by: Any = None, source: str = "app") -> BillingKey:
    """Make it the customer's default card, and the one before it none. Raises CardNotUsable."""
    keys.make_default(billing_key.pk, by=by, source=source)
    billing_key.refresh_from_db()
    return billing_key


def rename(billing_key: BillingKey, name: str) -> BillingKey:
    """Give the card a name for its customer, "" for none. Raises TypeError or ValueError."""
    BillingKey.objects.filter(pk=billing_key.pk).update(name=_card_name(name), updated_at=clock.wall())
    billing_key.refresh_from_db()
    return billing_key


def recheck(billing_key: BillingKey, *, by: Any = None, source: str = "app") -> BillingKey:
    """Ask PortOne whether it still has the card, and take over what it shows of it.

    One that is gone there becomes unusable, and usable again should PortOne show it after all. A card that its company
    declined for good stays unusable: that PortOne keeps it proves nothing. A registration that is not decided is asked
    about, and so is a deletion. With `by` there is an event that tells who asked.
    Raises PortOneError when PortOne does not answer, InsideTransaction.
    """
    refuse_inside_transaction()
    keys.recheck(billing_key, by=by, source=source)
    billing_key.refresh_from_db()
    return billing_key


def remove(billing_key: BillingKey, *, by: Any = None, source: str = "app") -> BillingKey:
    """Delete the card at PortOne, for good; again: no change.

    Look at `state`: deleted, or still what it was with `deletion` requested or unknown: then PortOne did not answer,
    nobody can charge the card any more, and the sweep goes on until it is gone. It is not Model.delete(), which
    querysets and the admin bypass, and which forgets a row; a card's row stays.
    Raises CardInUse while a subscription or an undecided charge needs it, CardNotDeleted when PortOne refuses (the card
    stays usable, unless it belongs to nobody any more), ForbiddenMove when it was never registered, InsideTransaction.
    """
    refuse_inside_transaction()
    keys.delete_at_portone(billing_key, by=by, source=source)
    billing_key.refresh_from_db()
    return billing_key


def _card_name(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {type(name).__name__}")
    if len(name) > 100 or not is_storable(name):
        raise ValueError("name must have at most 100 characters, without NUL or half a surrogate pair")
    return name


def charge(
    billing_key: BillingKey,
    *,
    amount: int,
    name: str,
    reference: str | None = None,
    tax_free_amount: int | None = None,
    vat_amount: int | None = None,
    target: models.Model | None = None,
    metadata: dict[str, Any] | None = None,
    deadline: float = WEB_SECONDS,
) -> Payment:
    """Take `amount` won from a card on file, now; at most `deadline` seconds, so that a web request can wait for it.

    Look at `state` of what comes back: paid, failed (with `fail_reason`), or still open: then it is being confirmed,
    and the engine decides it without you. With a `reference` any number of calls charge once; after a decline the next
    call tries again (ten minutes later, if the declined one had to be sent twice: one of the two may be on its way).
    Raises CardNotUsable, OrderConflict (the reference is another sale), InsideTransaction inside a transaction, and
    TypeError or ValueError for amounts.
    """
    refuse_inside_transaction()
    customer = billing_key.customer
    buyer: dict[str, Any] = get_adapter().buyer(customer) if customer is not None else {}
    order = draft_order(
        name=name,
        amount=amount,
        reference=reference,
        customer=customer,
        tax_free_amount=tax_free_amount,
        vat_amount=vat_amount,
        target=target,
        metadata=metadata,
        **buyer,
    )
    least = get_config().minimum_charge
    if amount < least:
        raise ValueError(f"amount must be at least {least} won (PORTONE['MINIMUM_CHARGE']), not {amount}")
    order.kind = Order.Kind.CHARGE
    payment = open_charge(billing_key, order)
    return charge_now(payment, deadline=deadline) if payment.is_open else payment
