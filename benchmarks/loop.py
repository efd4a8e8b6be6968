"""Baseline (a): a loop with our guarantees and nothing else. `python -m benchmarks.loop THREADS`, any number of them.

A claim is one transaction: it writes the charge of the period (there can be one), leased, and moves the subscription
on. Then each charge: the intent committed, sent, the result committed by itself with its outbox row.
"""

import datetime as dt
import os
import queue
import secrets
import sys
import threading

import django
import requests

django.setup()
from django.db import transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from .models import Charge, Outbox, Subscription  # noqa: E402

GATEWAY, LEASE = os.environ["GATEWAY"], dt.timedelta(seconds=120)


def claim(limit):
    with transaction.atomic():
        due = Subscription.objects.filter(next_bill_at__lte=now()).order_by("next_bill_at")
        taken = list(due.select_for_update(skip_locked=True)[:limit])
        onward = {"period": F("period") + 1, "next_bill_at": F("next_bill_at") + dt.timedelta(days=30)}
        Subscription.objects.filter(pk__in=[each.pk for each in taken]).update(**onward)
        fields = [{"subscription": each, "period": each.period + 1, "due_at": now() + LEASE} for each in taken]
        return Charge.objects.bulk_create(Charge(merchant_uid=f"t{secrets.token_hex(16)}", **each) for each in fields)


def charge(session, row):
    mine = Charge.objects.filter(pk=row.pk, state="planned", due_at__gt=now())
    if not mine.update(state="sending", sent_at=now(), due_at=now() + LEASE):
        return
    customer_uid, amount = row.subscription.customer_uid, row.subscription.amount
    asked = {"merchant_uid": row.merchant_uid, "customer_uid": customer_uid, "amount": amount, "name": "Pro"}
    try:
        settle(row, session.post(f"{GATEWAY}/subscribe/payments/again", json=asked, timeout=45).json()["response"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        Charge.objects.filter(pk=row.pk).update(state="unknown")  # looked up when its lease is over


def settle(row, found):
    is_paid = found["status"] == "paid" and found["amount"] == row.subscription.amount
    state = "paid" if is_paid and found["merchant_uid"] == row.merchant_uid else "failed"
    facts = {name: found[name] or "" for name in ("imp_uid", "pg_tid", "receipt_url", "fail_reason")}
    with transaction.atomic():
        undecided = Charge.objects.filter(pk=row.pk).exclude(state=state)
        if undecided.update(state=state, due_at=None, paid_at=now(), **facts):
            Outbox.objects.create(kind=f"charge.{state}", charge=row)


def look_up(session):
    for row in Charge.objects.select_related("subscription").filter(due_at__lte=now())[:100]:
        answer = session.get(f"{GATEWAY}/payments/findAll/{row.merchant_uid}", timeout=45).json()
        if answer["code"] == 0:
            settle(row, answer["response"]["list"][0])
        elif Charge.objects.filter(pk=row.pk, due_at=row.due_at).update(state="planned", due_at=now() + LEASE):
            charge(session, row)  # under the same uid


if __name__ == "__main__":
    threads, session, rows = int(sys.argv[1]), requests.Session(), queue.Queue(int(sys.argv[1]))
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))
    token = session.post(f"{GATEWAY}/users/getToken", json={"imp_key": "k", "imp_secret": "s"}).json()["response"]
    session.headers["Authorization"] = token["access_token"]
    look_up(session)
    for _ in range(threads):
        threading.Thread(target=lambda: [charge(session, row) for row in iter(rows.get, None)]).start()
    while taken := claim(threads * 4):
        for row in taken:
            rows.put(row)
    for _ in range(threads):
        rows.put(None)
