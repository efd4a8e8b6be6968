"""A mail server that fails, and two processes: each mail goes out once, and neither money nor signals wait for it."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import smtplib
import socket
import threading
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as Memory
from django.db import connection, transaction
from django.utils import timezone

from portone_django import signals
from portone_django.adapter import Adapter
from portone_django.clock import later, tick
from portone_django.flows import notices
from portone_django.flows.dispatch import new_event, record
from portone_django.flows.notices import send_due
from portone_django.flows.reconciliation import reconcile
from portone_django.models import Event
from tests import factories
from tests.mailbox import mails, make_due, use_adapter
from tests.members import NO_FUNDS, Members

pytestmark = pytest.mark.django_db


class Broken(Memory):
    """A mail server that refuses those it is told to refuse."""

    refused: set[str] = set()
    seen: list[str] = []

    def send_messages(self, messages: Any) -> int:
        type(self).seen += [message.to[0] for message in messages]
        if any(message.to[0] in self.refused or "*" in self.refused for message in messages):
            raise ConnectionResetError("the mail server hung up")
        return super().send_messages(messages)


class Absent(BaseEmailBackend):
    """A mail server that is not there."""

    why: Exception = ConnectionRefusedError()

    def open(self) -> bool:
        raise self.why


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Broken]:
    monkeypatch.setattr(Broken, "refused", {"*"})
    monkeypatch.setattr(Broken, "seen", [])
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    return Broken


def waiting(count: int) -> None:
    """So many mails that are due, as rows."""
    with transaction.atomic():
        for number in range(count):
            user = factories.UserFactory(email=f"{number}@example.com")
            bill = factories.cycle(factories.subscription(user), state="paid")
            record([new_event("bill.paid", order=bill.order, subscription=bill.subscription)])


def only_line(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The one thing that was said about mails."""
    (said,) = [each for each in caplog.records if each.name == "portone_django.notices"]
    return said


def test_a_mail_that_fails_is_given_back_and_sent_once_later(members: Members, server: type[Broken]) -> None:
    members.subscribed()
    assert mails() == []
    event = Event.objects.get(kind="bill.paid")
    assert event.notified_at is None
    assert event.notice_due_at
    assert 30 < (event.notice_due_at - tick()).total_seconds() <= 60
    assert mails() == [], "not before the pause is over"
    assert len(server.seen) == 1

    server.refused.clear()
    make_due()
    assert len(mails()) == 1
    assert mails() == []


def test_the_pauses_grow_and_old_news_is_not_sent(server: type[Broken]) -> None:
    waiting(1)
    for hours, pause in ((2, 2 * 3600), (40, 6 * 3600)):
        Event.objects.update(created_at=timezone.now() - dt.timedelta(hours=hours), notice_due_at=later(-1))
        send_due()
        due = Event.objects.get().notice_due_at
        assert due
        assert abs((due - tick()).total_seconds() - pause) < 30
    server.refused.clear()
    Event.objects.update(created_at=timezone.now() - dt.timedelta(days=3, seconds=1), notice_due_at=later(-1))
    assert mails() == []
    assert Event.objects.get().notice_due_at is None


def test_one_address_that_is_refused_holds_up_nobody_else(server: type[Broken]) -> None:
    waiting(5)
    server.refused = {"0@example.com", "3@example.com"}
    assert [message.to[0] for message in mails()] == ["1@example.com", "2@example.com", "4@example.com"]


def test_a_mail_server_that_fails_three_times_in_a_row_is_left_alone_until_the_next_sweep(server: type[Broken]) -> None:
    waiting(5)
    assert mails() == []
    assert len(server.seen) == 3
    assert Event.objects.filter(notice_due_at__lte=tick()).count() == 2


