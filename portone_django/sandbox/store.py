"""The sqlite3 file under the sandbox: pooled connections, one writer at a time, work to do after the commit."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    imp_uid TEXT NOT NULL UNIQUE,
    merchant_uid TEXT NOT NULL,
    status TEXT NOT NULL,
    customer_uid TEXT,
    started_at INTEGER NOT NULL,
    paid_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    lag_until REAL NOT NULL DEFAULT 0,
    late_at REAL,
    record TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_merchant_uid ON payment (merchant_uid);
CREATE INDEX IF NOT EXISTS payment_settled ON payment (status, settled_at);
CREATE INDEX IF NOT EXISTS payment_customer ON payment (customer_uid) WHERE customer_uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_late ON payment (late_at) WHERE late_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS prepared (
    merchant_uid TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT
);
CREATE TABLE IF NOT EXISTS billing_key (
    customer_uid TEXT PRIMARY KEY, record TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS schedule (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_uid TEXT NOT NULL UNIQUE,
    customer_uid TEXT NOT NULL,
    schedule_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    record TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS schedule_due ON schedule (schedule_at) WHERE status = 'scheduled';
CREATE TABLE IF NOT EXISTS token (
    access_token TEXT PRIMARY KEY, expired_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (kind, key)
);
CREATE TABLE IF NOT EXISTS webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body TEXT NOT NULL,
    merchant_uid TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at REAL NOT NULL,
    created_at INTEGER NOT NULL,
    http_status INTEGER,
    error TEXT
);
CREATE INDEX IF NOT EXISTS webhook_open ON webhook (due_at) WHERE state IN ('queued', 'sending');
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    layer TEXT NOT NULL,
    spec TEXT NOT NULL,
    remaining INTEGER,
    draws INTEGER NOT NULL DEFAULT 0,
    hits INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS switch (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS diary (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL
);
"""
_TABLES = (
    "payment", "prepared", "billing_key", "schedule", "token", "document", "webhook", "fault", "switch", "diary",
)  # fmt: skip
_BUSY_SECONDS = 30.0


class Unopenable(Exception):
    """The path cannot be a ledger; the message says why."""


class Store:
    """Threads share it; several processes may open the same file."""

    def __init__(self, path: str | Path) -> None:
        """Makes the file, and its folder where there is none. Raises Unopenable."""
        self.path = str(path)
        self._begin_here()
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).open("ab").close()  # says what sqlite3 calls "unable to open database file"
            self._make_tables()
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise Unopenable(f"{self.path} cannot be the sandbox's file: {why}.") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for look-ups; inside `write` it is the writing one and sees its changes."""
        current = self._current()
        if current is not None:
            yield current
            return
        db = self._take()
        try:
            yield db
        finally:
            self._pool.append(db)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One BEGIN IMMEDIATE transaction, joined by inner calls of the same thread; rolled back on any exception."""
        current = self._current()
        if current is not None:
            yield current
            return
        afterwards: list[Callable[[], None]] = []
        with self._one_writer:
            db = self._take()
            self._local.db, self._local.afterwards = db, afterwards
            try:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
            finally:
                self._local.db = None
                self._pool.append(db)
        for step in afterwards:
            step()

    def after_commit(self, step: Callable[[], None]) -> None:
        """Run `step` once the current transaction is committed, at once when there is none."""
        if self._current() is None:
            step()
        else:
            self._local.afterwards.append(step)

    def clear(self) -> None:
        with self.write() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of this module

    def close(self) -> None:
        while self._pool:
            self._pool.pop().close()

    def _current(self) -> sqlite3.Connection | None:
        if os.getpid() != self._pid:
            self._begin_here()  # a connection must not cross a fork
        current: sqlite3.Connection | None = getattr(self._local, "db", None)
        return current

    def _begin_here(self) -> None:
        self._pid = os.getpid()
        self._pool: list[sqlite3.Connection] = []
        self._local = threading.local()
        self._one_writer = threading.Lock()

    def _take(self) -> sqlite3.Connection:
        try:
            return self._pool.pop()
        except IndexError:
            return self._connect()

    def _make_tables(self) -> None:
        db = self._connect()
        self._pool.append(db)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous=OFF")  # survives a killed process; a power cut may cost the last seconds
        return db
