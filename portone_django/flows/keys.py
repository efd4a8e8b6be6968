"""Cards on file after their registration: default, name, check, and their deletion at PortOne, which ends by asking.

An intent is committed before the call; a repeated deletion of a card that is gone is a success (404), so that it may
always be sent again.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet

from ..clock import later, wall
from ..conf import LEASE_SECONDS
from ..exceptions import CardInUse, CardNotDeleted, CardNotUsable
from ..gateway import (
    BillingKeyRecord,
    MalformedAnswer,
    Misconfigured,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PortOneError,
    Refused,
    Unauthorized,
    get_client,
)
from ..lifecycles import BILLING_KEY_MOVES, OPEN_PAYMENT_STATES, USABLE_KEY_STATES, check_move
from ..models import BillingKey, Event, Payment, Subscription
from .activation import copy_card
from .blanking import CARD_FIELDS, drop_options
from .breaker import DEADLINE_SECONDS
from .comparison import card_differences
from .dispatch import new_event, record
from .registration import sync_registration
from .steps import in_one_step
from .verification import Outcome

logger = logging.getLogger("portone_django.cards")

DELETE_DEADLINE_SECONDS = 10.0
LOOK_AGAIN_SECONDS = 60
# Something still needs it, or PortOne turned us away.
WAIT_SECONDS = 600
ASK_DAILY_SECONDS = 24 * 3600
GONE = "PortOne no longer has this card."
_UNDECIDED = OPEN_PAYMENT_STATES | {"quarantined", "review"}


def make_default(pk: int, *, by: Any, source: str) -> None:
    """The customer's default card, and no other. Raises CardNotUsable."""
    try:
        in_one_step(lambda: _make_default(pk, by, source))
    except IntegrityError:
        # Another card became the default between our look and our write.
        in_one_step(lambda: _make_default(pk, by, source))


def _make_default(pk: int, by: Any, source: str) -> None:
    key = BillingKey.objects.select_for_update().get(pk=pk)
    if key.customer_id is None or not key.is_usable:
        raise CardNotUsable(key.state, f"it is {key.deletion or key.state}, and cannot be the default.")
    if key.is_default:
        return
    slot = str(key.customer_id)
    BillingKey.objects.filter(default_slot=slot).update(default_slot=None)
    BillingKey.objects.filter(pk=pk).update(default_slot=slot, updated_at=wall())
    data = {"user": getattr(by, "pk", None)}
    record([new_event("billing_key.made_default", billing_key=key, source=source, data=data)])


def recheck(key: BillingKey, *, by: Any = None, source: str, deadline: float = DEADLINE_SECONDS) -> Outcome:
    """Ask PortOne whether it still has the card. Raises PortOneError when it does not answer."""
    if by is not None:
        record([new_event("billing_key.recheck_asked", billing_key=key, source=source, data={"user": by.pk})])
    if key.state in ("pending", "failed"):
        return sync_registration(key, source=source, deadline=deadline).outcome
    if key.deletion:
        return carry_on(key)
    if key.state not in (*USABLE_KEY_STATES, "unusable"):
        return Outcome.APPLIED
    card = _on_file(key, deadline)
    in_one_step(lambda: _follow(key.pk, card, source), is_join=True)
    return Outcome.APPLIED


def _follow(pk: int, card: BillingKeyRecord | None, source: str) -> None:
    key = BillingKey.objects.select_for_update().get(pk=pk)
    if key.state not in (*USABLE_KEY_STATES, "unusable") or key.deletion:
        return
    wrong = card_differences(key, card) if card is not None else []
    was = key.state
    if card is None or wrong:
        key.state, key.failed_at = "unusable", None
        key.fail_reason = GONE if card is None else ""
        key.quarantine_reason = "; ".join(wrong)[:500]
    else:
        if key.state == "unusable" and key.failed_at is None:
            key.state, key.fail_reason = "active", ""  # a card company's word stays: it was declined, not missing
        key.quarantine_reason = ""
        copy_card(key, card)
    key.checked_at = wall()
    key.save()
    if key.state != was:
        data = {"from": was, "to": str(key.state), "difference": key.quarantine_reason}
        record([new_event("billing_key.rechecked", billing_key=key, source=source, data=data)])
        logger.warning("Card %s is %s: %s", key.public_id, key.state, key.quarantine_reason or key.fail_reason)


