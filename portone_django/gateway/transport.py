"""Decides how a call travels: never inside a transaction, one deadline for all of it, and only a GET is repeated."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from urllib3.exceptions import HTTPError, NewConnectionError

from ..addresses import is_loopback
from .answers import Answer, Call, content, read_answer
from .discretion import discreet, place_of
from .errors import (
    InsideTransaction,
    MalformedAnswer,
    NoAnswer,
    NotSent,
    PortOneError,
    RateLimited,
    Refused,
    ServerTrouble,
    Unauthorized,
)
from .parsing import Unreadable
from .redaction import secrets_of
from .tokens import Token, TokenSource
from .wire import CONNECT_SECONDS, Attempt, Deadline, DeadlineAdapter, attempting

T = TypeVar("T")
logger = logging.getLogger("portone_django.gateway")

# Pauses before the second and third try of a GET, in seconds, each up to half as long again.
REPEAT_PAUSES = (0.2, 0.8)


class Transport:
    """Sends calls to one PortOne with one key pair. Safe to share between threads, not between processes.

    A `session` of your own brings its own adapters (a proxy, the in-process sandbox) and must not repeat anything;
    only its adapters, `verify`, `cert` and `proxies` are used.
    """

    @discreet
    def __init__(
        self, *, api_base: str, imp_key: str, imp_secret: str, session: requests.Session | None, deadline: float
    ) -> None:
        self.api_base = _checked_base(api_base)
        self._keys = (imp_key, imp_secret)
        self._session = _checked_session(session) if session is not None else _plain_session()
        self._seconds = deadline
        self._tokens = TokenSource(self.fetch_token)
        self.refused_keys = 0

    def deadline(self, seconds: float | None) -> Deadline:
        """The deadline of a call that starts now; None is the client's own."""
        return Deadline(self._seconds if seconds is None else seconds)

    @discreet
    def call(self, call: Call, read: Callable[[Any], T], deadline: Deadline) -> T:
        """What `read` makes of the answer. Raises InsideTransaction, or a PortOneError by the table in errors.py."""
        refuse_inside_transaction()
        try:
            return self._call(call, read, deadline)
        except Unauthorized:
            self.refused_keys += 1
            raise

    def _call(self, call: Call, read: Callable[[Any], T], deadline: Deadline) -> T:
        for pause in (*REPEAT_PAUSES, None):
            token = self._token(call, deadline)
            try:
                return self._once_renewed(call, read, deadline, token)
            except (NotSent, NoAnswer, ServerTrouble, RateLimited) as failure:
                wait = _pause_before_repeat(call, failure, pause, deadline)
                if wait is None:
                    raise
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _once_renewed(self, call: Call, read: Callable[[Any], T], deadline: Deadline, token: Token) -> T:
        """A 401 was surely not executed: one new token, one more try."""
        try:
            return self._send(call, read, deadline, token)
        except Unauthorized:
            self._tokens.reject(token)
        return self._send(call, read, deadline, self._token(call, deadline))

    def _token(self, call: Call, deadline: Deadline) -> Token:
        """A token for the call. Whatever happened to getToken, the call itself was not sent."""
        failure: PortOneError
        try:
            return self._tokens.get(deadline)
        except Refused as error:
            failure = error
        except PortOneError as error:
            reason = f"no token: {error.reason if isinstance(error, NotSent) else type(error).__name__}"
            failure = NotSent(call=call.name, reason=reason, retry_after=error.retry_after)
        if isinstance(failure, Refused):
            # The same error reaches every thread that waited for this token: each raises its own.
            failure = type(failure)(failure.code, failure.message, failure.http_status, call.name)
        raise failure

    @discreet
    def fetch_token(self, deadline: Deadline) -> Token:
        """getToken itself, past the cache: the token that lives, or a new one."""
        imp_key, imp_secret = self._keys
        call = Call("getToken", "POST", "/users/getToken", body={"imp_key": imp_key, "imp_secret": imp_secret})
        try:
            return self._send(call, Token.parse, deadline, None)
        except Unauthorized:
            raise
        except Refused as failure:
            refused = failure
        if refused.code is None or refused.http_status == 403:
            raise refused
        # 200 with a code, 400 or 404 with the envelope: PortOne knows no such key pair.
        raise Unauthorized(refused.code, refused.message, refused.http_status, refused.call)

    def _send(self, call: Call, read: Callable[[Any], T], deadline: Deadline, token: Token | None) -> T:
        started = time.monotonic()
        failure: PortOneError
        answer: Answer | None = None
        try:
            answer = self._exchange(call, deadline, token)
            result = read(content(call, answer, _secrets(call, token)))
        except PortOneError as error:
            failure = error
        except Unreadable as fault:
            status = answer.status if answer is not None else None
            failure = MalformedAnswer(call=call.name, reason=str(fault), http_status=status)
        else:
            _log(call, answer.status, 0, started)
            return result
        _log(call, failure.http_status, getattr(failure, "code", None), started, failure)
        # Raised outside the except blocks and without its past: no URL, header or body hangs on it.
        raise failure.with_traceback(None)

    def _exchange(self, call: Call, deadline: Deadline, token: Token | None) -> Answer:
        """One request and its answer in full; raises NotSent, NoAnswer or MalformedAnswer."""
        if not deadline.remaining():
            raise NotSent(call=call.name, reason="no time left")
        request = self._request(call, token)
        failure: PortOneError
        with attempting(deadline) as attempt:
            try:
                response = self._adapter_for(request)(
                    request,
                    stream=True,
                    timeout=(min(CONNECT_SECONDS, deadline.remaining()), deadline.remaining()),
                    verify=self._session.verify,
                    cert=self._session.cert,
                    proxies=self._session.proxies,
                )
                with response:
                    return read_answer(call, response)
            except PortOneError as error:
                failure = error
            except Exception as error:  # also a soft time limit, which a signal raises in the middle of anything
                failure = _transport_failure(call, attempt, error)
        raise failure

    def _request(self, call: Call, token: Token | None) -> requests.PreparedRequest:
        body = _encoded(call)
        try:
            return self._prepared(call, token, body)
        except Exception as error:  # InvalidHeader and UnicodeError quote what they choke on: a token, a key
            reason = _name_of(error)
        raise NotSent(call=call.name, reason=reason)

    def _prepared(self, call: Call, token: Token | None, body: bytes | None) -> requests.PreparedRequest:
        query = f"?{urlencode(call.query)}" if call.query else ""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "portone-django"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.value}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        return requests.Request(call.method, self.api_base + call.path + query, headers=headers, data=body).prepare()

    def _adapter_for(self, request: requests.PreparedRequest) -> Callable[..., requests.Response]:
        # Not session.send(): it would read a redirect's whole body and keep cookies.
        return self._session.get_adapter(request.url or "").send


