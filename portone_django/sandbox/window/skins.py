"""The window's colour from `SKIN(…)` in `bypass.acceptmethod`; Inicis' own red when it says nothing readable."""

import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["asked_skin", "skin_css"]

NAMED = {
    "RED": "c1272c",
    "BLUE": "1f5fbf",
    "GREEN": "1d7a46",
    "PURPLE": "6b3fa0",
    "YELLOW": "f2c200",
    "GRAY": "4a4f57",
    "BLACK": "222222",
}
HEX = re.compile(r"[0-9a-f]{6}")
TOKEN = re.compile(r"SKIN\(#?([0-9A-Za-z]+)\)", re.IGNORECASE)


def asked_skin(params: Mapping[str, Any]) -> str:
    """Six hex digits of the wanted colour, empty for the usual one."""
    bypass = params.get("bypass")
    accept = bypass.get("acceptmethod") if isinstance(bypass, Mapping) else None
    found = TOKEN.search(accept) if isinstance(accept, str) else None
    if found is None:
        return ""
    color = NAMED.get(found[1].upper(), found[1].lower())
    return color if HEX.fullmatch(color) else ""


def skin_css(color: str) -> str | None:
    """A style sheet that recolours the window and keeps its text readable, None for anything but six hex digits."""
    if not HEX.fullmatch(color):
        return None
    text = "#ffffff" if _luminance(color) < 0.3 else "#1d1f23"
    return f":root{{--brand:#{color};--on-brand:{text}}}\n"


def _luminance(color: str) -> float:
    red, green, blue = (math.pow(int(color[i : i + 2], 16) / 255, 2.2) for i in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
