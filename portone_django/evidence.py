"""What the records of one `merchant_uid` prove, as a join: order, repeats and stale reads cannot matter.

Pure rules. One record only moves up its own ladder (ready < account issued < failed < paid, since a failed
window can turn out paid and an issued account can be closed). Between several records of one uid the
highest standing wins (failed < ready < account issued < paid): a left window must not hide a paid one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

READY, ISSUED, FAILED, PAID = "ready", "issued", "failed", "paid"
_PROGRESS = {READY: 1, ISSUED: 2, FAILED: 3, PAID: 4}
_STANDING = {FAILED: 1, READY: 2, ISSUED: 3, PAID: 4}
MAX_RECORDS = 100

Seen = Mapping[str, str]


class RecordLike(Protocol):
    """The fields of a fetched payment that decide what it proves."""

    @property
    def imp_uid(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def pay_method(self) -> str | None: ...
    @property
    def vbank_num(self) -> str | None: ...


def finding(record: RecordLike) -> str | None:
    """What one record proves: ready, issued, failed, paid; None for a status we do not know.

    `cancelled` proves paid: PortOne V1 writes it on a payment that was received and then cancelled, in part or
    in full. `ready` is a virtual account only with its number (a left window is `ready` too).
    """
    if record.status in ("paid", "cancelled"):
        return PAID
    if record.status == "failed":
        return FAILED
    if record.status == "ready":
        return ISSUED if record.pay_method == "vbank" and record.vbank_num else READY
    return None


def join(seen: Seen, records: Iterable[RecordLike]) -> dict[str, str]:
    """What was seen before and what is seen now, the further of the two per record."""
    joined = dict(seen)
    for record in records:
        found = finding(record)
        if found is None:
            continue
        known = joined.get(record.imp_uid)
        if known is None and len(joined) >= MAX_RECORDS and _STANDING[found] < _STANDING[ISSUED]:
            continue
        if known is None or _PROGRESS[found] > _PROGRESS[known]:
            joined[record.imp_uid] = found
    return joined


def verdict(seen: Seen) -> str | None:
    """What all records together prove; None when there is none."""
    return max(seen.values(), key=_STANDING.__getitem__, default=None)


def holders(seen: Seen, found: str) -> list[str]:
    """The imp_uids that prove exactly that."""
    return [imp_uid for imp_uid, each in seen.items() if each == found]
