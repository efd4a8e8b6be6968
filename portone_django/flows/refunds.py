"""A refund, exactly once: read first, commit the intent, send, settle from cancel_history; unknown ends by asking.

The balance only falls, so `checksum` fences: a cancel that was thought lost and arrives late is refused by PortOne.
Source: PortOne V1 POST /payments/cancel (checksum, amount 0 cancels everything).
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.db.models import F

from ..clock import Tick, later, tick, wall
from ..conf import LEASE_SECONDS, QUIET_PERIOD_SECONDS, SEND_DEADLINE_SECONDS
from ..gateway import (
    Misconfigured,
    PaymentRecord,
    PortOneError,
    Refused,
    Unauthorized,
    get_client,
    refuse_inside_transaction,
)
from ..lifecycles import REFUND_MOVES, check_move
from ..models import Payment, Refund
from ..storable import storable
from .breaker import DEADLINE_SECONDS, Breaker
from .dispatch import new_event, record
from .refund_account import RefundAccount
from .refusals import is_whole_refused
from .settlement import apply_records
from .steps import in_one_statement, in_one_step
from .verification import Outcome, sync_payment

logger = logging.getLogger("portone_django.refunds")

# A process that slept between its intent and its send does not send: others may have taken over.
FENCE_SECONDS = 20.0
RETRY_SECONDS = 20
BETWEEN_LOOKS_SECONDS = 60
MOST_SENDS = 3
# After the limits a human: nothing was learned for so long.
GIVE_UP_SECONDS = 7 * 24 * 3600
NEVER_SENT = dt.timedelta(days=1)


def carry_on(
    refund: Refund,
    account: RefundAccount | None = None,
    *,
    deadline: float = SEND_DEADLINE_SECONDS,
    breaker: Breaker | None = None,
) -> Refund:
    """Take an undecided refund as far as it goes now; any number of callers, any number of times.

    `deadline` is seconds for the send. Raises InsideTransaction inside a transaction.
    """
    refuse_inside_transaction()
    errand = _Errand(refund, account, deadline, breaker or Breaker())
    if errand.refund.state == "reserved":
        errand.begin()
    elif errand.refund.state in ("sent", "unknown", "review"):
        errand.resolve()
    errand.refresh()
    return errand.refund


def close_by_hand(refund: Refund, *, reason: str, by: Any) -> Refund:
    """An operator's word on a refund in review: no money moved. PortOne is asked first: a success is its to show."""
    refund = carry_on(refund)
    if refund.state == "review":
        _close(refund, "failed", f"by hand: {reason}", user=getattr(by, "pk", None))
        refund.refresh_from_db()
    return refund


