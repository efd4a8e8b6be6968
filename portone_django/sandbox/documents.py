"""Small things kept by kind and key: cash receipts, escrow deliveries, identity results."""

from __future__ import annotations

import json

from .records import Record
from .store import Store


class Documents:
    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind

    def get(self, key: str) -> Record | None:
        with self._store.read() as db:
            row = db.execute("SELECT content FROM document WHERE kind = ? AND key = ?", (self._kind, key)).fetchone()
        if row is None:
            return None
        content: Record = json.loads(row["content"])
        return content

    def put(self, key: str, content: Record) -> None:
        with self._store.write() as db:
            db.execute(
                "INSERT INTO document VALUES (?, ?, ?) "
                "ON CONFLICT (kind, key) DO UPDATE SET content = excluded.content",
                (self._kind, key, json.dumps(content, ensure_ascii=False)),
            )

    def remove(self, key: str) -> None:
        with self._store.write() as db:
            db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (self._kind, key))
