"""The Django setting PORTONE_SANDBOX, read and checked here only: a wrong key never becomes a silent default."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .posting import is_loopback

_WEBHOOK_PATH = "/portone/webhook/"
# A line to write for each key there is.
_LINES = {
    "DB": '"DB": BASE_DIR / "sandbox.sqlite3"',
    "IMP_KEY": '"IMP_KEY": "sandbox-key"',
    "IMP_SECRET": '"IMP_SECRET": "sandbox-secret"',
    "USER_CODE": '"USER_CODE": "imp00000000"',
    "WEBHOOK_URL": f'"WEBHOOK_URL": "http://127.0.0.1:8000{_WEBHOOK_PATH}"',
    "ALLOW_WITHOUT_DEBUG": '"ALLOW_WITHOUT_DEBUG": True',
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """One attribute per key (the key in lower case), each default beside its name."""

    db: str | os.PathLike[str] = "portone-sandbox.sqlite3"
    imp_key: str = "sandbox-key"
    imp_secret: str = field(default="sandbox-secret", repr=False)
    user_code: str = "imp00000000"
    webhook_url: str = ""
    allow_without_debug: bool = False


def problems() -> list[tuple[str, str]]:
    """Every fault of the setting: what is wrong, and what to write. No secret is repeated."""
    raw = getattr(settings, "PORTONE_SANDBOX", {})
    if not isinstance(raw, Mapping):
        return [
            (
                f"PORTONE_SANDBOX must be a dict, not {type(raw).__name__}.",
                f"Write: PORTONE_SANDBOX = {{{_LINES['DB']}}}",
            )
        ]
    return [fault for key, value in raw.items() if (fault := _fault_of(key, value))]


def read_options() -> Options:
    """The setting with its defaults; ImproperlyConfigured tells all that is wrong with it."""
    if faults := problems():
        raise ImproperlyConfigured("\n".join(f"{sentence} {advice}" for sentence, advice in faults))
    raw: dict[str, Any] = getattr(settings, "PORTONE_SANDBOX", {})
    return Options(**{key.lower(): value for key, value in raw.items()})


def base_dir() -> Path:
    """The project's folder: a DB that is no full path is below it, wherever a process was started."""
    return Path(getattr(settings, "BASE_DIR", "."))


def another_file(path: str | os.PathLike[str]) -> Path:
    """Where a ledger can be instead: in `path` if that is a folder, in the project's, or among the temporary files."""
    folders = (folder for folder in (Path(path).absolute(), base_dir()) if os.path.isdir(folder))
    folder = next((folder for folder in folders if os.access(folder, os.W_OK)), Path(tempfile.gettempdir()))
    return folder / "sandbox.sqlite3"


def line_of_another_file(db: str | os.PathLike[str]) -> str:
    """As `another_file`, as the line to write in the settings."""
    file = another_file(base_dir() / db)
    written = 'BASE_DIR / "sandbox.sqlite3"' if file.parent == base_dir() else f'"{file}"'
    return f'Write: PORTONE_SANDBOX = {{"DB": {written}}}'


def webhook_fault(url: str) -> tuple[str, str] | None:
    """Why webhooks could never go to `url`, and an address that they can go to."""
    if not url:
        return None
    full = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(full)
        host, port = parts.hostname, parts.port or 8000
    except ValueError:
        return f"{url!r} is not a URL.", f"http://127.0.0.1:8000{_WEBHOOK_PATH}"
    here = f"http://127.0.0.1:{port}{_WEBHOOK_PATH if parts.path in ('', '/') else parts.path}"
    if not host:
        return f"{url!r} has no host.", here
    if parts.scheme not in ("http", "https"):
        return f"{url!r} is not a web address.", here
    if not is_loopback(full):
        return f"{host} is not this machine, and the sandbox sends webhooks nowhere else.", here
    return None if url == full else (f"{url!r} has no http:// in front.", full)


def _fault_of(key: Any, value: Any) -> tuple[str, str] | None:
    if key not in _LINES:
        near = difflib.get_close_matches(str(key).upper(), _LINES, n=1)
        meant = f'Did you mean "{near[0]}"? ' if near else ""
        return f"PORTONE_SANDBOX has an unknown key {key!r}.", f"{meant}There are: {', '.join(_LINES)}."
    wanted: tuple[Any, str] = (str, "text")
    if key == "DB":
        wanted = (str | os.PathLike, "a path")
    elif key == "ALLOW_WITHOUT_DEBUG":
        wanted = (bool, "True or False")
    where, advice = f'PORTONE_SANDBOX["{key}"]', f"Write: {_LINES[key]}"
    if not isinstance(value, wanted[0]):
        return f"{where} must be {wanted[1]}, not {type(value).__name__}.", advice
    if value == "" and key != "WEBHOOK_URL":
        return f"{where} is empty.", f"{advice}, or leave it out."
    if key == "WEBHOOK_URL" and (fault := webhook_fault(value)):
        return f"{where}: {fault[0]}", f'Write: "WEBHOOK_URL": "{fault[1]}"'
    return None
