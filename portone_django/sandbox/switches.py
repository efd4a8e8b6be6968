"""The settings of one sandbox, each with its default, kept in its file so that every process sees the same."""

from __future__ import annotations

import json
from typing import Any

from .store import Store

DEFAULTS: dict[str, Any] = {
    "offset": 0,  # seconds that the sandbox's clock runs ahead of the real one
    "webhook_url": "",  # the console's Endpoint URL; "" sends nothing
    "webhook_content_type": "json",  # or "form"
    "webhook_mode": "on",  # off (dropped), held (until flush), doubled, reordered (in pairs)
    "webhook_delay": 0,  # seconds before each webhook leaves
    "notify_api_payments": True,  # whether a successful again, onetime or retry sends one
    "escrow_webhooks": False,  # Inicis.Escrow.Changed; PortOne enables it by mail
    "duplicate_mode": "strict",  # a paid merchant_uid is refused: strict (atomically), weak (on arrival), none (never)
    "approval_seconds": 0,  # how long the card network takes between arrival and record
    "partial_cancel_status": "paid",  # the status after a partial cancel, or "cancelled"
    "refuse_full_as_partial": False,  # Inicis 500749 and 500625: an explicit amount that empties the balance
    "sandbox_hidden": True,  # GET /payments/{imp_uid} answers 404 for test payments without include_sandbox
    "unknown_key_status": 200,  # GET and DELETE of an unknown customer_uid: 200 with code 1, or 404
    "schedule_list": "paged",  # shape of the lists of schedules: paged, or array as in the OpenAPI file
    "require_name": False,  # again and onetime without `name`: HTTP 400 as Inicis wants, else only noted
    "confirm_enabled": False,  # PortOne enables confirm_url by mail
    "tiers": {"SUB": "하위 상점"},
    "channels": None,  # None is catalogue.CHANNELS
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "webhook_content_type": ("json", "form"),
    "webhook_mode": ("on", "off", "held", "doubled", "reordered"),
    "duplicate_mode": ("strict", "weak", "none"),
    "partial_cancel_status": ("paid", "cancelled"),
    "unknown_key_status": (200, 404),
    "schedule_list": ("paged", "array"),
}


class Switches:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, name: str) -> Any:
        with self._store.read() as db:
            row = db.execute("SELECT value FROM switch WHERE name = ?", (name,)).fetchone()
        return DEFAULTS[name] if row is None else json.loads(row["value"])

    def all(self) -> dict[str, Any]:
        return {name: self[name] for name in DEFAULTS}

    def set(self, **changes: Any) -> None:
        """Change some; ValueError for an unknown name or value, and then nothing is changed."""
        for name, value in changes.items():
            _check(name, value)
        with self._store.write() as db:
            db.executemany(
                "INSERT INTO switch VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [(name, json.dumps(value)) for name, value in changes.items()],
            )


def _check(name: str, value: Any) -> None:
    if name not in DEFAULTS:
        raise ValueError(f"unknown setting {name!r}; there are {', '.join(DEFAULTS)}")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} is one of {CHOICES[name]}, not {value!r}")
    default = DEFAULTS[name]
    if isinstance(default, bool) != isinstance(value, bool):
        raise ValueError(f"{name} is {'' if isinstance(default, bool) else 'not '}a boolean")
    if isinstance(default, int) and not isinstance(value, int | float):
        raise ValueError(f"{name} is a number")
    if isinstance(default, str) and not isinstance(value, str):
        raise ValueError(f"{name} is text")