def test_a_mail_server_that_is_not_there_costs_one_try_a_sweep_and_loses_nothing(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Absent"
    waiting(2)
    assert send_due() == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert len(mails()) == 2


@pytest.mark.parametrize(
    "why",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        TimeoutError("timed out"),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
    ],
    ids=lambda why: type(why).__name__,
)
def test_a_mail_server_that_is_not_there_is_one_line_with_the_setting_to_write(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: Exception
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Absent"
    monkeypatch.setattr(Absent, "why", why)
    waiting(3)
    assert send_due() == 0
    said = only_line(caplog)
    assert (said.levelname, said.exc_info) == ("ERROR", None)
    assert said.getMessage() == (
        f"The mail server ({__name__}.Absent) does not answer ({type(why).__name__}); 3 mails wait. Write "
        "the one you have: EMAIL_HOST = …, EMAIL_PORT = …, or while developing: "
        'EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"'
    )


def test_a_fresh_project_without_a_mail_server_is_told_where_one_was_looked_for(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it never listens
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = nobody.getsockname()
        waiting(1)
        assert reconcile().notices == 0
    said = only_line(caplog)
    assert f"The mail server ({settings.EMAIL_HOST}:{settings.EMAIL_PORT}) does not answer" in said.getMessage()
    assert said.exc_info is None


@pytest.mark.parametrize("why", [KeyError("host"), FileNotFoundError(errno.ENOENT, "client.pem")], ids=repr)
def test_what_nobody_expected_of_a_mail_server_keeps_its_stack_trace(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: Exception
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Absent"
    monkeypatch.setattr(Absent, "why", why)
    waiting(1)
    assert send_due() == 0
    said = only_line(caplog)
    assert said.getMessage() == f"Mails could not be sent ({type(why).__name__}); 1 wait."
    assert said.exc_info


def test_a_project_whose_template_breaks_gets_its_mails_when_it_is_mended(members: Members, settings: Any) -> None:
    class Slip(Adapter):
        def mail_context(self, event: Event) -> dict[str, Any]:
            raise KeyError("manage")

    members.subscribed()
    before = settings.PORTONE
    use_adapter(settings, Slip)
    assert mails() == []
    settings.PORTONE = before
    make_due()
    assert len(mails()) == 1


def test_an_smtp_server_is_waited_for_ten_seconds_where_the_project_sets_no_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.core.mail.backends.smtp import EmailBackend

    waited: list[Any] = []
    monkeypatch.setattr(EmailBackend, "open", lambda self: waited.append(self.timeout))
    monkeypatch.setattr(EmailBackend, "send_messages", lambda self, messages: len(messages))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    for seconds in (None, 3):
        settings.EMAIL_TIMEOUT = seconds
        waiting(1)
        assert send_due() == 1
        Event.objects.all().delete()
    assert waited == [10, 3]


@pytest.mark.django_db(transaction=True)
def test_a_broken_mail_server_stops_neither_money_nor_signals(members: Members, server: type[Broken]) -> None:
    told: list[Any] = []

    def receiver(*, event: Event, **kwargs: Any) -> None:
        told.append(event.event_id)

    signals.bill_paid.connect(receiver)
    try:
        subscription = members.subscribed()
        report = reconcile()
        make_due()
        reconcile()
    finally:
        signals.bill_paid.disconnect(receiver)
    assert (subscription.state, members.taken(subscription)) == ("active", [9900])
    assert report.notices == 0
    assert len(server.seen) == 2, "tried twice"
    assert len(told) == 1, "no receiver is called again because of a mail"
    assert not Event.objects.filter(dispatched_at=None).exists()


def test_no_mail_is_sent_while_the_money_is_taken(members: Members, server: type[Broken]) -> None:
    members.renew(members.subscribed(NO_FUNDS))
    assert server.seen == []


def test_the_sweep_sends_what_is_due(members: Members) -> None:
    members.subscribed()
    assert reconcile().notices == 1
    assert len(mail.outbox) == 1


def test_a_second_process_that_composed_the_same_mail_does_not_send_it(members: Members, settings: Any) -> None:
    class Overtaken(Adapter):
        is_inner = False

        def mail_context(self, event: Event) -> dict[str, Any]:
            if not Overtaken.is_inner:
                Overtaken.is_inner = True
                assert send_due() == 1, "the other process is faster"
            return {}

    use_adapter(settings, Overtaken)
    members.subscribed()
    mail.outbox.clear()
    assert send_due() == 0
    assert len(mail.outbox) == 1


def test_a_process_that_fails_to_compose_takes_nothing_back_from_the_one_that_sent(
    members: Members, settings: Any
) -> None:
    class Overtaken(Adapter):
        is_inner = False

        def mail_context(self, event: Event) -> dict[str, Any]:
            if Overtaken.is_inner:
                return {}
            Overtaken.is_inner = True
            send_due()
            raise KeyError("manage")

    use_adapter(settings, Overtaken)
    members.subscribed()
    mail.outbox.clear()
    send_due()
    make_due()
    send_due()
    assert len(mail.outbox) == 1


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_eight_processes_send_each_mail_once() -> None:
    waiting(24)
    mail.outbox.clear()
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        send_due()
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(message.to[0] for message in mail.outbox) == sorted(f"{number}@example.com" for number in range(24))


def test_a_sweep_without_mails_opens_no_connection(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Nowhere"
    assert notices.send_due() == 0
