"""What waits: for the sweep, for a receiver, or for a human."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...clock import later
from ...models import Event, Payment, WebhookDelivery
from .findings import Finding, Level

# Leases, back-off and one slow sweep are over by then.
OVERDUE_SECONDS = 15 * 60

_AREA = "backlog"


def examine_backlog() -> Iterator[Finding]:
    """Counts of what waits; silence is one line."""
    found = [*_overdue(), *_for_a_human(), *_parked()]
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
            _("Compare in the admin and in PortOne's console, and cancel there what is not yours to keep."),
        ),
        (
            Payment.objects.is_held(),
            _("%(count)d paid but not settled (twice, too late, or another amount): %(some)s"),
            _("Decide in the admin and in PortOne's console whether the money goes back."),
        ),
    ]
    for payments, text, hint in questions:
        if count := payments.count():
            yield Finding(_AREA, Level.WARNING, text % {"count": count, "some": _some(payments, "merchant_uid")}, hint)


def _parked() -> Iterator[Finding]:
    parked = Event.objects.all().is_parked()
    if count := parked.count():
        text = _("%(count)d events were refused by a receiver ten times: %(some)s")
        hint = _("The log of portone_django.events names the receiver. The shop does not know of these facts yet.")
        yield Finding(_AREA, Level.FAILURE, text % {"count": count, "some": _some(parked, "kind")}, hint)


def _some(rows: QuerySet[Payment] | QuerySet[Event], field: str) -> str:
    """The first few, to look for."""
    values = [str(value) for value in rows.order_by("pk").values_list(field, flat=True)[:4]]
    return ", ".join(values[:3]) + (", …" if len(values) > 3 else "")
