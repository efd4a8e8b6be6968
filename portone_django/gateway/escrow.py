"""Decides how the delivery of an escrow sale is registered, changed and looked up. See payments.py for `deadline`.

Names, telephones and addresses are sent to PortOne and shown nowhere.
"""

from __future__ import annotations

from . import ids
from .answers import Call
from .calls import Body, Calls, seconds
from .discretion import discreet
from .escrow_replies import DeliveryRecord
from .postal import PostalAddress


class EscrowCalls(Calls):
    """Everything under /escrows/logis. `company` is a code of codes.COURIERS, `sent_at` seconds since 1970 (UTC)."""

    @discreet
    def register_delivery(
        self,
        imp_uid: str,
        *,
        sender: PostalAddress,
        receiver: PostalAddress,
        company: str,
        invoice: str,
        sent_at: int,
        deadline: float | None = None,
    ) -> DeliveryRecord:
        """Tells KG Inicis that the goods are on their way. Refused (409) when that was registered already."""
        fields = _delivery(sender, receiver, company, invoice, sent_at)
        call = Call("register_delivery", "POST", _path(imp_uid), body=fields)
        return self._transport.call(call, DeliveryRecord.parse, self._deadline(deadline))

    @discreet
    def change_delivery(
        self,
        imp_uid: str,
        *,
        sender: PostalAddress,
        receiver: PostalAddress,
        company: str,
        invoice: str,
        sent_at: int,
        deadline: float | None = None,
    ) -> DeliveryRecord:
        """Replaces what was registered. Refused (409) when nothing was, or when it cannot be changed any more."""
        fields = _delivery(sender, receiver, company, invoice, sent_at)
        call = Call("change_delivery", "PUT", _path(imp_uid), body=fields)
        return self._transport.call(call, DeliveryRecord.parse, self._deadline(deadline))

    def get_delivery(self, imp_uid: str, *, deadline: float | None = None) -> DeliveryRecord:
        """What was registered. Refused with http_status 409 when nothing was; NotFound for an unknown payment."""
        return self._get("get_delivery", _path(imp_uid), DeliveryRecord.parse, self._deadline(deadline))


def _path(imp_uid: str) -> str:
    return ids.path("escrows", "logis", ids.imp_uid(imp_uid))


def _delivery(sender: PostalAddress, receiver: PostalAddress, company: str, invoice: str, sent_at: int) -> Body:
    logis = {"company": company, "invoice": invoice, "sent_at": seconds("sent_at", sent_at)}
    return Body(sender=sender.wire_fields(), receiver=receiver.wire_fields(), logis=logis)
