"""Decides how the account's channels and PortOne's code lists are read. See payments.py for `deadline` and errors."""

from __future__ import annotations

from . import ids
from .account_replies import ChannelSetting, StandardCode, read_channels, read_codes
from .calls import LIST_BYTES, Calls


def server_time(client: AccountCalls, *, deadline: float | None = None) -> int:
    """PortOne's time in unix seconds: getToken's `now` (PortOne V1 gives the living token again)."""
    return client._transport.fetch_token(client._deadline(deadline)).now


class AccountCalls(Calls):
    """GET /users/pg, /cards and /banks."""

    def channels(self, *, deadline: float | None = None) -> list[ChannelSetting]:
        """The channels of the account, test ones included."""
        return self._get("channels", "/users/pg", read_channels, self._deadline(deadline), most_bytes=LIST_BYTES)

    def cards(self, *, deadline: float | None = None) -> list[StandardCode]:
        """Every card issuer with its three-digit code."""
        return self._get("cards", "/cards", read_codes, self._deadline(deadline))

    def card(self, code: str, *, deadline: float | None = None) -> StandardCode:
        """One card issuer; raises NotFound."""
        return self._get("card", ids.path("cards", ids.code(code)), StandardCode.parse, self._deadline(deadline))

    def banks(self, *, deadline: float | None = None) -> list[StandardCode]:
        """Every bank with its three-digit code."""
        return self._get("banks", "/banks", read_codes, self._deadline(deadline))

    def bank(self, code: str, *, deadline: float | None = None) -> StandardCode:
        """One bank; raises NotFound."""
        return self._get("bank", ids.path("banks", ids.code(code)), StandardCode.parse, self._deadline(deadline))
