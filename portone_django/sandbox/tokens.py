"""One live access token per account: 30 minutes, the same one for everybody, prolonged in its last minute."""

from __future__ import annotations

import secrets

from .records import Record
from .store import Store

LIFE_SECONDS = 1_800
_LAST_MINUTE = 60
_PROLONGATION_SECONDS = 300


class Tokens:
    def __init__(self, store: Store) -> None:
        self._store = store

    def issue(self, now: int) -> Record:
        """The AuthAnnotation that getToken answers at `now`."""
        with self._store.write() as db:
            row = db.execute(
                "SELECT access_token, expired_at FROM token WHERE expired_at > ? ORDER BY expired_at DESC", (now,)
            ).fetchone()
            if row is None:
                token, expired_at = secrets.token_hex(20), now + LIFE_SECONDS
                db.execute("DELETE FROM token")
                db.execute("INSERT INTO token VALUES (?, ?)", (token, expired_at))
            else:
                token, expired_at = row["access_token"], row["expired_at"]
                if expired_at - now < _LAST_MINUTE:
                    expired_at += _PROLONGATION_SECONDS
                    db.execute("UPDATE token SET expired_at = ?", (expired_at,))
        return {"access_token": token, "now": now, "expired_at": expired_at}

    def is_live(self, access_token: str, now: int) -> bool:
        with self._store.read() as db:
            row = db.execute(
                "SELECT 1 FROM token WHERE access_token = ? AND expired_at > ?", (access_token, now)
            ).fetchone()
        return row is not None

    def expire(self) -> None:
        with self._store.write() as db:
            db.execute("DELETE FROM token")
