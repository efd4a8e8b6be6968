"""The Sandbox: one simulated PortOne account over one sqlite3 file, with the verbs of buyers, operators and testers.

What the REST API does is in `api/`; both sides meet here. Several threads and processes may use one file.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from . import cancelling, catalogue, checkout, deciding, escrow, magic, opening, scheduling
from .diary import Diary
from .documents import Documents
from .faults import Faults
from .keys import Keys
from .options import base_dir, line_of_another_file, read_options
from .payments import Held, Payments
from .records import Record
from .refusals import Refused, WindowRefused
from .schedules import Schedules
from .store import Store, Unopenable
from .switches import Switches
from .tokens import Tokens
from .webhooks import Webhooks

__all__ = ["Refused", "Sandbox", "Unopenable", "WindowRefused", "get_sandbox", "use_sandbox"]

_INSTALMENT_MINIMUM = 50_000
_slow: contextvars.ContextVar[tuple[float, Callable[[], None]] | None] = contextvars.ContextVar("slow", default=None)


class Sandbox:
    """`settings`, `faults`, `webhooks`, `payments`, `keys`, `schedules`, `tokens` and `diary` are its parts."""

    def __init__(
        self,
        path: str | Path,
        *,
        imp_key: str = "sandbox-key",
        imp_secret: str = "sandbox-secret",  # noqa: S107 - a made-up account
        user_code: str = "imp00000000",
        webhook_url: str = "",
    ) -> None:
        self.imp_key, self.imp_secret, self.user_code = imp_key, imp_secret, user_code
        self.webhook_url = webhook_url  # the setting of that name, when it is not empty, wins
        self.store = Store(path)
        self.settings = Switches(self.store)
        self.diary = Diary(self.store)
        self.faults = Faults(self.store)
        self.tokens = Tokens(self.store)
        self.payments = Payments(self.store)
        self.keys = Keys(self.store)
        self.schedules = Schedules(self.store)
        self.receipts = Documents(self.store, "receipt")
        self.external_receipts = Documents(self.store, "external_receipt")
        self.deliveries = Documents(self.store, "escrow")
        self.certifications = Documents(self.store, "certification")
        self.duplicates = Duplicates(self)
        self.webhooks = Webhooks(self)

    # The window -------------------------------------------------------------------------------------------------

    def open_window(self, params: dict[str, Any], *, device: str, user_agent: str) -> Record:
        """Make a `ready` record from IMP.request_pay parameters; `device` is "pc" or "mobile". Raises WindowRefused."""
        self.tick()
        return opening.open_window(self, params, device=device, user_agent=user_agent)

    def window_params(self, imp_uid: str) -> dict[str, Any]:
        """The parameters that the window was opened with; empty for payments without a window."""
        held = self.payments.get(imp_uid)
        return dict(held.facts.get("params") or {}) if held else {}

    def approve(
        self,
        imp_uid: str,
        *,
        pay_method: str | None = None,
        card_code: str | None = None,
        card_quota: int = 0,
        card_number: str | None = None,
        bank_code: str | None = None,
        emb_pg_provider: str | None = None,
    ) -> Record:
        """The buyer pays; see checkout.approve."""
        return checkout.approve(
            self,
            imp_uid,
            pay_method=pay_method,
            card_code=card_code,
            card_quota=card_quota,
            card_number=card_number,
            bank_code=bank_code,
            emb_pg_provider=emb_pg_provider,
        )

    def issue_vbank(self, imp_uid: str, *, bank_code: str) -> Record:
        return checkout.issue_vbank(self, imp_uid, bank_code=bank_code)

    def fail(self, imp_uid: str, reason: str = checkout.USER_CANCEL) -> Record:
        return checkout.fail(self, imp_uid, reason)

    def deposit(self, imp_uid: str) -> Record:
        return checkout.deposit(self, imp_uid)

    def escrow(self, imp_uid: str, verb: str, reason: str | None = None) -> Record:
        """The buyer of an escrow sale decides, or time or the merchant does; `verb` is one of escrow.MOVES."""
        return escrow.act(self, imp_uid, verb, reason)

    # The console ------------------------------------------------------------------------------------------------

    def console_cancel(self, imp_uid: str, amount: int | None = None, reason: str = "관리자페이지취소") -> Record:
        """A human cancels: webhook `cancelled` with its cancellation_id. Raises Refused as the API would answer."""
        return cancelling.cancel(
            self, cancelling.Cancel(imp_uid=imp_uid, amount=amount, reason=reason, enable_webhook=True, by_console=True)
        )

    def cancel_at_inicis(self, imp_uid: str) -> None:
        """Cancelled in Inicis' own admin, or by its nightly run for test payments: PortOne stays `paid`."""
        with self.store.write():
            held = self.payments.require(imp_uid)
            held.facts["pg_cancelled"] = True
            self.payments.save(held, self.now())

    # The ledger -------------------------------------------------------------------------------------------------

    def transactions(self, limit: int = 100) -> list[Record]:
        """The newest first: the whole truth, faults of reading ignored."""
        return [held.record for held in self.payments.newest(limit)]

    def payment(self, imp_uid: str) -> Record:
        return self.payments.require(imp_uid).record

    def payments_of(self, merchant_uid: str) -> list[Record]:
        return [held.record for held in self.payments.of(merchant_uid)]

    def prepared(self, merchant_uid: str) -> Record | None:
        """The registered amount: merchant_uid, amount, currency (None = any)."""
        with self.store.read() as db:
            row = db.execute("SELECT * FROM prepared WHERE merchant_uid = ?", (merchant_uid,)).fetchone()
        return dict(row) if row else None

    # Time -------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Unix seconds of the sandbox's clock."""
        return int(self.instant())

    def instant(self) -> float:
        return time.time() + float(self.settings["offset"])

    def advance(self, seconds: float) -> int:
        """Move the clock forward (or back) and let happen what is due; returns the new time."""
        self.settings.set(offset=self.settings["offset"] + seconds)
        self.tick()
        return self.now()

    def tick(self) -> None:
        """Run the schedules and late payments that are due. Every request does it first."""
        instant = self.instant()
        scheduling.run_due(self, int(instant))
        if not self.payments.late(instant):
            return
        with self.store.write():
            for held in self.payments.late(instant):
                deciding.pay_late(self, held)

    # Testers ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything: payments, keys, faults, settings, webhooks, the clock's offset."""
        self.store.clear()

    def flush_webhooks(self, timeout: float = 10.0) -> int:
        """Send what is queued, held or delayed and wait until all are answered; returns how many this call sent."""
        return self.webhooks.flush(timeout)

    def note(self, kind: str, text: str) -> None:
        self.diary.note(kind, text, self.now())

    def close(self) -> None:
        self.webhooks.close()
        self.store.close()

    # What the account has and how it decides --------------------------------------------------------------------

    def channels(self) -> list[Record]:
        configured: list[Record] | None = self.settings["channels"]
        return configured if configured is not None else catalogue.CHANNELS

    def channel(self, channel_key: Any = None, pg: Any = None, *, billing: bool = False) -> Record | None:
        """By channelKey, else by pg ("html5_inicis.MID", or the provider's first); None when there is no such one."""
        if channel_key:
            return next((c for c in self.channels() if c.get("channel_key") == channel_key), None)
        provider, _, mid = str(pg or "").partition(".")
        if not provider:
            return None
        of_provider = [c for c in self.channels() if c["pg_provider"] == provider or (billing and provider == "inicis")]
        if mid:
            return next((c for c in of_provider if c["pg_id"] == mid), None)
        return next((c for c in of_provider if bool(c.get("billing")) == billing), None)

    def webhook_urls(self) -> list[str]:
        """Where webhooks go without a notice_url: the console's address, if there is one."""
        url = self.settings["webhook_url"] or self.webhook_url
        return [url] if url else []

    def decline(self, held: Held, card_decline: str | None, quota: int) -> str | None:
        """Why the card network says no, in Inicis' words, or None."""
        fault = self.faults.in_ledger("decline", held.merchant_uid)
        code = str(fault.options.get("code", "1254")) if fault else card_decline
        code = code or magic.decline_of_amount(held.record["amount"])
        if code:
            return magic.fail_reason(code)
        if quota >= 2 and held.record["amount"] < _INSTALMENT_MINIMUM:
            return "[1206] 할부금액 오류"
        return None

    def wait_for_approval(self) -> None:
        """The time between arrival and record, in which two sends of one merchant_uid can be in flight."""
        seconds = float(self.settings["approval_seconds"])
        slow = _slow.get()
        if slow is not None:
            seconds = max(seconds, slow[0])
            slow[1]()
        if seconds > 0:
            time.sleep(seconds)

    @contextmanager
    def slow_approval(self, seconds: float, arrived: Callable[[], None]) -> Iterator[None]:
        """Within this context approvals take at least so long; `arrived` is called when such a wait begins."""
        token = _slow.set((seconds, arrived))
        try:
            yield
        finally:
            _slow.reset(token)


