"""What a card brings about when it becomes usable, in the transaction that makes it so."""

from __future__ import annotations

import logging

from ..clock import later, wall
from ..exceptions import CardNotUsable, SubscriptionEnded
from ..gateway import BillingKeyRecord, PaymentRecord
from ..lifecycles import BILLING_KEY_MOVES, can_move, check_move
from ..models import BillingKey, Event, Payment, Subscription
from ..storable import storable
from .dispatch import new_event
from .nudges import nudge
from .subscribing import use_card

logger = logging.getLogger("portone_django.registration")

CHARGE_TASK = "portone_django.charge_due"
# The customer's answer comes first; the old card is deleted by the next sweep.
DELETE_AFTER_SECONDS = 5
_FACTS = ("card_name", "card_code", "card_number")
_LIMITS = {field.name: getattr(field, "max_length", None) for field in BillingKey._meta.concrete_fields}


def activate(
    key: BillingKey,
    issue: PaymentRecord | None,
    card: BillingKeyRecord | None,
    events: list[Event],
    source: str,
) -> list[Payment]:
    """Make the locked card usable and write it; the charges that it shall pay now.

    The first card of a customer is their default. The card that it replaces is given up only now, and deleted later.
    """
    check_move("BillingKey", BILLING_KEY_MOVES, key.state, "active")
    key.state, key.registered_at = "active", wall()
    key.fail_reason = key.quarantine_reason = ""
    key.failed_at = None
    key.issue_imp_uid = issue.imp_uid if issue else None
    if card is not None and key.customer_id is not None:
        copy_card(key, card)
    if key.customer_id is None:
        # The account is gone: nobody may ever charge it.
        request_deletion(key)
        key.save()
        return []
    take_free_default(key)
    key.save()
    effect = f"billing_key.registered:{key.pk}"
    events.append(new_event("billing_key.registered", billing_key=key, effect=effect, source=source))
    return after_registration(key, events, source=source)


def after_registration(key: BillingKey, events: list[Event], *, source: str) -> list[Payment]:
    """Let the subscriptions that the card was registered for pay with it; the charges of their open bills.

    They are committed with the card, so that the engine makes them whoever dies now.
    """
    waiting = Subscription.objects.filter(pk=key.subscription_id or 0).exclude(state="ended")
    moving = [each for each in waiting if not _has_newer(each, key)]
    if key.replaces_id is not None:
        moving += [each for each in _supersede(key, events, source) if each not in moving]
    charges = []
    for subscription in moving:
        try:
            payment = use_card(subscription, key, source=source)
        except (CardNotUsable, SubscriptionEnded) as error:
            logger.warning("Subscription %s keeps its card: %s", subscription.public_id, error)
            continue
        if payment is not None:
            charges.append(payment)
    if charges:
        nudge(CHARGE_TASK)
    return charges


def _has_newer(subscription: Subscription, key: BillingKey) -> bool:
    """Whether the customer has chosen another card since: a registration can turn out well a day late."""
    now = subscription.billing_key
    return now is not None and now.is_usable and now.created_at > key.created_at


def copy_card(key: BillingKey, card: BillingKeyRecord) -> None:
    """What may be shown of the card: the company and the number as PortOne masks it."""
    for name in _FACTS:
        setattr(key, name, storable(getattr(card, name) or "")[: _LIMITS[name]])


def request_deletion(key: BillingKey) -> None:
    """PortOne shall delete it; the sweep does, as soon as nothing needs it."""
    key.deletion = BillingKey.Deletion.REQUESTED
    key.default_slot = None
    key.next_check_at = later(DELETE_AFTER_SECONDS)


def take_free_default(key: BillingKey) -> None:
    """The default card, unless the customer has a usable one."""
    slot = str(key.customer_id)
    holder = BillingKey.objects.select_for_update().filter(default_slot=slot).exclude(pk=key.pk).first()
    if holder is not None and holder.is_usable:
        return
    if holder is not None:
        BillingKey.objects.filter(pk=holder.pk).update(default_slot=None)
    key.default_slot = slot


def _supersede(key: BillingKey, events: list[Event], source: str) -> list[Subscription]:
    """Give up the card that this one replaces; the subscriptions that paid with it."""
    old = BillingKey.objects.select_for_update().filter(pk=key.replaces_id or 0, customer=key.customer_id).first()
    if old is None or old.deletion or not can_move(BILLING_KEY_MOVES, old.state, "superseded"):
        return []
    if old.default_slot is not None:
        BillingKey.objects.filter(pk=old.pk).update(default_slot=None)
        BillingKey.objects.filter(pk=key.pk).update(default_slot=old.default_slot)
        key.default_slot = old.default_slot
    old.state = BillingKey.State.SUPERSEDED
    request_deletion(old)
    old.save()
    data = {"by": key.pk}
    events.append(new_event("billing_key.superseded", billing_key=old, source=source, data=data))
    return list(Subscription.objects.filter(billing_key=old).exclude(state="ended"))


__all__ = ["activate", "after_registration", "copy_card", "request_deletion", "take_free_default"]