class _Errand:
    """One refund on its way, in one process, from where its row says it stands."""

    def __init__(self, refund: Refund, account: RefundAccount | None, deadline: float, breaker: Breaker) -> None:
        self.account, self.deadline, self.breaker = account, deadline, breaker
        self.refund = Refund.objects.select_related("payment").get(pk=refund.pk)
        # Kept: whatever becomes of the connection while PortOne is asked, nothing need be read to write the answer.
        self.merchant_uid = self.refund.payment.merchant_uid

    def refresh(self) -> None:
        self.refund.refresh_from_db()

    # From reserved -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        balance = self._read()
        refund = self.refund
        if refund.state != "reserved":
            return
        if balance is None:
            self._not_now()
        elif balance != refund.checksum:
            self._stale(balance)
        elif refund.needs_account and self.account is None:
            # Reserved by a process that ended before it sent; the account was only in its memory.
            if wall() - refund.created_at >= dt.timedelta(seconds=LEASE_SECONDS):
                self._fail("account_lost")
        else:
            self._send()

    def _not_now(self) -> None:
        """PortOne did not show the payment, so nothing is sent: later, if what is needed to send is kept."""
        if self.account is not None:
            self._fail("unreachable")
        elif wall() - self.refund.created_at >= NEVER_SENT:
            self._fail("never_sent")
        else:
            self._ask_again(RETRY_SECONDS)

    def _send(self) -> None:
        began = time.monotonic()
        if not self._intend():
            return
        if time.monotonic() - began > FENCE_SECONDS:
            self._to_unknown(0)
            return
        try:
            answer = self._cancel()
        except (Unauthorized, Misconfigured) as error:
            self._uncertain(error)
        except Refused as refused:
            self._refused(refused)
        except PortOneError as error:
            self._uncertain(error)
        except BaseException:
            # Interrupted (a soft time limit, Ctrl-C): it may have happened.
            self._to_unknown(RETRY_SECONDS)
            raise
        else:
            self._answered(answer)

    def _intend(self) -> bool:
        """Committed before anything leaves; of several callers one gets it. What is sent again stays unknown."""
        refund = self.refund
        mine = Refund.objects.filter(pk=refund.pk, state=refund.state, send_count=refund.send_count)
        won = in_one_statement(
            lambda: mine.update(
                state="sent" if refund.state == "reserved" else refund.state,
                sent_at=Tick(),
                send_count=F("send_count") + 1,
                unseen_at=None,
                next_check_at=later(LEASE_SECONDS),
                updated_at=wall(),
            )
        )
        self.refresh()
        return bool(won)

    def _cancel(self) -> PaymentRecord:
        refund = self.refund
        return get_client().cancel_payment(
            imp_uid=refund.imp_uid,
            amount=None if refund.is_without_amount else refund.amount,
            full_balance=refund.is_without_amount,
            checksum=refund.checksum,
            reason=refund.reason,
            tax_free=refund.tax_free_amount,
            vat_amount=refund.vat_amount,
            **(self.account.as_fields() if self.account else {}),
            deadline=self.deadline,
        )

    def _answered(self, answer: PaymentRecord) -> None:
        apply_records(self.merchant_uid, [answer], source="refund")
        # Code 0 is not enough: what its record does not show is not proved.
        self._to_unknown(RETRY_SECONDS)

    def _uncertain(self, error: PortOneError) -> None:
        logger.warning("Refund %s: outcome unknown (%s)", self.refund.pk, type(error).__name__)
        self._to_unknown(max(RETRY_SECONDS, round(error.retry_after or 0)))
        # Most often the answer was lost and the deed was done: ask at once, not only in the next sweep.
        self._read()

    def _refused(self, refused: Refused) -> None:
        """PortOne answered no. What it says may be about an earlier send, so the record decides."""
        self._to_unknown(RETRY_SECONDS)
        refusal = storable(refused.message or str(refused))[:500]
        mine = Refund.objects.filter(pk=self.refund.pk, state="unknown", send_count=self.refund.send_count)
        in_one_statement(lambda: mine.update(refusal=refusal))
        balance = self._read()
        if balance is not None:
            self._decide_refused(balance)

    def _decide_refused(self, balance: int) -> None:
        refund = self.refund
        if refund.state != "unknown":
            return
        if balance != refund.checksum:
            self._stale(balance)
        elif is_whole_refused(refund) and not refund.is_without_amount and (self.account or not refund.needs_account):
            # Inicis calls it a partial cancel of everything: once more without an amount, under the same checksum.
            first = Refund.objects.filter(pk=refund.pk, state="unknown", is_without_amount=False)
            if in_one_statement(lambda: first.update(is_without_amount=True, refusal="")):
                self.refresh()
                self._send()
        else:
            self._fail("refused")

    # From sent and unknown ---------------------------------------------------------------------------------------

    def resolve(self) -> None:
        if self.refund.state == "sent":
            if self._is_within(LEASE_SECONDS):
                return  # whoever sent it is still waiting for the answer
            self._to_unknown(RETRY_SECONDS)
        balance = self._read()
        refund = self.refund
        if refund.state != "unknown":
            return
        if balance is None:
            self._ask_again_or_give_up()
        elif refund.refusal:
            self._decide_refused(balance)
        elif self._is_within(QUIET_PERIOD_SECONDS):
            # It may still be on its way: "nothing there" is not believed before the quiet period has passed.
            self._ask_again(BETWEEN_LOOKS_SECONDS)
        elif balance != refund.checksum:
            # Something else took from the balance, and on another balance PortOne refuses ours for ever.
            self._stale(balance)
        else:
            self._not_there()

    def _not_there(self) -> None:
        """PortOne answers, and twice it has no such cancel: what may be sent again is sent, the rest is a person's."""
        refund = self.refund
        if refund.unseen_at is None:
            unseen = Refund.objects.filter(pk=refund.pk, unseen_at=None)
            in_one_statement(lambda: unseen.update(unseen_at=Tick()))
            self._ask_again(BETWEEN_LOOKS_SECONDS)
        elif (tick() - refund.unseen_at).total_seconds() < BETWEEN_LOOKS_SECONDS:
            self._ask_again(RETRY_SECONDS)
        elif refund.needs_account:
            # The account is not kept. Should the first cancel arrive after all, only one of the two finds its checksum.
            self._fail("not_executed")
        elif refund.send_count >= MOST_SENDS:
            self._to_review("not_executed")
        else:
            self._send()

    def _ask_again_or_give_up(self) -> None:
        if self.refund.sent_at is not None and not self._is_within(GIVE_UP_SECONDS):
            self._to_review("unreachable")
            return
        age = (tick() - self.refund.sent_at).total_seconds() if self.refund.sent_at else 0
        self._ask_again(min(max(RETRY_SECONDS, round(age / 2)), 6 * 3600))

    # Small steps -------------------------------------------------------------------------------------------------

    def _read(self) -> int | None:
        """What PortOne holds of the record now, after settling all that it shows; None when it does not show it."""
        payment = Payment.objects.get(pk=self.refund.payment_id)
        imp_uid = self.refund.imp_uid
        result = sync_payment(
            payment.merchant_uid, imp_uid, source="refund", deadline=DEADLINE_SECONDS, payment=payment
        )
        self.breaker.note(result.outcome)
        self.refresh()
        found = next((each for each in result.records if each.imp_uid == imp_uid), None)
        if result.outcome is not Outcome.APPLIED or found is None:
            return None
        # A stale answer shows more than there is; the balance only falls.
        payment.refresh_from_db()
        known = payment.cancel_amount if imp_uid == payment.imp_uid else 0
        return min(found.remaining_amount, found.amount - known)

    def _to_unknown(self, seconds: int) -> None:
        refund = self.refund
        mine = Refund.objects.filter(pk=refund.pk, state__in=("sent", "unknown"), send_count=refund.send_count)
        in_one_statement(lambda: mine.update(state="unknown", next_check_at=later(seconds), updated_at=wall()))
        self.refresh()

    def _ask_again(self, seconds: int) -> None:
        waiting = Refund.objects.filter(pk=self.refund.pk, next_check_at__isnull=False)
        in_one_statement(lambda: waiting.update(next_check_at=later(seconds)))

    def _stale(self, balance: int) -> None:
        """Something else took from the balance, and PortOne's history names no cancel that could be ours."""
        why = f"stale: {self.refund.checksum} → {balance}"
        untold = Refund.objects.filter(imp_uid=self.refund.imp_uid, source="console", cancellation_id=None)
        is_by_as_much = balance == self.refund.checksum - self.refund.amount
        if self.refund.send_count and (is_by_as_much or untold.exists()):
            # By just our amount, in other words than ours; or a sum without any, of which a part may be ours.
            self._to_review(why)
        else:
            self._fail(why)

    def _fail(self, why: str) -> None:
        _close(self.refund, "failed", why)

    def _to_review(self, why: str) -> None:
        _close(self.refund, "review", why)

    def _is_within(self, seconds: float) -> bool:
        """Whether, by database time, fewer than so many seconds have passed since the send."""
        sent_at = self.refund.sent_at
        return sent_at is not None and (tick() - sent_at).total_seconds() < seconds


