"""portone_purge: what it prints and does, and that a dry run does nothing."""

from __future__ import annotations

import datetime as dt
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import translation

from portone_django import clock
from portone_django.flows import retention
from portone_django.models import Event, Heartbeat, Order, WebhookDelivery
from tests.factories import OrderFactory

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, out: StringIO | None = None) -> str:
    out = out or StringIO()
    with translation.override("en"):
        call_command("portone_purge", *arguments, stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def due() -> None:
    """Two orders whose time is over and one whose is not; three old webhooks."""
    orders = OrderFactory.create_batch(3, state="expired")
    then = clock.now() - dt.timedelta(days=3000)
    Order.objects.filter(pk__in=[order.pk for order in orders[:2]]).update(created_at=then)
    for number in range(3):
        WebhookDelivery.objects.create(merchant_uid=f"t{number}", processed_at=then)
    WebhookDelivery.objects.update(last_seen_at=then)


def counts(orders: int, webhooks: int) -> str:
    cards = "cards_blanked=0, cards_given_up=0"
    return f"orders_blanked={orders}, {cards}, webhooks_deleted={webhooks}, comparisons_deleted=0"


def test_it_says_in_one_line_what_it_did(due: None) -> None:
    assert run() == f"Done: {counts(2, 3)}\n"
    assert Order.objects.exclude(blanked_at=None).count() == 2
    assert not WebhookDelivery.objects.exists()
    assert run() == f"Done: {counts(0, 0)}\n"


def test_a_dry_run_prints_the_counts_and_changes_nothing(due: None) -> None:
    models = (Order, WebhookDelivery, Event, Heartbeat)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    line = f"Due, and left as it is: {counts(2, 3)}\n"
    assert run("--dry-run") == line
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


def test_the_limit_is_kept_and_said(due: None) -> None:
    assert run("--limit", "4") == f"Done up to the limit: {counts(2, 2)}\n"
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
def test_nonsense_on_the_command_line_is_refused(limit: str) -> None:
    with pytest.raises(CommandError):
        call_command("portone_purge", "--limit", limit)


def test_somebody_who_watches_sees_a_bar(due: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert "orders_blanked=2" in run(out=Terminal())
    shown = capsys.readouterr().out
    assert "Purge" in shown


def test_wrong_settings_are_told_in_words_and_nothing_is_purged(due: None, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "KEEP_PAYMENT_DAYS": 30}
    with pytest.raises(CommandError, match="전자상거래법 시행령 §6"):
        run()
    assert WebhookDelivery.objects.count() == 3


def test_a_database_that_does_not_answer_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*args: Any) -> int:
        raise OperationalError("could not connect to 10.0.0.7")

    monkeypatch.setattr(retention, "_old_webhooks", silent)
    with pytest.raises(CommandError) as raised:
        run()
    assert str(raised.value) == "The database did not answer (OperationalError)."
