"""Values that travel as JSON: the shop's own data, and raw parameters for KG Inicis; always copied, never shared."""

from __future__ import annotations

import json
from typing import Any

from ..storable import is_storable
from .errors import InvalidOption

__all__ = ["copy_of", "read_bypass", "read_custom_data"]

_RAW_TEXTS = ("acceptmethod", "P_RESERVED", "ini_PAYSHOT_KEY", "P_PAYSHOT_KEY")


def read_custom_data(option: str, value: Any) -> dict[str, Any]:
    """A JSON-able dict; PortOne echoes it in the payment."""
    return _object(option, value, write='custom_data={"cart": 7}')


def read_bypass(option: str, value: Any) -> dict[str, Any]:
    """Raw PG parameters as a dict; `acceptmethod` and `P_RESERVED` in it are text in Inicis' own notation."""
    write = 'bypass={"acceptmethod": "cd_ps(06-3)"}'
    raw = _object(option, value, write=write)
    for name in _RAW_TEXTS:
        if name in raw and not isinstance(raw[name], str):
            raise InvalidOption(option, f"{name} must be a str, not {raw[name]!r}", write=write)
        if not raw.get(name, " ").isprintable():
            raise InvalidOption(option, f"{name} has a character that cannot be printed", write=write)
    return raw


def copy_of(value: Any) -> Any:
    """A copy that shares no list or dict with the original."""
    if isinstance(value, dict):
        return {key: copy_of(each) for key, each in value.items()}
    return [copy_of(each) for each in value] if isinstance(value, list) else value


def _object(option: str, value: Any, *, write: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidOption(option, f"must be a dict, not {type(value).__name__}", write=write)
    try:
        copy: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidOption(option, f"cannot be written as JSON ({error})", write=write) from error
    if not _has_string_keys(value):
        raise InvalidOption(option, "has a key that is not a string, which JSON would change", write=write)
    if not is_storable(copy):
        raise InvalidOption(
            option, "has a text with NUL or half a surrogate pair, which no database stores", write=write
        )
    return copy


def _has_string_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_string_keys(each) for key, each in value.items())
    return not isinstance(value, list | tuple) or all(map(_has_string_keys, value))