# Deleting at PortOne ---------------------------------------------------------------------------------------------


def delete_at_portone(key: BillingKey, *, by: Any, source: str) -> None:
    """Delete it at PortOne, now if PortOne answers, else by the sweep.

    Raises CardInUse, CardNotDeleted when PortOne refuses, ForbiddenMove for a card that was never registered.
    """
    if in_one_step(partial(_intend, key.pk, by, source)):
        _delete(key, source, DELETE_DEADLINE_SECONDS, is_asked=True)


def carry_on(key: BillingKey) -> Outcome:
    """What the sweep does with a card that is due: its registration, or its deletion."""
    if not key.deletion:
        return sync_registration(key, source="sweep", deadline=DEADLINE_SECONDS).outcome
    if key.deletion == BillingKey.Deletion.REQUESTED:
        return _delete(key, "sweep", DEADLINE_SECONDS)
    try:
        card = _on_file(key, DEADLINE_SECONDS)
    except PortOneError:
        _postpone(key, LOOK_AGAIN_SECONDS)
        return Outcome.UNREACHABLE
    if card is None:
        _deleted(key, "sweep")
        return Outcome.APPLIED
    # It is still there. Deleting twice is deleting once.
    return _delete(key, "sweep", DEADLINE_SECONDS)


def needed_by(key: BillingKey) -> Subscription | Payment | None:
    """What cannot do without the card: a subscription that is not over, or an undecided charge."""
    subscription = Subscription.objects.filter(billing_key=key.pk).exclude(state="ended").first()
    return subscription or Payment.objects.filter(billing_key=key.pk, state__in=_UNDECIDED).first()


def what_needs(key: BillingKey) -> str:
    """The same, for people; "" when nothing needs it."""
    match needed_by(key):
        case Subscription(public_id=number):
            return f"subscription {number}"
        case Payment(merchant_uid=uid):
            return f"charge {uid}"
    return ""


def orphans() -> QuerySet[BillingKey]:
    """Cards whose customer's account was deleted, that nothing needs any more."""
    can_go = [state for state, moves in BILLING_KEY_MOVES.items() if "deleted" in moves]
    subscriptions = Subscription.objects.filter(billing_key=OuterRef("pk")).exclude(state="ended").order_by()
    charges = Payment.objects.filter(billing_key=OuterRef("pk"), state__in=_UNDECIDED).order_by()
    mine = BillingKey.objects.filter(customer=None, deletion="", state__in=can_go)
    return mine.exclude(Exists(subscriptions)).exclude(Exists(charges))


def give_up(pks: list[int]) -> int:
    """Have the sweep delete those of these cards that are orphans, and forget whose they were; their number."""
    cards = list(orphans().select_for_update().filter(pk__in=pks).order_by("pk"))
    mine = BillingKey.objects.filter(pk__in=[card.pk for card in cards])
    waiting = {"deletion": BillingKey.Deletion.REQUESTED, "next_check_at": later(0), "default_slot": None}
    mine.update(**waiting, **dict.fromkeys(CARD_FIELDS, ""), updated_at=wall())
    drop_options(mine)
    record([new_event("billing_key.forgotten", billing_key=card, source="purge") for card in cards])
    return len(cards)


def _intend(pk: int, by: Any, source: str) -> bool:
    """Commit that it is being deleted; false when it is gone or somebody is at it."""
    key = BillingKey.objects.select_for_update().get(pk=pk)
    if not check_move("BillingKey", BILLING_KEY_MOVES, key.state, "deleted") or key.deletion:
        return False
    if needs := what_needs(key):
        raise CardInUse(needs)
    # Should this process die, the sweep takes over.
    values = {"deletion": BillingKey.Deletion.REQUESTED, "next_check_at": later(LEASE_SECONDS)}
    BillingKey.objects.filter(pk=pk).update(**values, updated_at=wall())
    data = {"user": getattr(by, "pk", None)}
    record([new_event("billing_key.deletion_requested", billing_key=key, source=source, data=data)])
    return True


