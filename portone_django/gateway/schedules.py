"""Decides how payments booked at PortOne are made, moved, revoked and read. See payments.py for `deadline` and errors.

The app keeps its own renewal clock; these calls are there to take over a shop that booked its renewals at PortOne.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import ids
from .answers import Call, Query
from .billing_keys import SCHEDULE_STATUSES
from .billing_replies import ScheduleRecord, read_schedule_page, read_schedules
from .calls import Calls, body, one_of, seconds, won, won_or_none
from .cards import CardData
from .discretion import discreet
from .replies import KRW, PaymentRecord


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ScheduleEntry:
    """One payment to book: `amount` won at `schedule_at` (seconds since 1970, UTC) under its own `merchant_uid`."""

    merchant_uid: str
    schedule_at: int
    amount: int
    name: str
    currency: str = KRW
    tax_free: int | None = None
    vat_amount: int | None = None
    buyer_name: str | None = None
    buyer_email: str | None = None
    buyer_tel: str | None = None
    buyer_addr: str | None = None
    buyer_postcode: str | None = None
    card_quota: int | None = None
    custom_data: str | None = None
    notice_url: str | None = None

    def wire_fields(self) -> dict[str, Any]:
        """The entry as PortOne's ScheduleAnnotation; raises ValueError for a wrong amount, time or id."""
        given = {name: getattr(self, name) for name in self.__slots__}
        given |= {
            "merchant_uid": ids.merchant_uid(self.merchant_uid),
            "schedule_at": seconds("schedule_at", self.schedule_at),
            "amount": won("amount", self.amount),
            "tax_free": won_or_none("tax_free", self.tax_free),
            "vat_amount": won_or_none("vat_amount", self.vat_amount),
        }
        return body(**given)

    def __repr__(self) -> str:
        return f"<ScheduleEntry {self.merchant_uid} {self.amount} {self.currency} at {self.schedule_at}>"


class ScheduleCalls(Calls):
    """Everything under /subscribe/payments/schedule, and /unschedule."""

    @discreet
    def schedule(
        self,
        customer_uid: str,
        schedules: Sequence[ScheduleEntry],
        *,
        checking_amount: int | None = None,
        card: CardData | None = None,
        channel_key: str | None = None,
        deadline: float | None = None,
    ) -> list[ScheduleRecord]:
        """Books payments with a card on file, or with `card`, which is then put on file first.

        `checking_amount` above 0 charges that at once and takes it back, to see whether the card is good.
        """
        if not schedules:
            raise ValueError("schedules must hold at least one entry.")
        fields = body(
            customer_uid=ids.customer_uid(customer_uid),
            checking_amount=won_or_none("checking_amount", checking_amount),
            channel_key=channel_key,
            schedules=[entry.wire_fields() for entry in schedules],
            **(card.wire_fields() if card is not None else {}),
        )
        call = Call("schedule", "POST", "/subscribe/payments/schedule", body=fields)
        return self._transport.call(call, read_schedules, self._deadline(deadline))

    def unschedule(
        self,
        customer_uid: str,
        merchant_uids: Iterable[str] = (),
        *,
        all_of_customer: bool = False,
        deadline: float | None = None,
    ) -> list[ScheduleRecord]:
        """Revokes the booked payments named, or all of the customer's with all_of_customer=True.

        PortOne revokes everything when no merchant_uid is sent: an empty list raises ValueError here. Refused when
        nothing matched; a payment that ran at the same moment is executed: read it back.
        """
        uids = [ids.merchant_uid(uid) for uid in merchant_uids]
        if bool(uids) == all_of_customer:
            raise ValueError("Give either merchant_uids or all_of_customer=True.")
        fields = body(customer_uid=ids.customer_uid(customer_uid), merchant_uid=uids or None)
        call = Call("unschedule", "POST", "/subscribe/payments/unschedule", body=fields)
        return self._transport.call(call, read_schedules, self._deadline(deadline))

    def get_schedule(self, merchant_uid: str, *, deadline: float | None = None) -> ScheduleRecord:
        """One booked payment; raises NotFound."""
        return self._get("get_schedule", _path(merchant_uid), ScheduleRecord.parse, self._deadline(deadline))

    def move(self, merchant_uid: str, schedule_at: int, *, deadline: float | None = None) -> ScheduleRecord:
        """Changes the time of a payment that has not run; Refused when it has, or when the time is past."""
        fields = {"schedule_at": seconds("schedule_at", schedule_at)}
        call = Call("move", "PUT", _path(merchant_uid), body=fields)
        return self._transport.call(call, ScheduleRecord.parse, self._deadline(deadline))

    def reschedule(self, merchant_uid: str, schedule_at: int, *, deadline: float | None = None) -> ScheduleRecord:
        """Books a failed or revoked payment anew under the same merchant_uid; Refused when it was approved."""
        fields = {"schedule_at": seconds("schedule_at", schedule_at)}
        call = Call("reschedule", "POST", _path(merchant_uid) + "/reschedule", body=fields)
        return self._transport.call(call, ScheduleRecord.parse, self._deadline(deadline))

    def retry(self, merchant_uid: str, *, deadline: float | None = None) -> PaymentRecord:
        """Charges a failed or revoked payment now; read `status`, an answer is not yet a success."""
        call = Call("retry", "POST", _path(merchant_uid) + "/retry", body={})
        return self._transport.call(call, PaymentRecord.parse, self._deadline(deadline))

    def list_schedules(
        self,
        *,
        from_: int,
        to: int,
        status: str | None = None,
        limit: int = 100,
        deadline: float | None = None,
    ) -> list[ScheduleRecord]:
        """The account's booked payments for from_ <= time < to (at most three months), all pages, oldest first."""
        until = self._deadline(deadline)
        query: Query = (
            ("schedule_from", str(seconds("from_", from_))),
            ("schedule_to", str(seconds("to", to))),
            ("limit", str(limit)),
            ("sorting", "scheduled"),
        )
        if status:
            query += (("schedule_status", one_of("status", status, SCHEDULE_STATUSES)),)
        path = "/subscribe/payments/schedule"
        return list(self._every("list_schedules", path, read_schedule_page, until, query))


def _path(merchant_uid: str) -> str:
    return ids.path("subscribe", "payments", "schedule", ids.merchant_uid(merchant_uid))
