"""A lean PortOne in memory that judges a long run: outside of the app's tables, with a calendar of its own.

The sandbox would do the same and writes each charge to its file in several transactions; over tens of thousands of
charges that alone takes minutes. What is answered here is what the sandbox answered once, with other values.
"""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import requests

from portone_django import clock
from portone_django.flows.uids import bill_uid
from portone_django.sandbox.adapter import SandboxAdapter, _raw
from portone_django.sandbox.calls import Reply, envelope

SEOUL = ZoneInfo("Asia/Seoul")
CHARGE_HOUR = 10
ONE_DAY = dt.timedelta(days=1)
LONGEST_DUNNING = dt.timedelta(days=8)
_TOKEN = {"access_token": "judge", "now": 0, "expired_at": 0}


class Judge(SandboxAdapter):
    """Takes money, says no to `declined` of a thousand charges, and loses `lost` of a thousand answers or requests."""

    def __init__(self, sandbox: Any, sample: dict[str, Any], *, declined: int, lost: int) -> None:
        super().__init__(sandbox)
        self.sample, self.declined, self.lost = sample, declined, lost
        self.records: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.taken_at: dict[str, list[dt.datetime]] = defaultdict(list)
        self.asked: list[str] = []
        self.turned_away = 0
        # PortOne is away: half of what is asked does not even leave.
        self.is_away = False
        # Cards that never decline, by customer_uid.
        self.sure: set[str] = set()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        path = request.path_url.partition("?")[0]
        if self.is_away:
            self.turned_away += 1
            raise (requests.ConnectTimeout if self.turned_away % 2 else requests.ReadTimeout)("PortOne is away")
        if path == "/users/getToken":
            now = int(clock.wall().timestamp())
            reply = envelope({**_TOKEN, "now": now, "expired_at": now + 1800})
        elif path == "/subscribe/payments/again":
            reply = self._again(json.loads(request.body or b"{}"))
        elif path.startswith("/payments/findAll/"):
            reply = self._list(self.records.get(path.rpartition("/")[2], []))
        elif path.startswith("/subscribe/customers/") and path.endswith("/payments"):
            card = path.split("/")[3]
            reply = self._list(
                [each for some in self.records.values() for each in some if each["customer_uid"] == card]
            )
        else:
            raise AssertionError(f"the judge knows no {request.method} {path}")
        return self._builder.build_response(request, _raw(reply, request))

    def _list(self, records: list[dict[str, Any]]) -> Reply:
        return envelope({"total": len(records), "previous": 0, "next": 0, "list": records})

    def _again(self, body: dict[str, Any]) -> Reply:
        uid = body["merchant_uid"]
        self.asked.append(uid)
        # The same every time the test is run: by the number of the charge, not by its uid, which is drawn.
        luck = int.from_bytes(hashlib.sha256(b"%d" % len(self.asked)).digest()[:4]) % 1000
        if luck < self.lost // 2:
            raise requests.ReadTimeout("lost on its way there")
        is_declined = luck >= 1000 - self.declined and body["customer_uid"] not in self.sure
        number = sum(map(len, self.records.values())) if len(self.asked) < 2 else len(self.asked)
        now = int(clock.wall().timestamp())
        record = {
            **self.sample,
            "imp_uid": f"imps_{number:012d}",
            # PortOne's clock: a record five minutes older than its attempt is not believed, and a run takes longer.
            "started_at": now,
            "paid_at": 0 if is_declined else now,
            "failed_at": now if is_declined else 0,
            "merchant_uid": uid,
            "customer_uid": body["customer_uid"],
            "amount": body["amount"],
            "name": body["name"],
            "status": "failed" if is_declined else "paid",
            "fail_reason": "[1254] 잔액부족" if is_declined else None,
        }
        self.records[uid].append(record)
        if not is_declined:
            self.taken_at[uid].append(clock.now())
        if luck < self.lost:
            raise requests.ReadTimeout("lost on its way back")
        return envelope(record)


@dataclass
class Customer:
    """What the judge knows of a subscription: nothing that the engine wrote, but its token."""

    token: str
    anchor: dt.date
    unit: str
    ends_at: dt.datetime | None = None
    paid: dict[int, list[dt.datetime]] = field(default_factory=dict)

    def start(self, number: int) -> dt.date:
        """The first day of a period, counted on fingers."""
        steps = number - 1
        if self.unit in ("day", "week"):
            return self.anchor + dt.timedelta(days=steps * {"day": 1, "week": 7}[self.unit])
        year, month = self.anchor.year, self.anchor.month
        for _ in range(steps * (12 if self.unit == "year" else 1)):
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        return dt.date(year, month, min(self.anchor.day, calendar.monthrange(year, month)[1]))

    def due(self, number: int) -> dt.datetime:
        return dt.datetime.combine(self.start(number), dt.time(CHARGE_HOUR), SEOUL)

    def numbers(self, until: dt.datetime) -> list[int]:
        """The periods that are due by then."""
        found = [1]
        while self.due(found[-1] + 1) <= until:
            found.append(found[-1] + 1)
        return found


def judge_all(judge: Judge, customers: list[Customer], drains: list[dt.datetime], until: dt.datetime) -> list[str]:
    """Everything that is wrong, as sentences. `drains` are the moments at which the engine ran."""
    wrong: list[str] = []
    claimed: set[str] = set()
    for each in customers:
        numbers = each.numbers(until)
        for number in numbers:
            taken = []
            for attempt in range(1, 8):
                uid = bill_uid(each.token, number, attempt)
                if uid in judge.taken_at:
                    claimed.add(uid)
                    taken += judge.taken_at[uid]
            if taken:
                each.paid[number] = taken
        wrong += [f"{each.token} {each.unit}: {sentence}" for sentence in _of_one(each, numbers, drains)]
    wrong += [f"{uid} belongs to no period" for uid in set(judge.taken_at) - claimed]
    return wrong


def _too_close(customer: Customer) -> list[str]:
    """What was taken a day late or more is followed by nothing for a day: two at once are nobody's wish."""
    taken = sorted((each, number) for number, times in customer.paid.items() for each in times)
    return [
        f"period {number} was paid {later - earlier} after period {late}, which was late"
        for (earlier, late), (later, number) in pairwise(taken)
        if earlier >= customer.due(late) + ONE_DAY and later < earlier + ONE_DAY
    ]


def _of_one(customer: Customer, numbers: list[int], drains: list[dt.datetime]) -> list[str]:
    wrong = _too_close(customer)
    for number in numbers:
        times, due, following = customer.paid.get(number, []), customer.due(number), customer.due(number + 1)
        if len(times) > 1:
            wrong.append(f"period {number} was paid {len(times)} times")
        if number > 1 and any(each < due for each in times):
            wrong.append(f"period {number} was paid early")
        if any(each >= following for each in times):
            wrong.append(f"period {number} was paid when it was over")
        ends_at = customer.ends_at
        if ends_at is not None and any(each > ends_at for each in times):
            wrong.append(f"period {number} was paid after the end")
        is_wanted = ends_at is None or due < ends_at
        midnight = dt.datetime.combine(customer.start(number + 1), dt.time(0), SEOUL)
        # Declined near the end of the run, it may still be tried.
        is_over = due + LONGEST_DUNNING <= drains[-1]
        end = min(midnight, ends_at) if ends_at is not None else midnight
        had_a_chance = any(due <= each < end for each in drains)
        if number > 1 and is_wanted and had_a_chance and is_over and not times:
            wrong.append(f"period {number} was not paid")
        if number > 1 and not had_a_chance and times:
            wrong.append(f"period {number} was paid although nobody worked in it")
    return wrong
