"""What this machine has to test with: each server is asked at its address from the environment, or at its usual one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

CONNECT_SECONDS = 3
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Found:
    """`version` is empty when it does not answer; `why_not` then says what was tried."""

    name: str
    address: str
    version: str = ""
    why_not: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.version)


def find_all() -> dict[str, Found]:
    """By name: sqlite, postgresql, mariadb, redis, rabbitmq, chromium."""
    found = [
        Found("sqlite", "", sqlite3.sqlite_version),
        _ask("postgresql", "TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/test", _postgresql),
        _ask("mariadb", "TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/test", _mariadb),
        _ask("redis", "TEST_REDIS_URL", "redis://127.0.0.1:6379/15", _redis),
        _ask("rabbitmq", "TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//", _rabbitmq),
        _ask("chromium", "CHROMIUM", next(filter(None, map(shutil.which, CHROMIUM_NAMES)), "chromium"), _chromium),
    ]
    return {each.name: each for each in found}


def required(names: str, found: dict[str, Found]) -> list[str]:
    """Sentences about what PORTONE_REQUIRE names and this machine lacks; an unknown name is one, too."""
    missing = []
    for name in filter(None, names.replace(",", " ").split()):
        if name not in found:
            missing.append(f"PORTONE_REQUIRE names {name!r}; known are {', '.join(found)}.")
        elif not found[name].is_there:
            missing.append(f"{name} is required here and does not answer: {found[name].why_not}")
    return missing


def without_password(url: str) -> str:
    """The address as it may be printed."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    host = f"{parts.username}:…@{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    return urlunsplit(parts._replace(netloc=host))


def _ask(name: str, variable: str, usual: str, version_of: Callable[[str], str]) -> Found:
    address = os.environ.get(variable) or usual
    try:
        return Found(name, address, version_of(address))
    except Exception as error:  # whatever a driver raises, the server is not to be had
        reason = str(error).strip().splitlines()
        said = f"{type(error).__name__} {reason[0] if reason else ''}".strip()
        return Found(name, address, why_not=f"{without_password(address)} ({variable}): {said}")


def _postgresql(url: str) -> str:
    import psycopg

    # The database named in the address need not exist: each run makes one of its own.
    address = urlunsplit(urlsplit(url)._replace(path="/postgres", scheme="postgresql"))
    with psycopg.connect(address, connect_timeout=CONNECT_SECONDS) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]).split()[0] if row else ""


def _mariadb(url: str) -> str:
    import pymysql

    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        connect_timeout=CONNECT_SECONDS,
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        row = cursor.fetchone()
    return str(row[0]).split("-")[0] if row else ""


def _redis(url: str) -> str:
    import redis

    client = redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS)
    with contextlib.closing(client):
        return str(client.info("server")["redis_version"])


def _rabbitmq(url: str) -> str:
    import kombu

    with kombu.Connection(url, connect_timeout=CONNECT_SECONDS) as connection:
        connection.connect()
        return str(connection.connection.server_properties["version"])


def _chromium(path: str) -> str:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    return next(word for word in said.split() if word[0].isdigit())