def _close(refund: Refund, state: str, why: str, **who: Any) -> None:
    """Failed (no money moved, by PortOne's own evidence) or in review (a person's), with its event."""

    def close() -> bool:
        # The payment's lock comes first, as in the settlement that may be proving this refund right now.
        payment = Payment.objects.select_for_update().select_related("order").get(pk=refund.payment_id)
        locked = Refund.objects.select_for_update().get(pk=refund.pk)
        if (locked.state, locked.send_count) != (refund.state, refund.send_count):
            return False  # somebody else took it further since it was judged
        if not locked.is_open or not check_move("Refund", REFUND_MOVES, locked.state, state):
            return False
        locked.state, locked.fail_reason, locked.next_check_at = state, why[:500], None
        if state == "failed":
            locked.open_slot, locked.settled_at = None, wall()
        locked.save(update_fields=["state", "fail_reason", "next_check_at", "open_slot", "settled_at", "updated_at"])
        data = {"amount": locked.amount, "reason": why, "refusal": locked.refusal, **who}
        kind = f"refund.{state}"
        event = new_event(
            kind, order=payment.order, payment=payment, refund=locked, effect=f"{kind}:{locked.pk}", source="refund",
            data=data,
        )  # fmt: skip
        record([event])
        return True

    if in_one_step(close, is_join=True):
        logger.warning("Refund %s is %s: %s", refund.pk, state, why)
