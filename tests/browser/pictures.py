"""How a page becomes a small picture that is the same every time: examples for what is random, 256 colours."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

_SCRIPTS = Path(__file__).parent / "static"
_STEADY = (_SCRIPTS / "steady.js").read_text()
_PALETTE = (_SCRIPTS / "palette.js").read_text()


class NotPresentable(Exception):
    """The page is in the wrong language or wider than its screen."""


def take(page: Any, darkroom: Any, path: Path, *, language: str = "", may_be_wide: bool = False) -> None:
    """The whole page as a PNG at `path`, or the screen as it is while a window lies over it.

    `darkroom` is an empty page of the same browser. Raises NotPresentable; without `language` any will do.
    """
    for frame in page.frames:
        frame.wait_for_load_state("load")
    shown = page.evaluate("document.documentElement.lang").split("-")[0]
    if language and shown != language:
        raise NotPresentable(f"{path.name}: the page is in {shown!r}")
    overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overhang > 0 and not may_be_wide:
        raise NotPresentable(f"{path.name}: {overhang} px wider than its screen")
    for frame in page.frames:
        frame.evaluate(_STEADY)
    if len(page.frames) == 1:
        _unroll(page)
    picture = page.screenshot(animations="disabled", caret="hide", scale="css")
    path.write_bytes(_small(darkroom, picture))


def _unroll(page: Any) -> None:
    """A screen as high as the page, so that what sticks to its lower edge lies below and not over the page."""
    height = page.evaluate("Math.max(document.documentElement.scrollHeight, innerHeight)")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})


def _small(darkroom: Any, png: bytes) -> bytes:
    found = darkroom.evaluate(_PALETTE, base64.b64encode(png).decode())
    width, height, pixels = found["width"], found["height"], base64.b64decode(found["pixels"])
    rows = b"".join(b"\0" + pixels[width * row : width * (row + 1)] for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (b"IHDR", head), (b"PLTE", bytes(found["palette"])), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
