"""Billing keys: one card behind one customer_uid; a new registration replaces the card, as at PortOne."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from . import catalogue, magic
from .records import Record, cut, kst, new_key
from .refusals import Refused
from .store import Store


@dataclass(frozen=True)
class Key:
    """`record` is the CustomerAnnotation; `facts` holds `decline`, the code its card declines with. No card data."""

    record: Record
    facts: Record


class Keys:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, customer_uid: str) -> Key | None:
        with self._store.read() as db:
            row = db.execute("SELECT record, facts FROM billing_key WHERE customer_uid = ?", (customer_uid,)).fetchone()
        return Key(json.loads(row["record"]), json.loads(row["facts"])) if row else None

    def put(self, key: Key) -> None:
        """Store under its customer_uid; what was registered there before is replaced, its `inserted` kept."""
        record = key.record
        with self._store.write() as db:
            before = self.get(record["customer_uid"])
            if before:
                record = {**record, "inserted": before.record["inserted"]}
            db.execute(
                "INSERT INTO billing_key VALUES (?, ?, ?) ON CONFLICT (customer_uid) "
                "DO UPDATE SET record = excluded.record, facts = excluded.facts",
                (record["customer_uid"], json.dumps(record, ensure_ascii=False), json.dumps(key.facts)),
            )

    def delete(self, customer_uid: str) -> None:
        with self._store.write() as db:
            db.execute("DELETE FROM billing_key WHERE customer_uid = ?", (customer_uid,))


def card_key(
    *, customer_uid: str, channel: Record, card_number: str, card_code: str | None, now: int, owner: Record
) -> Key:
    """The key of one card; `owner` holds customer_* fields."""
    code = card_code if card_code in catalogue.CARDS else catalogue.DEFAULT_CARD_CODE
    record = new_key(
        customer_uid=customer_uid,
        channel=channel,
        card_code=code,
        card_name=catalogue.CARDS[code],
        number=magic.masked(card_number),
        now=now,
    )
    record |= {name: cut(owner, name) for name in record if name.startswith("customer_") and name in _OWNER}
    record["customer_id"] = owner.get("customer_id")
    return Key(record, {"decline": magic.decline_of_card(card_number)})


_OWNER = ("customer_name", "customer_tel", "customer_email", "customer_addr", "customer_postcode")


def check_card(body: dict[str, Any], now: int, failure: str) -> str:
    """The card number of a keyed-in card; Refused (-1) with `failure` and Inicis' words when it does not register."""
    number, expiry = str(body.get("card_number") or ""), str(body.get("expiry") or "")
    error = magic.registration_error(number, expiry, f"{kst(now):%Y-%m}")
    if error:
        raise Refused(-1, f"{failure} {error}")
    return number


def unknown(customer_uid: str, http_status: int) -> Refused:
    return Refused(1, f"요청하신 customer_uid({customer_uid})로 등록된 정보를 찾을 수 없습니다.", http_status)