def _delete(key: BillingKey, source: str, deadline: float, *, is_asked: bool = False) -> Outcome:
    """One DELETE, and what became of it. `is_asked`: somebody waits, and reads a refusal."""
    if needs := what_needs(key):
        # A charge or a change of cards that was under way when the deletion was written down.
        _take_back(key) if is_asked else _postpone(key, WAIT_SECONDS)
        if is_asked:
            raise CardInUse(needs)
        return Outcome.APPLIED
    try:
        get_client().delete_billing_key(key.customer_uid, deadline=deadline)
    except NotFound:
        pass
    except Refused as refused:
        return _refused(key, refused, source, is_asked=is_asked)
    except (NotSent, OutcomeUnknown) as error:
        is_sent = isinstance(error, OutcomeUnknown)
        deletion = BillingKey.Deletion.UNKNOWN if is_sent else BillingKey.Deletion.REQUESTED
        _mine(key).update(deletion=deletion, next_check_at=later(LOOK_AGAIN_SECONDS))
        logger.warning("Card %s: %s", key.public_id, error)
        return Outcome.UNREADABLE if isinstance(error, MalformedAnswer) else Outcome.UNREACHABLE
    _deleted(key, source)
    return Outcome.APPLIED


def _refused(key: BillingKey, refused: Refused, source: str, *, is_asked: bool) -> Outcome:
    logger.error("Card %s: %s", key.public_id, refused)
    is_ours_to_mend = isinstance(refused, Unauthorized | Misconfigured)
    if is_ours_to_mend and not is_asked:
        # Nobody waits for it: it stays wanted until PortOne has said why not.
        _postpone(key, WAIT_SECONDS)
        return Outcome.UNREACHABLE
    is_orphan = not _take_back(key)
    if is_orphan:
        _postpone(key, ASK_DAILY_SECONDS)
    kind, data = "billing_key.deletion_refused", {"refusal": (refused.message or refused.reason)[:500]}
    if not (is_orphan and Event.objects.filter(kind=kind, billing_key=key).exists()):
        record([new_event(kind, billing_key=key, source=source, data=data)])
    if is_asked:
        raise CardNotDeleted(refused.message or refused.reason, refused.hint) from refused
    return Outcome.APPLIED


def _deleted(key: BillingKey, source: str) -> None:
    in_one_step(partial(_write_deleted, key.pk, source), is_join=True)


def _write_deleted(pk: int, source: str) -> None:
    key = BillingKey.objects.select_for_update().get(pk=pk)
    if not check_move("BillingKey", BILLING_KEY_MOVES, key.state, "deleted"):
        return
    key.state, key.deletion, key.default_slot = "deleted", "", None
    key.deleted_at, key.next_check_at = wall(), None
    key.save()
    effect = f"billing_key.deleted:{key.pk}"
    record([new_event("billing_key.deleted", billing_key=key, effect=effect, source=source)])


def _take_back(key: BillingKey) -> bool:
    """Usable again, unless it belongs to nobody (its customer may have been forgotten meanwhile) and has to go."""
    mine = _mine(key).exclude(customer=None)
    return bool(mine.update(deletion=BillingKey.Deletion.NONE, next_check_at=None))


def _postpone(key: BillingKey, seconds: float) -> None:
    _mine(key).update(next_check_at=later(seconds))


def _mine(key: BillingKey) -> Any:
    return BillingKey.objects.filter(pk=key.pk).exclude(deletion="")


def _on_file(key: BillingKey, deadline: float) -> BillingKeyRecord | None:
    try:
        return get_client().get_billing_key(key.customer_uid, deadline=deadline)
    except NotFound:
        return None
