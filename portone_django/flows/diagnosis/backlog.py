"""What waits: for the sweep, for a receiver, or for a human."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...clock import later, wall
from ...models import (
    CashReceipt,
    Comparison,
    Event,
    Payment,
    ReconciliationBreak,
    Refund,
    Subscription,
    WebhookDelivery,
)
from .findings import Finding, Level

# Leases, back-off and one slow sweep are over by then.
OVERDUE_SECONDS = 15 * 60
LONG_UNKNOWN_SECONDS = 24 * 3600
STUCK_COMPARISON = dt.timedelta(days=2)

_AREA = "backlog"


def examine_backlog() -> Iterator[Finding]:
    """Counts of what waits; silence is one line."""
    found = [*_overdue(), *_for_a_human(), *_refunds(), *_receipts(), *_breaks(), *_parked(), *_mails()]
    yield from found
    if not found:
        yield Finding(_AREA, Level.OK, _("Nothing waits for longer than it should."))


def _overdue() -> Iterator[Finding]:
    overdue = later(-OVERDUE_SECONDS)
    if payments := Payment.objects.filter(next_check_at__lte=overdue).count():
        text = ngettext(
            "%(count)d payment should have been asked about over 15 minutes ago.",
            "%(count)d payments should have been asked about over 15 minutes ago.",
            payments,
        )
        yield Finding(_AREA, Level.FAILURE, text % {"count": payments}, "manage.py portone_reconcile")
    if charges := Payment.objects.filter(charge_due_at__lte=overdue).count():
        text = ngettext(
            "%(count)d charge has been due for over 15 minutes.",
            "%(count)d charges have been due for over 15 minutes.",
            charges,
        )
        yield Finding(_AREA, Level.FAILURE, text % {"count": charges}, "manage.py portone_charge_due")
    late = wall() - dt.timedelta(seconds=OVERDUE_SECONDS)
    if bills := Subscription.objects.filter(next_bill_at__lte=late).count():
        text = ngettext(
            "%(count)d subscription should have been billed over 15 minutes ago.",
            "%(count)d subscriptions should have been billed over 15 minutes ago.",
            bills,
        )
        yield Finding(_AREA, Level.FAILURE, text % {"count": bills}, "manage.py portone_charge_due")
    if webhooks := WebhookDelivery.objects.filter(due_at__lte=overdue).count():
        text = ngettext(
            "%(count)d webhook has not been followed up for over 15 minutes.",
            "%(count)d webhooks have not been followed up for over 15 minutes.",
            webhooks,
        )
        yield Finding(_AREA, Level.FAILURE, text % {"count": webhooks}, "manage.py portone_reconcile")


def _for_a_human() -> Iterator[Finding]:
    questions: list[tuple[QuerySet[Payment], str, str]] = [
        (
            Payment.objects.filter(state="unknown"),
            _("%(count)d unknown: %(some)s"),
            _("PortOne is asked again by itself."),
        ),
        (
            Payment.objects.filter(state__in=("quarantined", "review")),
            _("%(count)d held because PortOne's record differs from what was asked: %(some)s"),
            _("Compare and decide in the admin: Decide, on the payment's page."),
        ),
        (
            Payment.objects.is_held(),
            _("%(count)d paid but not settled (twice, too late, or another amount): %(some)s"),
            _("Decide in the admin whether it counts or goes back: Decide, on the payment's page."),
        ),
        (
            Payment.objects.filter(has_surplus=True),
            _("%(count)d taken twice under one merchant_uid and not sent back: %(some)s"),
            _("Send it back in the admin: Decide, on the payment's page."),
        ),
    ]
    for payments, text, hint in questions:
        if count := payments.count():
            yield Finding(_AREA, Level.WARNING, text % {"count": count, "some": _some(payments, "merchant_uid")}, hint)


def _refunds() -> Iterator[Finding]:
    if overdue := Refund.objects.filter(next_check_at__lte=later(-OVERDUE_SECONDS)).count():
        text = ngettext(
            "%(count)d refund should have been carried on over 15 minutes ago.",
            "%(count)d refunds should have been carried on over 15 minutes ago.",
            overdue,
        )
        yield Finding(_AREA, Level.FAILURE, text % {"count": overdue}, "manage.py portone_reconcile")
    unknown = Refund.objects.filter(state="unknown")
    if count := unknown.count():
        text = _("%(count)d refunds unknown: %(some)s")
        hint = _("PortOne is asked again by itself.")
        yield Finding(_AREA, Level.WARNING, text % {"count": count, "some": _some(unknown, "imp_uid")}, hint)
    review = Refund.objects.filter(state="review")
    if count := review.count():
        text = _("%(count)d refunds that nobody can tell about: %(some)s")
        hint = _("Look in PortOne's and KG Inicis' consoles, then decide on the refund's page in the admin.")
        yield Finding(_AREA, Level.FAILURE, text % {"count": count, "some": _some(review, "imp_uid")}, hint)


def _receipts() -> Iterator[Finding]:
    unknown = CashReceipt.objects.filter(state="unknown", sent_at__lte=later(-LONG_UNKNOWN_SECONDS))
    if count := unknown.count():
        text = _("%(count)d cash receipts unknown for over a day: %(some)s")
        hint = _("Look in KG Inicis' console whether they were issued.")
        some = _some(unknown, "payment__merchant_uid")
        yield Finding(_AREA, Level.WARNING, text % {"count": count, "some": some}, hint)


def _breaks() -> Iterator[Finding]:
    if Comparison.objects.filter(open_slot=1, created_at__lte=wall() - STUCK_COMPARISON).exists():
        text = _("The comparison of both books was begun two days ago and does not come to its end.")
        yield Finding(_AREA, Level.FAILURE, text, "manage.py portone_reconcile --compare")
    unexplained = ReconciliationBreak.objects.all().is_unexplained()
    if count := unexplained.count():
        text = _("%(count)d differences between PortOne's books and ours: %(some)s")
        hint = _("manage.py portone_reconcile --compare compares again; explain what is right in the admin.")
        some = _some(unexplained, "merchant_uid")
        yield Finding(_AREA, Level.FAILURE, text % {"count": count, "some": some}, hint)


def _parked() -> Iterator[Finding]:
    parked = Event.objects.all().is_parked()
    if count := parked.count():
        text = _("%(count)d events were refused by a receiver ten times: %(some)s")
        hint = _("The log of portone_django.events names the receiver. The shop does not know of these facts yet.")
        yield Finding(_AREA, Level.FAILURE, text % {"count": count, "some": _some(parked, "kind")}, hint)


def _mails() -> Iterator[Finding]:
    if overdue := Event.objects.filter(notice_due_at__lte=later(-OVERDUE_SECONDS)).count():
        text = ngettext(
            "%(count)d mail to a customer waits for over 15 minutes.",
            "%(count)d mails to customers wait for over 15 minutes.",
            overdue,
        )
        hint = _("manage.py portone_reconcile sends them; the log of portone_django.notices says why it could not.")
        yield Finding(_AREA, Level.WARNING, text % {"count": overdue}, hint)


def _some(rows: QuerySet[Any], field: str) -> str:
    """The first few, to look for."""
    values = [str(value) for value in rows.order_by("pk").values_list(field, flat=True)[:4]]
    return ", ".join(values[:3]) + (", …" if len(values) > 3 else "")
