"""The book of payments: every record with what PortOne keeps beside it, and how long a change stays invisible."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from .records import Record
from .refusals import not_found
from .store import Store

STATUSES = ("ready", "paid", "failed", "cancelled")
UNKNOWN = "존재하지 않는 결제정보입니다."
SORTINGS = ("-started", "started", "-paid", "paid", "-updated", "updated")
_SETTLED_AT = {"ready": "started_at", "paid": "paid_at", "failed": "failed_at", "cancelled": "cancelled_at"}
_TIMES = {
    "started": ("started_at",),
    "paid": ("paid_at",),
    "updated": ("started_at", "paid_at", "failed_at", "cancelled_at", "vbank_issued_at"),
}
_COLUMNS = {"started": "started_at", "paid": "paid_at", "updated": "updated_at"}


@dataclass
class Held:
    """A payment: `record` is what REST shows, `facts` what it does not.

    Keys of `facts`: params, device, notice_url (list), confirm_url, tax_free, vat_amount, webhooked, pg_cancelled,
    escrow_status (Inicis' number),
    lag_until and previous (what reads show until then), late_at (when it becomes paid by itself), omit (hidden fields).
    """

    record: Record
    facts: Record = field(default_factory=dict)

    @property
    def imp_uid(self) -> str:
        return str(self.record["imp_uid"])

    @property
    def merchant_uid(self) -> str:
        return str(self.record["merchant_uid"])

    @property
    def remaining(self) -> int:
        return int(self.record["amount"]) - int(self.record["cancel_amount"])

    @property
    def is_charged(self) -> bool:
        """Whether its merchant_uid is used up: paid, or paid once and cancelled since."""
        return bool(self.record["paid_at"] > 0)

    def seen(self, instant: float) -> Record | None:
        """What a reader gets at `instant`; None while it is not visible at all."""
        shown = self.record if self.facts.get("lag_until", 0) <= instant else self.facts.get("previous")
        if shown is None:
            return None
        return {name: value for name, value in shown.items() if name not in self.facts.get("omit", ())}


class Payments:
    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, held: Held, now: int) -> None:
        """Insert or replace by imp_uid."""
        row = (*_columns(held, now), held.imp_uid)
        with self._store.write() as db:
            changed = db.execute(
                "UPDATE payment SET merchant_uid = ?, status = ?, customer_uid = ?, started_at = ?, paid_at = ?, "
                "updated_at = ?, settled_at = ?, lag_until = ?, late_at = ?, record = ?, facts = ? WHERE imp_uid = ?",
                row,
            )
            if changed.rowcount == 0:
                db.execute(
                    "INSERT INTO payment (merchant_uid, status, customer_uid, started_at, paid_at, updated_at, "
                    "settled_at, lag_until, late_at, record, facts, imp_uid) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                    row,
                )

    def get(self, imp_uid: str) -> Held | None:
        found = self._held("SELECT record, facts FROM payment WHERE imp_uid = ?", imp_uid)
        return found[0] if found else None

    def require(self, imp_uid: str) -> Held:
        """As `get`; Refused when there is no such payment."""
        held = self.get(imp_uid)
        if held is None:
            raise not_found(UNKNOWN)
        return held

    def of(self, merchant_uid: str) -> list[Held]:
        """All of one merchant_uid, oldest first."""
        return self._held("SELECT record, facts FROM payment WHERE merchant_uid = ? ORDER BY seq", merchant_uid)

    def of_customer(self, customer_uid: str) -> list[Held]:
        """All of one billing key, newest first."""
        return self._held("SELECT record, facts FROM payment WHERE customer_uid = ? ORDER BY seq DESC", customer_uid)

    def newest(self, limit: int) -> list[Held]:
        return self._held("SELECT record, facts FROM payment ORDER BY seq DESC LIMIT ?", limit)

    def late(self, instant: float) -> list[Held]:
        """Those that turn paid by themselves and whose time has come."""
        return self._held("SELECT record, facts FROM payment WHERE late_at <= ? ORDER BY late_at", instant)

    def is_charged(self, merchant_uid: str, *, but: str = "") -> bool:
        return any(held.is_charged for held in self.of(merchant_uid) if held.imp_uid != but)

    def page_by_status(
        self, status: str, *, start: int, end: int, sorting: str, page: int, limit: int, instant: float
    ) -> tuple[int, list[Held]]:
        """How many settled in [start, end], both inclusive, and one page of them."""
        where = "settled_at BETWEEN ? AND ? AND lag_until <= ?"
        arguments: list[Any] = [start, end, instant]
        if status != "all":
            where, arguments = f"status = ? AND {where}", [status, *arguments]
        with self._store.read() as db:
            total = int(db.execute(f"SELECT count(*) FROM payment WHERE {where}", arguments).fetchone()[0])  # noqa: S608
        rows = self._held(
            f"SELECT record, facts FROM payment WHERE {where} ORDER BY {_order(sorting)} LIMIT ? OFFSET ?",  # noqa: S608
            *arguments,
            limit,
            (page - 1) * limit,
        )
        return total, rows

    def _held(self, sql: str, *arguments: Any) -> list[Held]:
        with self._store.read() as db:
            rows: list[sqlite3.Row] = db.execute(sql, arguments).fetchall()
        return [Held(json.loads(row["record"]), json.loads(row["facts"])) for row in rows]


def in_order(records: list[Record], sorting: str) -> list[Record]:
    """Sorted as one of SORTINGS says; `records` come oldest first, and of equal times the later one counts as later."""
    names = _TIMES[sorting.lstrip("-")]
    descending = sorting.startswith("-")
    return sorted(
        records[::-1] if descending else records,
        key=lambda record: max(int(record[name]) for name in names),
        reverse=descending,
    )


def _order(sorting: str) -> str:
    direction = "DESC" if sorting.startswith("-") else "ASC"
    return f"{_COLUMNS[sorting.lstrip('-')]} {direction}, seq {direction}"


def _columns(held: Held, now: int) -> tuple[Any, ...]:
    record, facts = held.record, held.facts
    return (
        held.merchant_uid,
        record["status"],
        record["customer_uid"],
        record["started_at"],
        record["paid_at"],
        now,
        record[_SETTLED_AT[record["status"]]],
        facts.get("lag_until", 0),
        facts.get("late_at"),
        json.dumps(record, ensure_ascii=False),
        json.dumps(facts, ensure_ascii=False),
    )
