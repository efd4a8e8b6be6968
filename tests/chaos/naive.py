"""The engine that most shops write: a new uid for each try, and another try after any error. Kept to be caught."""

from __future__ import annotations

import random
import secrets
import time

from django.db import connection

PRICE = 9900
TRIES = 5


def run() -> None:
    """Charge whoever is due until nobody is."""
    while uids := _due():
        for uid in uids:
            _charge(uid)


def _due() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer_uid FROM chaos_naive WHERE state = 'due'")
        uids = [row[0] for row in cursor.fetchall()]
    random.shuffle(uids)
    return uids[:20]


def _charge(customer_uid: str) -> None:
    from portone_django.gateway import PortOneError, get_client

    for _ in range(TRIES):
        try:
            record = get_client().again(
                customer_uid=customer_uid,
                merchant_uid=f"naive{secrets.token_hex(12)}",
                amount=PRICE,
                name="구독",
                deadline=1.0,
            )
        except PortOneError:
            time.sleep(0.05)
            continue
        with connection.cursor() as cursor:
            cursor.execute("UPDATE chaos_naive SET state = %s WHERE customer_uid = %s", [record.status, customer_uid])
        return