def refuse_inside_transaction() -> None:
    """Raises InsideTransaction if any connection that this thread has used is inside `atomic()`.

    Blocks that a TestCase opened do not count, as for `atomic(durable=True)`.
    """
    for connection in connections.all(initialized_only=True):
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise InsideTransaction(
                f'PortOne was called inside a transaction on "{connection.alias}". A rollback would forget money that '
                "has moved, and the lock would be held for the whole call. Commit first; a view that calls PortOne "
                "must be @transaction.non_atomic_requests when ATOMIC_REQUESTS is on."
            )


def _checked_base(api_base: str) -> str:
    try:
        parts = urlsplit(api_base)
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured('PORTONE["API_BASE"] is not an address.') from None
    is_secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(api_base))
    if not parts.hostname or not is_secure:
        raise ImproperlyConfigured('PORTONE["API_BASE"] must be https:// (http:// only for this machine itself).')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ImproperlyConfigured('PORTONE["API_BASE"] must be scheme, host, port and path, nothing else.')
    return api_base.rstrip("/")


def _plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxies, no netrc, no certificate bundle from the environment
    adapter = DeadlineAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _checked_session(session: requests.Session) -> requests.Session:
    for adapter in session.adapters.values():
        if getattr(getattr(adapter, "max_retries", None), "total", 0):
            raise ImproperlyConfigured(
                "The session of a PortOne client must not repeat requests: a repeated POST charges twice."
            )
    return session


def _encoded(call: Call) -> bytes | None:
    """The body as JSON; ValueError, without a value of it, for an argument that is none."""
    if call.method == "GET" or call.body is None:
        return None
    try:
        return json.dumps(call.body, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(error).__name__
    raise ValueError(f"{call.name}: an argument cannot be written as JSON ({kind}). Nothing was sent.")


def _secrets(call: Call, token: Token | None) -> list[str]:
    """What PortOne's message must not echo into an exception or a log."""
    return secrets_of(call.body) + secrets_of(dict(call.query)) + ([token.value] if token else [])


def _transport_failure(call: Call, attempt: Attempt, error: Exception) -> PortOneError:
    """NotSent only on proof: our connection wrote nothing, or (a session of the caller's) none was ever made."""
    if attempt.is_tracked:
        was_sent = attempt.is_written
    else:
        cause = error.args[0] if error.args else None
        never_connected = isinstance(getattr(cause, "reason", None), NewConnectionError)
        was_sent = not (never_connected or isinstance(error, requests.ConnectTimeout))
    kind = NoAnswer if was_sent else NotSent
    return kind(call=call.name, reason=_name_of(error))


def _name_of(error: Exception) -> str:
    """The class of the error, and for one that is not the network's the place: its text could hold anything."""
    name = type(error).__name__
    place = "" if isinstance(error, requests.RequestException | HTTPError | OSError) else place_of(error)
    return f"{name} at {place}" if place else name


def _pause_before_repeat(call: Call, failure: PortOneError, pause: float | None, deadline: Deadline) -> float | None:
    """Seconds to wait before the next try; None when there must be no other."""
    if pause is None or not call.is_repeatable:
        return None
    wait = max(failure.retry_after or 0.0, pause * random.uniform(1, 1.5))  # noqa: S311 - only spreads load
    return wait if wait < deadline.remaining() else None


def _log(call: Call, status: int | None, code: int | None, started: float, failure: PortOneError | None = None) -> None:
    took = (time.monotonic() - started) * 1000
    level = logging.DEBUG if failure is None else logging.INFO if isinstance(failure, Refused) else logging.WARNING
    outcome = "answered" if failure is None else type(failure).__name__
    logger.log(level, "%s: %s, status=%s code=%s %.0f ms", call.name, outcome, status, code, took)
