"""Which contract the window opens with: a channel key, or the older `pg` with its MID, never both."""

from __future__ import annotations

import re

from .errors import InvalidOption

__all__ = ["one_channel"]

_PG = re.compile(r"html5_inicis\.[A-Za-z0-9_-]+")
_WRITE = 'channel_key="channel-key-…"'


def one_channel(channel_key: str | None, pg: str | None) -> dict[str, str]:
    """{"channelKey": …} or {"pg": "html5_inicis.MID"}; raises InvalidOption for both, neither or another PG."""
    if channel_key and pg:
        raise InvalidOption("channel_key", "channel_key and pg are both given: keep one of them", write=_WRITE)
    if channel_key:
        if not re.fullmatch("[!-~]{1,100}", channel_key):
            raise InvalidOption("channel_key", f"{channel_key!r} is not a channel key", write=_WRITE)
        return {"channelKey": channel_key}
    if not pg:
        raise InvalidOption("channel_key", "neither channel_key nor pg is given", write=_WRITE)
    if not _PG.fullmatch(pg):
        raise InvalidOption("pg", f"must be html5_inicis with its MID, not {pg!r}", write='pg="html5_inicis.MID"')
    return {"pg": pg}
