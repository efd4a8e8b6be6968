"""Reads the environment: every setting has a name there, and the demo's value where none is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

VAR = Path(__file__).resolve().parent / "var"
REAL_SDK_URL = "https://cdn.iamport.kr/v1/iamport.js"
SANDBOX_CHANNEL = "channel-key-00000000-0000-0000-0000-000000000000"
SANDBOX_BILLING_CHANNEL = "channel-key-11111111-1111-1111-1111-111111111111"


def flag(name: str, default: bool) -> bool:
    """1, true, yes and on are true; 0, false, no and off are false; anything else is an error that names it."""
    given = os.environ.get(name, "").strip().lower()
    if not given:
        return default
    if given in ("1", "true", "yes", "on"):
        return True
    if given in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {given!r}.")


def secret(name: str, demo: str, *, debug: bool) -> str:
    """The value of `name`; the demo's, which everybody knows, only while DEBUG is on."""
    given = os.environ.get(name, "")
    if given or debug:
        return given or demo
    raise ImproperlyConfigured(f"{name} is not set. Without DEBUG the shop does not start with the demo's value.")


def database() -> dict[str, Any]:
    """DATABASE_URL, with the options under which portone_django keeps its promises on that database."""
    VAR.mkdir(exist_ok=True)
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{VAR / 'db.sqlite3'}"
    settings: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=0))
    if settings["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"] = {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
    elif settings["ENGINE"].endswith("mysql"):
        _use_pymysql()
        settings["OPTIONS"] = {"charset": "utf8mb4", "isolation_level": "read committed"}
    return settings


def broker() -> tuple[str, dict[str, Any]]:
    """CELERY_BROKER_URL and its transport options; without one, files below var/ and no server at all."""
    url = os.environ.get("CELERY_BROKER_URL") or "filesystem://"
    if not url.startswith("filesystem://"):
        return url, {}
    # A host part would be lost: the folders come from CELERY_BROKER_FOLDER.
    root = Path(os.environ.get("CELERY_BROKER_FOLDER") or VAR / "broker")
    messages, control = root / "messages", root / "control"
    for folder in (messages, control):
        folder.mkdir(parents=True, exist_ok=True)
    # The worker reads what the shop writes, so "in" and "out" are the same folder for both.
    return "filesystem://", {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
    }


def portone(*, debug: bool) -> dict[str, Any]:
    """The PORTONE dict: PortOne's sandbox on this machine, or the real one where the environment names it."""
    api_base = os.environ.get("PORTONE_API_BASE") or "http://127.0.0.1:8001"
    return {
        "USER_CODE": os.environ.get("PORTONE_USER_CODE") or "imp00000000",
        "IMP_KEY": os.environ.get("PORTONE_IMP_KEY") or "sandbox-key",
        "IMP_SECRET": os.environ.get("PORTONE_IMP_SECRET") or "sandbox-secret",
        "CHANNELS": _channels(),
        "API_BASE": api_base,
        "SDK_URL": os.environ.get("PORTONE_SDK_URL") or _sdk_url(api_base),
        "PUBLIC_BASE_URL": os.environ.get("PORTONE_PUBLIC_BASE_URL") or "http://127.0.0.1:8000",
        "UID_KEY": secret("PORTONE_UID_KEY", "demo-uid-key-known-to-everybody-not-a-secret", debug=debug),
        "MERCHANT_UID_PREFIX": os.environ.get("PORTONE_MERCHANT_UID_PREFIX") or "demo",
        "ACCEPT_TEST_PAYMENTS": flag("PORTONE_ACCEPT_TEST_PAYMENTS", debug),
        "MOVABLE_CLOCK": debug,
        "ADAPTER": "example_project.shop.payments.Adapter",
        "SUPPORT": os.environ.get("PORTONE_SUPPORT") or "02-000-0000 · help@namu.example",
    }


def _channels() -> dict[str, dict[str, str]]:
    given = os.environ.get("PORTONE_CHANNEL_KEY")
    billing = os.environ.get("PORTONE_BILLING_CHANNEL_KEY")
    channels = {"checkout": {"channel_key": given or SANDBOX_CHANNEL}}
    # Somebody who names a channel of their own has none of the sandbox's.
    if billing or not given:
        channels["billing"] = {"channel_key": billing or SANDBOX_BILLING_CHANNEL}
    return channels


def _sdk_url(api_base: str) -> str:
    if (urlsplit(api_base).hostname or "").endswith("iamport.kr"):
        return REAL_SDK_URL
    return f"{api_base.rstrip('/')}/v1/iamport.js"


def _use_pymysql() -> None:
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)  # Django asks for mysqlclient's version; PyMySQL needs no compiler
    pymysql.install_as_MySQLdb()
