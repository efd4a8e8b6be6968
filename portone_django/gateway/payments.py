"""Decides how payments are looked up, cancelled and registered. Amounts are won, times seconds since 1970 (UTC).

Every method raises the errors of errors.py, ValueError for arguments that would do something else than they say, and
takes `deadline`: seconds on the wall clock for the whole call, token and paging included; None = the client's own (45).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from . import ids
from .account_replies import PaymentBalance, PreparedAmount
from .answers import Call, Query
from .calls import LIST_BYTES, Calls, body, one_of, seconds, won, won_or_none
from .discretion import discreet
from .errors import NotFound, Refused
from .parsing import Unreadable
from .replies import KRW, PaymentPage, PaymentRecord, each_once, read_payment_page, read_payments
from .wire import Deadline

STATUSES = ("ready", "paid", "failed", "cancelled")
SORTINGS = ("-started", "started", "-paid", "paid", "-updated", "updated")
# GET /payments/status spans at most 90 days (PortOne V1 OpenAPI file).
LONGEST_SPAN_SECONDS = 90 * 24 * 3600


class PaymentCalls(Calls):
    """GET and POST under /payments, and DELETE /vbanks."""

    def get_payment(self, imp_uid: str, *, include_sandbox: bool, deadline: float | None = None) -> PaymentRecord:
        """One payment. Without `include_sandbox` PortOne hides test payments: they raise NotFound."""
        path = ids.path("payments", ids.imp_uid(imp_uid))
        query = (("include_sandbox", "true" if include_sandbox else "false"),)
        return self._get("get_payment", path, partial(_payment_of, imp_uid), self._deadline(deadline), query)

    def get_payments(
        self, imp_uids: Iterable[str] = (), merchant_uids: Iterable[str] = (), *, deadline: float | None = None
    ) -> list[PaymentRecord]:
        """Those of the payments that PortOne knows; fewer than asked for is an answer, none is []."""
        limit = self._deadline(deadline)
        query = [("imp_uid[]", ids.imp_uid(uid)) for uid in dict.fromkeys(imp_uids)]
        query += [("merchant_uid[]", ids.merchant_uid(uid)) for uid in dict.fromkeys(merchant_uids)]
        found = self._known("get_payments", "/payments", read_payments, limit, query)
        return list({record.imp_uid: record for record in found}.values())

    def find_payment(
        self,
        merchant_uid: str,
        status: str | None = None,
        sorting: str | None = None,
        *,
        deadline: float | None = None,
    ) -> PaymentRecord:
        """The first record of an order id, by default the one started last; raises NotFound.

        One order id can own several records and the paid one need not be this one: to decide, use find_all_payments.
        """
        path = ids.path("payments", "find", ids.merchant_uid(merchant_uid), *_status_part(status))
        query = (("sorting", one_of("sorting", sorting, SORTINGS)),) if sorting else ()
        return self._get("find_payment", path, PaymentRecord.parse, self._deadline(deadline), query)

    def find_all_payments(
        self, merchant_uid: str, *, status: str | None = None, deadline: float | None = None
    ) -> list[PaymentRecord]:
        """Every record of an order id, all pages, each imp_uid once, started last first; [] when PortOne knows none."""
        limit = self._deadline(deadline)
        path = ids.path("payments", "findAll", ids.merchant_uid(merchant_uid), *_status_part(status))
        after = (("limit", "100"),)
        try:
            return each_once(self._every("find_all_payments", path, read_payment_page, limit, after=after))
        except NotFound:
            return []

    def list_payments(
        self,
        status: str,
        *,
        from_: int,
        to: int,
        limit: int = 100,
        sorting: str | None = None,
        first_page: int = 1,
        deadline: float | None = None,
    ) -> Iterator[PaymentPage]:
        """The pages of the account's payments of a status (or "all") between two times, both included, ≤ 90 days apart.

        The time compared is that of the status (paid: paid_at). `limit` is 1 to 1000 a page; a run that was stopped
        goes on at `first_page`. The deadline is each page's own. Records that cannot be read are in `page.unreadable`.
        The arguments are checked at once.
        """
        path = ids.path("payments", "status", one_of("status", status, (*STATUSES, "all")))
        if not 0 <= seconds("to", to) - seconds("from_", from_) <= LONGEST_SPAN_SECONDS:
            raise ValueError("from_ and to must be in order and at most 90 days apart.")
        if not 1 <= limit <= 1000:
            raise ValueError("limit must be 1 to 1000.")
        query: Query = (("from", str(from_)), ("to", str(to)), ("limit", str(limit)))
        if sorting:
            query += (("sorting", one_of("sorting", sorting, SORTINGS)),)
        if first_page < 1:
            raise ValueError("first_page must be 1 or more.")
        return self._pages("list_payments", path, query, first_page, deadline)

    def get_balance(self, imp_uid: str, *, deadline: float | None = None) -> PaymentBalance:
        """How a payment is split between means of payment. Not for Inicis: Refused there."""
        path = ids.path("payments", ids.imp_uid(imp_uid), "balance")
        return self._get("get_balance", path, PaymentBalance.parse, self._deadline(deadline))

    @discreet
    def cancel_payment(
        self,
        *,
        imp_uid: str,
        amount: int | None,
        checksum: int,
        reason: str,
        full_balance: bool = False,
        tax_free: int | None = None,
        vat_amount: int | None = None,
        refund_holder: str | None = None,
        refund_bank: str | None = None,
        refund_account: str | None = None,
        refund_tel: str | None = None,
        enable_webhook: bool = False,
        deadline: float | None = None,
    ) -> PaymentRecord:
        """Cancels `amount` won of a payment; the record after it. Refused when the balance is not `checksum` any more.

        PortOne V1 cancels everything when amount is 0 or absent, and checks nothing when checksum is absent: so both
        are required here, and None for `amount` is accepted only with full_balance=True. A paid virtual account needs
        the refund account; `refund_bank` is Inicis' two-digit code (codes.refund_bank_code).
        """
        if full_balance != (amount is None):
            raise ValueError("Give either an amount above 0, or amount=None with full_balance=True.")
        fields = body(
            imp_uid=ids.imp_uid(imp_uid),
            amount=None if amount is None else won("amount", amount),
            checksum=won("checksum", checksum),
            reason=reason,
            tax_free=won_or_none("tax_free", tax_free),
            vat_amount=won_or_none("vat_amount", vat_amount),
            refund_holder=refund_holder,
            refund_bank=refund_bank,
            refund_account=refund_account,
            refund_tel=refund_tel,
            enable_webhook=enable_webhook or None,
        )
        call = Call("cancel_payment", "POST", "/payments/cancel", body=fields)
        return self._transport.call(call, PaymentRecord.parse, self._deadline(deadline))

    def prepare(
        self, merchant_uid: str, amount: int, currency: str = KRW, *, deadline: float | None = None
    ) -> PreparedAmount:
        """Registers the amount that PortOne's window must insist on. A second time for one uid: change_prepared."""
        return self._prepare("prepare", "POST", merchant_uid, amount, currency, deadline)

    def change_prepared(
        self, merchant_uid: str, amount: int, currency: str = KRW, *, deadline: float | None = None
    ) -> PreparedAmount:
        """Changes a registered amount; raises NotFound when none is registered."""
        return self._prepare("change_prepared", "PUT", merchant_uid, amount, currency, deadline)

    def get_prepared(self, merchant_uid: str, *, deadline: float | None = None) -> PreparedAmount:
        """The registered amount; raises NotFound."""
        path = ids.path("payments", "prepare", ids.merchant_uid(merchant_uid))
        return self._get("get_prepared", path, PreparedAmount.parse, self._deadline(deadline))

    @discreet
    def revoke_vbank(self, imp_uid: str, pg_api_key: str, *, deadline: float | None = None) -> PaymentRecord:
        """Closes a virtual account that nobody has paid into. `pg_api_key`: the merchant's key in Inicis' console."""
        path = ids.path("vbanks", ids.imp_uid(imp_uid))
        call = Call("revoke_vbank", "DELETE", path, (("pg_api_key", pg_api_key),))
        return self._transport.call(call, PaymentRecord.parse, self._deadline(deadline))

    def _prepare(
        self, name: str, method: str, merchant_uid: str, amount: int, currency: str, seconds_: float | None
    ) -> PreparedAmount:
        fields = body(merchant_uid=ids.merchant_uid(merchant_uid), amount=won("amount", amount), currency=currency)
        call = Call(name, method, "/payments/prepare", body=fields)
        return self._transport.call(call, PreparedAmount.parse, self._deadline(seconds_))

    def _pages(self, name: str, path: str, query: Query, first: int, seconds_: float | None) -> Iterator[PaymentPage]:
        """Pages in turn, each fetched when it is asked for."""
        page: int | None = first
        while page is not None:
            answer = self._page(name, path, query, page, self._deadline(seconds_))
            if answer is None:
                return
            yield answer
            page = answer.next_page

    def _page(self, name: str, path: str, query: Query, page: int, limit: Deadline) -> PaymentPage | None:
        read = partial(PaymentPage.parse_tolerant, page=page)
        try:
            return self._get(name, path, read, limit, (*query, ("page", str(page))), most_bytes=LIST_BYTES)
        except NotFound:
            return None
        except Refused as refused:
            if page > 1 and refused.http_status == 400:
                return None  # PortOne's answer beyond the last page (OpenAPI file: GET /payments/status)
            raise


def _payment_of(imp_uid: str, value: Any) -> PaymentRecord:
    record = PaymentRecord.parse(value)
    if record.imp_uid != imp_uid:
        raise Unreadable("payment.imp_uid is not the one asked for")
    return record


def _status_part(status: str | None) -> tuple[str, ...]:
    return () if status is None else (one_of("status", status, STATUSES),)
