"""A charge of a card on file, exactly once: claim, commit the intent, send, settle; what is uncertain ends by asking.

PortOne V1 has no idempotency key. One `merchant_uid` an attempt, written first, is sent again only when PortOne has
shown twice, after the quiet period, that it knows of nothing. Source: POST /subscribe/payments/again.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from django.db.models import F, Q, QuerySet

from ..clock import Tick, later
from ..conf import LEASE_SECONDS, QUIET_PERIOD_SECONDS, SEND_DEADLINE_SECONDS
from ..gateway import (
    Misconfigured,
    NotSent,
    PaymentRecord,
    PortOneError,
    RateLimited,
    Refused,
    Unauthorized,
    get_client,
    refuse_inside_transaction,
)
from ..models import Payment
from ..storable import storable
from ..window.buyer import NAME_LENGTH, Buyer, cut
from . import ladder
from .claims import claim_one, intend, is_held
from .second_looks import is_key_gone, pause, seen_elsewhere
from .settlement import apply_records, close_refused, hand_over
from .stepping import drop_if_unwanted
from .steps import in_one_statement
from .verification import Outcome, SyncResult, sync_payment

logger = logging.getLogger("portone_django.charging")

# A process that slept between its claim and its send does not send: others may have taken over.
FENCE_SECONDS = LEASE_SECONDS / 6
AT_ONCE_SECONDS = 0.1
LOOK_DEADLINE_SECONDS = 8.0
# With less left nothing is begun that the engine can do in its own time.
FEWEST_SECONDS = 5.0
RETRY_SECONDS = QUIET_PERIOD_SECONDS / 30
BETWEEN_LOOKS_SECONDS = QUIET_PERIOD_SECONDS / 10
MOST_SENDS = 3
MOST_CRASHES = 5


class Learned(StrEnum):
    """What one turn at a charge showed of PortOne, for the breaker."""

    ANSWERED = "answered"
    LOOKED = "looked"
    REFUSED = "refused"
    SILENT = "silent"
    BUSY = "busy"
    NOTHING = "nothing"


Settle = Callable[[Payment, PaymentRecord], Payment]


class Charge:
    """One claimed attempt on its way, in one process. `claimed_at` is time.monotonic() of the claim; `deadline` is in
    seconds from now, for all that PortOne is asked.

    `is_asked_for`: somebody waits for it, and CATCH_UP says nothing of it.
    `intended_at`: then (time.monotonic()) `intend` has committed that it is being sent. `settle` writes what is
    answered to an attempt that was planned here, with all that belongs to it still in memory.
    """

    def __init__(
        self,
        payment: Payment,
        *,
        claimed_at: float,
        look_first: bool = False,
        deadline: float = SEND_DEADLINE_SECONDS,
        intended_at: float | None = None,
        settle: Settle | None = None,
        is_asked_for: bool = False,
    ) -> None:
        self.payment, self.claimed_at, self.settle = payment, claimed_at, settle
        self.deadline, self._end = deadline, time.monotonic() + deadline
        self.look_first = look_first or payment.look_first
        self.retry_after = 0.0
        self._intended_at, self._is_asked_for = intended_at, is_asked_for
        self._is_planned = payment.state == "created" or (payment.state == "pending" and payment.sent_at is None)

    def run(self) -> Learned:
        """Take it as far as it goes now. Raises InsideTransaction inside a transaction."""
        refuse_inside_transaction()
        payment = self.payment
        if payment.crash_count >= MOST_CRASHES:
            hand_over(payment.merchant_uid, "left behind too often", source="charge")
            return Learned.NOTHING
        if self._intended_at is not None:
            return self._send_now() if self._is_fresh() or is_held(payment) else Learned.NOTHING
        if not self._is_planned:
            return self._look_up()
        return self._look_before_sending() if self.look_first or payment.send_count else self._send()

    def _is_fresh(self) -> bool:
        """Whether it was intended just now, as what is intended alone is. Of what has waited only the database knows:
        the clock of a host that was suspended does not tell for how long."""
        return self._intended_at is not None and time.monotonic() - self._intended_at < AT_ONCE_SECONDS

    def give_back(self) -> None:
        """Somebody else may have it at once."""
        if self._intended_at is not None:
            self._not_sent(0)
        else:
            self._write(charge_due_at=Tick(), lease_token="")

    # Sending ---------------------------------------------------------------------------------------------------

    def _send(self) -> Learned:
        if time.monotonic() - self.claimed_at > FENCE_SECONDS or self._left() < min(FEWEST_SECONDS, self.deadline / 2):
            self.give_back()
            return Learned.NOTHING
        # What planning wrote a moment ago is wanted; what was found by a claim or a look may have waited for months.
        may_be_over = (self.look_first or not self._is_in_memory) and not self._is_asked_for
        if may_be_over and drop_if_unwanted(self.payment):
            return Learned.NOTHING
        if not intend([self.payment], look_first=self.look_first):
            return Learned.NOTHING
        return self._send_now()

    def _send_now(self) -> Learned:
        # Between the commit of the intent and the first byte this process may have been put to sleep, too.
        if time.monotonic() - self.claimed_at > FENCE_SECONDS + RETRY_SECONDS:
            self._not_sent(RETRY_SECONDS)
            return Learned.NOTHING
        try:
            record = self._again()
        except NotSent:
            return self._not_sent(RETRY_SECONDS)
        except Unauthorized:
            return self._not_sent(BETWEEN_LOOKS_SECONDS)
        except RateLimited as error:
            self.retry_after = error.retry_after or RETRY_SECONDS
            self._uncertain(max(self.retry_after, RETRY_SECONDS))
            return Learned.BUSY
        except Refused as refused:
            return self._refused(refused)
        except PortOneError as error:
            logger.warning("Charge %s: %s", self.payment.merchant_uid, error)
            self._uncertain(RETRY_SECONDS)
            # What cannot be read was an answer, and yet nothing that a breaker could rely on.
            return Learned.SILENT
        except BaseException:
            # Interrupted (a soft time limit, Ctrl-C): it may have been charged.
            self._uncertain(RETRY_SECONDS)
            raise
        return self._answered(record)

    def _again(self) -> PaymentRecord:
        payment, order = self.payment, self.payment.order
        buyer = Buyer(name=order.buyer_name, email=order.buyer_email, tel=order.buyer_tel).params()
        return get_client().again(
            customer_uid=payment.customer_uid,
            merchant_uid=payment.merchant_uid,
            amount=payment.amount,
            name=cut(payment.name, NAME_LENGTH),
            currency=payment.currency,
            tax_free=payment.tax_free_amount,
            vat_amount=payment.vat_amount,
            buyer_name=buyer.get("buyer_name"),
            buyer_email=buyer.get("buyer_email"),
            buyer_tel=buyer.get("buyer_tel"),
            deadline=self._left(),
        )

    def _answered(self, record: PaymentRecord) -> Learned:
        if record.merchant_uid != self.payment.merchant_uid:
            logger.error("Charge %s was answered with %r", self.payment.merchant_uid, record)
            self._uncertain(0)
            return Learned.ANSWERED
        # What planning wrote a moment ago is still in memory; what was found by a claim is read under its locks.
        if self.settle is not None and self._is_in_memory and record.status == "paid":
            done = self.settle(self.payment, record)
        else:
            done = apply_records(self.payment.merchant_uid, [record], source="charge")
            if done.state == "failed" and self._is_in_memory and self.payment.billing_key is not None:
                self.payment.billing_key.state = "failing"  # the other bills of this card, planned with it, share it
        self._settled(done, 0)
        return Learned.ANSWERED

    @property
    def _is_in_memory(self) -> bool:
        """Whether it was planned here, with its bill."""
        return "cycle" in self.payment.order._state.fields_cache

    def _refused(self, refused: Refused) -> Learned:
        """Maybe because it is paid already: PortOne is asked at once, and otherwise believed after the quiet period."""
        text = storable(refused.message or refused.reason)[:500] or type(refused).__name__
        logger.warning("Charge %s: %s", self.payment.merchant_uid, refused)
        has_time = self._left() > min(1, self.deadline / 4)
        self._uncertain(0, refusal=text, keep_lease=has_time)
        self.payment.state, self.payment.refusal = "unknown", text
        learned = self._look_up() if has_time else Learned.NOTHING  # whoever is next asks at once
        if learned is Learned.LOOKED and not self.payment.is_open:
            return Learned.ANSWERED
        return Learned.SILENT if isinstance(refused, Misconfigured) else Learned.REFUSED

    def _not_sent(self, seconds: float) -> Learned:
        """Surely not: it waits as if it had never been tried."""
        self._write(
            Q(state="pending"),
            sent_at=None,
            send_count=F("send_count") - 1,
            charge_due_at=later(seconds),
            lease_token="",
            crash_count=0,
        )
        return Learned.SILENT

    # Asking ----------------------------------------------------------------------------------------------------

    def _look_before_sending(self) -> Learned:
        """It was sent before, or after a restore it may have been, by commits that are lost: none means send."""
        if self.look_first and not self.payment.look_first:
            Payment.objects.filter(pk=self.payment.pk).update(look_first=True)
            self.payment.look_first = True
        result = self._ask()
        if result.outcome is not Outcome.APPLIED or result.payment is None:
            self._write(charge_due_at=later(RETRY_SECONDS), lease_token="")
            return _learned_by(result)
        if self._is_shown(result) or result.payment.state != self.payment.state:
            self._settled(result.payment, RETRY_SECONDS)
            return Learned.ANSWERED
        return self._send()

    def _look_up(self) -> Learned:
        # Counts as left behind until somebody writes what became of it; what was only claimed ahead does not.
        self._write(crash_count=F("crash_count") + 1)
        result = self._ask()
        if result.outcome is not Outcome.APPLIED or result.payment is None:
            self._learned_nothing()
            return _learned_by(result)
        if self._is_shown(result) or not result.payment.is_open:
            self._settled(result.payment, pause(self.payment))
        else:
            self._saw_nothing()
        return Learned.LOOKED

    def _ask(self) -> SyncResult:
        return sync_payment(
            self.payment.merchant_uid,
            source="charge",
            deadline=self._left(LOOK_DEADLINE_SECONDS),
            payment=self.payment,
        )

    def _is_shown(self, result: SyncResult) -> bool:
        """Whether PortOne has a record of this very uid."""
        return any(each.merchant_uid == self.payment.merchant_uid for each in result.records)

    def _settled(self, payment: Payment, seconds: float) -> None:
        """Decided, or (a record that says neither) to be asked about again."""
        self.payment = payment
        if payment.is_open:
            self._ask_later(seconds, "PortOne has said neither paid nor failed for a week")

    def _learned_nothing(self) -> None:
        self._ask_later(pause(self.payment), "PortOne did not answer for a week")

    def _ask_later(self, seconds: float, why: str) -> None:
        if ladder.is_past_afterlife(self.payment):
            hand_over(self.payment.merchant_uid, why, source="charge")
        else:
            self._uncertain(seconds)

    def _saw_nothing(self) -> None:
        """PortOne answered and knows of no such payment. Believed when it is seen twice, after the quiet period."""
        over = Q(sent_at__lte=later(-QUIET_PERIOD_SECONDS))
        first = {"unseen_at": Tick(), "charge_due_at": later(BETWEEN_LOOKS_SECONDS), **_AT_REST}
        if self._write(over, Q(unseen_at=None), state="unknown", **first):
            return
        if not self._mine().filter(over, unseen_at__lte=later(-BETWEEN_LOOKS_SECONDS)).exists():
            self._uncertain(pause(self.payment))
            return
        if self._left() < min(FEWEST_SECONDS, self.deadline / 2):
            self._uncertain(0)
            return
        seen = seen_elsewhere(self.payment, deadline=self._left(LOOK_DEADLINE_SECONDS))
        if seen:
            self.payment = apply_records(self.payment.merchant_uid, seen, source="charge")
        if seen is None or seen:
            self._uncertain(pause(self.payment))
        elif self.payment.refusal and self.payment.send_count > 1:
            hand_over(self.payment.merchant_uid, "refused when it was sent again: it may be paid", source="charge")
        elif self.payment.refusal:
            close_refused(
                self.payment.merchant_uid,
                is_key_gone=is_key_gone(self.payment, deadline=self._left(LOOK_DEADLINE_SECONDS)),
            )
        elif self.payment.send_count >= MOST_SENDS:
            hand_over(self.payment.merchant_uid, "sent three times, and PortOne knows nothing of it", source="charge")
        else:
            self._write(
                Q(state="unknown"), state="pending", sent_at=None, unseen_at=None, charge_due_at=Tick(), **_AT_REST
            )

    # Rows ------------------------------------------------------------------------------------------------------

    def _mine(self) -> QuerySet[Payment]:
        return Payment.objects.filter(pk=self.payment.pk, lease_token=self.payment.lease_token)

    def _left(self, most: float = math.inf) -> float:
        """Seconds that are left, `most` of them."""
        return max(min(self._end - time.monotonic(), most), 0.0)

    def _write(self, *where: Q, **values: Any) -> bool:
        """One compare-and-swap under our lease; false when somebody else has the row."""
        mine = self._mine().filter(*where)
        return bool(in_one_statement(lambda: mine.update(**values)))

    def _uncertain(self, seconds: float, *, refusal: str | None = None, keep_lease: bool = False) -> None:
        values: dict[str, Any] = {"state": "unknown", "charge_due_at": later(seconds), **_AT_REST}
        if keep_lease:
            values = {"state": "unknown"}
        if refusal is not None:
            values["refusal"] = refusal
        self._write(Q(state__in=("pending", "unknown")), **values)


def _learned_by(look_up: SyncResult) -> Learned:
    """What one that led to nothing shows: what cannot be read is one payment's, and PortOne is there."""
    return Learned.SILENT if look_up.outcome is Outcome.UNREACHABLE else Learned.NOTHING


_AT_REST: dict[str, Any] = {"lease_token": "", "crash_count": 0}


def charge_now(payment: Payment, *, deadline: float) -> Payment:
    """Take one charge as far as it goes within `deadline` seconds in all, if nobody else has it; how it stands then."""
    get_client()  # wrong settings are told before anything is claimed
    claimed = claim_one(payment.pk)
    if claimed is not None:
        Charge(claimed, claimed_at=time.monotonic(), deadline=deadline, is_asked_for=True).run()
    return Payment.objects.select_related("order", "billing_key").get(pk=payment.pk)
