"""Decides how cards on file are issued, read and deleted at PortOne. See payments.py for `deadline` and errors."""

from __future__ import annotations

from collections.abc import Iterable

from . import ids
from .answers import Call, Query
from .billing_replies import (
    BillingKeyRecord,
    ScheduleRecord,
    read_billing_keys,
    read_schedule_page,
)
from .calls import Calls, body, one_of, seconds
from .cards import CardData
from .discretion import discreet
from .replies import PaymentRecord, each_once, read_payment_page

SCHEDULE_STATUSES = ("scheduled", "executed", "revoked")


class BillingKeyCalls(Calls):
    """Everything under /subscribe/customers. An unknown key is NotFound, whether PortOne says so by 404 or in band."""

    @discreet
    def issue_billing_key(
        self,
        customer_uid: str,
        card: CardData,
        *,
        channel_key: str | None = None,
        pg: str | None = None,
        customer_id: str | None = None,
        customer_name: str | None = None,
        customer_tel: str | None = None,
        customer_email: str | None = None,
        customer_addr: str | None = None,
        customer_postcode: str | None = None,
        deadline: float | None = None,
    ) -> BillingKeyRecord:
        """Registers a card under a new `customer_uid`; needs `channel_key` (or the older `pg`, "html5_inicis.MID").

        A uid that is in use already gets the new card, and PortOne does not revoke the old key: take a new uid.
        """
        if bool(channel_key) == bool(pg):
            raise ValueError("Give either channel_key or pg.")
        fields = body(
            channel_key=channel_key,
            pg=pg,
            customer_id=customer_id,
            customer_name=customer_name,
            customer_tel=customer_tel,
            customer_email=customer_email,
            customer_addr=customer_addr,
            customer_postcode=customer_postcode,
            **card.wire_fields(),
        )
        call = Call("issue_billing_key", "POST", _path(customer_uid), body=fields)
        return self._transport.call(call, BillingKeyRecord.parse, self._deadline(deadline))

    def get_billing_key(self, customer_uid: str, *, deadline: float | None = None) -> BillingKeyRecord:
        """One card on file; raises NotFound."""
        path = _path(customer_uid)
        limit = self._deadline(deadline)
        return self._get("get_billing_key", path, BillingKeyRecord.parse, limit, is_lookup_by_text=True)

    def get_billing_keys(
        self, customer_uids: Iterable[str], *, deadline: float | None = None
    ) -> list[BillingKeyRecord]:
        """Those of the keys that PortOne knows; none is []. PortOne cannot list all keys of an account."""
        limit = self._deadline(deadline)
        query = [("customer_uid[]", ids.customer_uid(uid)) for uid in dict.fromkeys(customer_uids)]
        path = "/subscribe/customers"
        return list(self._known("get_billing_keys", path, read_billing_keys, limit, query, is_lookup_by_text=True))

    def delete_billing_key(
        self,
        customer_uid: str,
        *,
        reason: str | None = None,
        requester: str | None = None,
        deadline: float | None = None,
    ) -> BillingKeyRecord:
        """Deletes a card on file for good; the record as it was. NotFound: it is gone already.

        Payments booked at PortOne are not removed with it: unschedule first.
        """
        query: Query = (("reason", reason),) if reason else ()
        query += (("extra[requester]", requester),) if requester else ()
        call = Call("delete_billing_key", "DELETE", _path(customer_uid), query, is_lookup_by_text=True)
        return self._transport.call(call, BillingKeyRecord.parse, self._deadline(deadline))

    def billing_key_payments(self, customer_uid: str, *, deadline: float | None = None) -> list[PaymentRecord]:
        """Every payment made with a key, all pages, each imp_uid once; NotFound for an unknown key."""
        limit = self._deadline(deadline)
        path = _path(customer_uid) + "/payments"
        return each_once(self._every("billing_key_payments", path, read_payment_page, limit, is_lookup_by_text=True))

    def billing_key_schedules(
        self,
        customer_uid: str,
        *,
        from_: int,
        to: int,
        status: str | None = None,
        deadline: float | None = None,
    ) -> list[ScheduleRecord]:
        """The payments booked with a key for from_ <= time < to (at most three months), all pages, latest first."""
        limit = self._deadline(deadline)
        path = _path(customer_uid) + "/schedules"
        query: Query = (("from", str(seconds("from_", from_))), ("to", str(seconds("to", to))))
        if status:
            # Written with a hyphen here and with an underscore in the general list.
            query += (("schedule-status", one_of("status", status, SCHEDULE_STATUSES)),)
        return list(self._every("billing_key_schedules", path, read_schedule_page, limit, query))


def _path(customer_uid: str) -> str:
    return ids.path("subscribe", "customers", ids.customer_uid(customer_uid))
