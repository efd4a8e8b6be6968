"""Baseline (b): one Celery task per subscription, as in a tutorial. `celery -A benchmarks.naive_celery worker -c 2`"""

import os

import requests
from celery import Celery

app = Celery("naive", broker=os.environ.get("BROKER", "memory://"))
app.conf.task_ignore_result = True

import django  # noqa: E402

django.setup()
from django.utils.timezone import now, timedelta  # noqa: E402

from .models import Subscription  # noqa: E402

GATEWAY = os.environ["GATEWAY"]


def get_token():
    answer = requests.post(f"{GATEWAY}/users/getToken", json={"imp_key": "k", "imp_secret": "s"})
    return answer.json()["response"]["access_token"]


@app.task
def charge(pk):
    subscription = Subscription.objects.get(pk=pk)
    period = subscription.period + 1
    answer = requests.post(
        f"{GATEWAY}/subscribe/payments/again",
        json={
            "customer_uid": subscription.customer_uid,
            "merchant_uid": f"sub-{pk}-{period}",
            "amount": subscription.amount,
            "name": "Pro",
        },
        headers={"Authorization": get_token()},
    ).json()
    if answer["code"] == 0 and answer["response"]["status"] == "paid":
        subscription.period = period
        subscription.paid_at = now()
        subscription.next_bill_at += timedelta(days=30)
        subscription.save()


def charge_due():
    """What beat would run."""
    for pk in Subscription.objects.filter(next_bill_at__lte=now()).values_list("pk", flat=True):
        charge.delay(pk)
