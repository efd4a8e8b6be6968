"""What every journey is judged by, beside the page: the sandbox's ledger and our own rows."""

from __future__ import annotations

from portone_django.models import Event, Order, Payment

from .site import Site


def is_paid_once(site: Site, order: Order) -> None:
    """One charge of the whole amount in the ledger, one paid attempt, one effect."""
    site.sandbox.flush_webhooks()
    order.refresh_from_db()
    assert site.charged() == [order.amount]
    assert order.state == "paid"
    assert Payment.objects.filter(order=order, state="paid", paid_slot=order.pk).count() == 1
    assert Event.objects.filter(order=order, kind="order.paid").count() == 1


def is_unpaid(site: Site, order: Order, *attempts: str, state: str = "open") -> None:
    """Nobody was charged; the order is in that state and its attempts, oldest first, in theirs."""
    site.sandbox.flush_webhooks()
    order.refresh_from_db()
    assert site.charged() == []
    assert order.state == state
    assert states(order) == list(attempts)


def states(order: Order) -> list[str]:
    """The states of the order's attempts, oldest first."""
    return list(Payment.objects.filter(order=order).order_by("attempt_no").values_list("state", flat=True))


def told(site: Site, order: Order) -> list[str]:
    """PortOne's statuses of all records of the order, oldest attempt first."""
    return [record["status"] for record in site.records(order)]
