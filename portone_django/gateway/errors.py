"""Decides how a call to PortOne can end when it does not end with an answer, and what that allows next.

| evidence                                                           | raised          | was it executed? |
|--------------------------------------------------------------------|-----------------|------------------|
| no byte of the request left (DNS, refused, TLS, no token, no time) | NotSent         | surely not       |
| 401, again after one new token; or the key pair itself refused     | Unauthorized    | surely not       |
| 403; 4xx without PortOne's envelope (unknown route, proxy page)    | Misconfigured   | surely not *     |
| 404 with the envelope; unknown billing key in band                 | NotFound        | surely not       |
| 200 with `code != 0`; any other 4xx with the envelope              | Refused         | refused **       |
| 429 (what PortOne did with it is not documented)                   | RateLimited     | unknown          |
| 5xx, with or without a body                                        | ServerTrouble   | unknown          |
| time-out, reset or interruption after the first byte was written   | NoAnswer        | unknown          |
| redirect, not JSON, truncated, too large, double keys, wrong types | MalformedAnswer | unknown          |

 *  a fault of settings or console (keys, address allow-list, API_BASE): never a decline of the customer's card.
 ** for a charge a refusal may also mean "already paid under this merchant_uid": look up before believing it.

Unauthorized, Misconfigured and NotFound are kinds of Refused; the other four unknown ones are kinds of OutcomeUnknown.
Wrong arguments raise ValueError, wrong settings ImproperlyConfigured, a call inside a transaction InsideTransaction:
those are faults of the program and stand outside PortOneError.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "InsideTransaction",
    "MalformedAnswer",
    "Misconfigured",
    "NoAnswer",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PortOneError",
    "RateLimited",
    "Refused",
    "ServerTrouble",
    "Unauthorized",
]


class PortOneError(Exception):
    """Base of all. Carries the name of the call and what PortOne said, never a URL, a body or a secret.

    `http_status` is None without an answer. `retry_after` is in seconds, at most 3600, None when PortOne did not say.
    """

    hint = ""

    def __init__(
        self,
        *,
        call: str = "",
        reason: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.call = call
        self.reason = reason
        self.http_status = http_status
        self.retry_after = retry_after
        super().__init__(call, reason, http_status)

    def __str__(self) -> str:
        status = f" (HTTP {self.http_status})" if self.http_status else ""
        reason = f": {self.reason.rstrip('.')}" if self.reason else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.call or 'PortOne call'} {self._verdict}{status}{reason}.{hint}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy())

    _verdict = "failed"


class NotSent(PortOneError):
    """No byte of the request left this machine; sending it again later is safe."""

    _verdict = "was not sent"


class Refused(PortOneError):
    """PortOne answered no. `code` is PortOne's number (None without an envelope), `message` its Korean text."""

    _verdict = "was refused"

    def __init__(
        self,
        code: int | None = None,
        message: str = "",
        http_status: int | None = None,
        call: str = "",
        reason: str = "",
    ) -> None:
        self.code = code
        self.message = message
        shown = message or reason
        super().__init__(
            call=call, reason=f"code {code}, {shown}" if code is not None else shown, http_status=http_status
        )


class NotFound(Refused):
    """PortOne does not know the object that the call names."""

    _verdict = "found nothing"


class Unauthorized(Refused):
    """The token was refused twice, or the key pair itself; the call was surely not executed."""

    _verdict = "was not authorised"
    hint = 'Check PORTONE["IMP_KEY"] and PORTONE["IMP_SECRET"] against the console.'


class Misconfigured(Refused):
    """An answer that no request of this client should get: settings or console are wrong. Never a decline."""

    _verdict = "was turned away"
    hint = 'Check PORTONE["API_BASE"] and the console\'s address allow-list (IP 보안설정).'


class OutcomeUnknown(PortOneError):
    """The request may or may not have been executed; only asking PortOne can tell."""

    _verdict = "has an unknown outcome"


class NoAnswer(OutcomeUnknown):
    """The connection broke, timed out or the process was interrupted after the request had begun to leave."""


class ServerTrouble(OutcomeUnknown):
    """PortOne or a gateway before it answered 5xx."""


class RateLimited(OutcomeUnknown):
    """429. Wait `retry_after` seconds (None: choose), then look up before sending a write again."""


class MalformedAnswer(OutcomeUnknown):
    """The answer cannot be believed: a redirect, not JSON, cut off, too large, double keys or wrong types."""


class InsideTransaction(RuntimeError):
    """A call to PortOne was started while a database transaction is open."""


def _rebuild(kind: type[PortOneError], state: dict[str, Any]) -> PortOneError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (state.get("call"), state.get("reason"), state.get("http_status"))
    return error
