"""The book of scheduled charges: one per merchant_uid, looked up by its time, its key and its state."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from .records import Record
from .store import Store

STATES = ("scheduled", "executed", "revoked")


@dataclass
class Schedule:
    """`record` is the ScheduleResultAnnotation; `facts` holds what the charge needs: notice_url, card_quota, taxes."""

    record: Record
    facts: Record


class Schedules:
    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, schedule: Schedule) -> None:
        """Insert, or replace by merchant_uid."""
        record = schedule.record
        with self._store.write() as db:
            db.execute(
                "INSERT INTO schedule (merchant_uid, customer_uid, schedule_at, status, record, facts) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (merchant_uid) DO UPDATE SET "
                "schedule_at = excluded.schedule_at, status = excluded.status, record = excluded.record",
                (
                    record["merchant_uid"],
                    record["customer_uid"],
                    record["schedule_at"],
                    record["schedule_status"],
                    json.dumps(record, ensure_ascii=False),
                    json.dumps(schedule.facts, ensure_ascii=False),
                ),
            )

    def get(self, merchant_uid: str) -> Schedule | None:
        found = self._all("merchant_uid = ?", merchant_uid)
        return found[0] if found else None

    def due(self, now: int) -> list[Schedule]:
        return self._all("status = 'scheduled' AND schedule_at <= ?", now)

    def of_customer(self, customer_uid: str) -> list[Schedule]:
        return self._all("customer_uid = ?", customer_uid)

    def between(
        self, start: int, end: int, *, customer_uid: str | None, status: str | None, oldest_first: bool = False
    ) -> list[Schedule]:
        """Those with start <= schedule_at < end, newest time first unless told otherwise."""
        where, arguments = "schedule_at >= ? AND schedule_at < ?", [start, end]
        found = self._all(where, *arguments)
        kept = [
            schedule
            for schedule in found
            if customer_uid in (None, schedule.record["customer_uid"])
            and status in (None, schedule.record["schedule_status"])
        ]
        return kept if oldest_first else kept[::-1]

    def _all(self, where: str, *arguments: Any) -> list[Schedule]:
        with self._store.read() as db:
            rows: list[sqlite3.Row] = db.execute(
                f"SELECT record, facts FROM schedule WHERE {where} ORDER BY schedule_at, seq",  # noqa: S608
                arguments,
            ).fetchall()
        return [Schedule(json.loads(row["record"]), json.loads(row["facts"])) for row in rows]
