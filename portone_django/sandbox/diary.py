"""The sandbox's log: what it accepted although the document forbids it, and what it refused to do."""

from __future__ import annotations

from .records import Record
from .store import Store


class Diary:
    def __init__(self, store: Store) -> None:
        self._store = store

    def note(self, kind: str, text: str, now: int) -> None:
        """`kind` is one word: lenient, refused, webhook, fault. Never a secret, never card data."""
        with self._store.write() as db:
            db.execute("INSERT INTO diary (at, kind, text) VALUES (?, ?, ?)", (now, kind, text))

    def entries(self, limit: int = 200) -> list[Record]:
        """The newest first: id, at (unix seconds of the sandbox's clock), kind, text."""
        with self._store.read() as db:
            rows = db.execute("SELECT * FROM diary ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [dict(row) for row in rows]