class Duplicates:
    """Whether a merchant_uid is refused because it is paid, by the `duplicate_mode`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def is_refused(self, merchant_uid: str, *, but: str = "", at_record: bool = False) -> bool:
        """On arrival in the modes strict and weak; `at_record`, in the writing transaction, only in strict."""
        mode = self._sandbox.settings["duplicate_mode"]
        if mode == "none" or (at_record and mode == "weak"):
            return False
        return self._sandbox.payments.is_charged(merchant_uid, but=but)


_of_process: Sandbox | None = None
_making = threading.Lock()


def get_sandbox() -> Sandbox:
    """The one of this process, made at first use from the Django setting PORTONE_SANDBOX (see options.py)."""
    global _of_process
    with _making:
        if _of_process is None:
            _of_process = _configured()
        return _of_process


def _configured() -> Sandbox:
    options = read_options()
    try:
        return Sandbox(
            base_dir() / options.db,
            imp_key=options.imp_key,
            imp_secret=options.imp_secret,
            user_code=options.user_code,
            webhook_url=options.webhook_url,
        )
    except Unopenable as error:
        raise ImproperlyConfigured(f"{error} {line_of_another_file(options.db)}") from error


def use_sandbox(sandbox: Sandbox | None) -> None:
    """Make `sandbox` the one of this process; None lets the setting decide anew."""
    global _of_process
    _of_process = sandbox
