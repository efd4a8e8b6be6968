"""Messages are hints: what they carry, who may read them, and what a broker that is away costs."""

from __future__ import annotations

import ast
import inspect
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import kombu.exceptions
import pytest

from portone_django import tasks
from portone_django.flows import nudges
from portone_django.models import BillingCycle, Payment, Subscription, WebhookDelivery
from tests.members import Members
from tests.shop import Shop

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for folder in ("portone_django", "example_project") for path in (ROOT / folder).rglob("*.py"))
NAMES = ("charge_due", "process_webhooks", "purge", "reconcile")
# A message that waits for longer than Redis' visibility timeout is delivered in a loop.
LONGEST_COUNTDOWN = 600


@pytest.fixture
def project() -> Iterator[celery.Celery]:
    """A project's Celery app on a broker in memory."""
    before = celery.current_app._get_current_object()
    app = celery.Celery("project", broker="memory://")
    app.conf.task_default_queue = f"tasks-{time.monotonic_ns()}"
    app.set_current()
    yield app
    before.set_current()


@pytest.fixture
def silent_broker() -> Iterator[celery.Celery]:
    """A project whose broker takes the connection and says nothing, as behind a firewall."""
    before = celery.current_app._get_current_object()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        app = celery.Celery("project", broker=f"amqp://guest:guest@127.0.0.1:{listener.getsockname()[1]}//")
        app.set_current()
        yield app
    before.set_current()
    for thread in threading.enumerate():
        if thread.name.startswith("nudge"):
            thread.join(10)


def _constants(tree: ast.Module) -> dict[str, object]:
    """The names that a file gives to numbers at its top."""
    given = [each for each in tree.body if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)]
    return {
        name.id: each.value.value  # type: ignore[attr-defined]
        for each in given
        for name in each.targets
        if isinstance(name, ast.Name)
    }


def far_away(source: str) -> list[str]:
    """The places of a source that send a message for later than ten minutes, or nobody knows when."""
    found = []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for keyword in node.keywords if isinstance(node, ast.Call) else ():
            seconds = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if isinstance(keyword.value, ast.Name):  # a constant of the same file
                seconds = _constants(tree).get(keyword.value.id)
            is_soon = isinstance(seconds, int | float) and seconds <= LONGEST_COUNTDOWN
            if keyword.arg == "eta" or (keyword.arg == "countdown" and not is_soon):
                found.append(f"line {node.lineno}: {keyword.arg}")
    return found


def test_no_message_is_sent_for_a_distant_time() -> None:
    """F5: dates are in the database."""
    assert {str(path): found for path in SOURCES if (found := far_away(path.read_text(encoding="utf-8")))} == {}
    assert far_away("task.apply_async(countdown=601)") == ["line 1: countdown"]
    assert far_away("task.apply_async(eta=due)") == ["line 1: eta"]
    assert far_away("task.apply_async(countdown=600)") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_json_without_any_argument(project: celery.Celery, name: str) -> None:
    """F7: what the work is, a worker reads from the database."""
    project.tasks[f"portone_django.{name}"].delay()
    with project.connection() as connection:
        message = connection.SimpleQueue(project.conf.task_default_queue).get(timeout=30)
    args, kwargs, _options = message.payload
    assert (message.content_type, args, kwargs) == ("application/json", [], {})


def test_a_pickled_message_is_not_read(project: celery.Celery) -> None:
    """F7: whoever can write to the broker must not run code in the workers."""
    queue = kombu.Queue(project.conf.task_default_queue, routing_key=project.conf.task_default_queue)
    with project.connection() as connection:
        consumer = connection.Consumer([queue], accept=project.conf.accept_content, callbacks=[_unreachable])
        producer = connection.Producer(serializer="pickle")
        producer.publish({"task": "portone_django.charge_due"}, routing_key=queue.routing_key)
        with consumer, pytest.raises(kombu.exceptions.ContentDisallowed):
            connection.drain_events(timeout=30)


def _unreachable(*arguments: Any) -> None:
    raise AssertionError("the message was read")


def test_every_task_is_among_these(project: celery.Celery) -> None:
    assert {name for name in project.tasks if name.startswith("portone_django.")} == {
        f"portone_django.{name}" for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_no_result_is_kept(name: str) -> None:
    """F8: a result backend would keep exceptions with what they carry."""
    assert getattr(tasks, name).ignore_result is True


@pytest.mark.parametrize("name", NAMES)
def test_a_task_can_be_called_by_the_version_before_and_by_the_one_after(name: str) -> None:
    """F9: the parameters that a later version adds must have defaults, as these would."""
    parameters = inspect.signature(getattr(tasks, name).run).parameters.values()
    assert [each.name for each in parameters if each.default is inspect.Parameter.empty] == []


@pytest.mark.django_db
def test_a_worker_leaves_a_subscription_of_a_later_version_alone(members: Members) -> None:
    """F9: a rolling deploy runs old workers on new rows for a while."""
    later, ours = members.subscribed(), members.subscribed()
    members.move_to(ours)
    Subscription.objects.filter(pk=later.pk).update(state="someday")
    members.engine()
    later.refresh_from_db()
    assert (later.state, later.next_bill_at is not None) == ("someday", True)
    assert members.taken(later) == [9900]
    assert members.taken(ours) == [9900, 9900]
    Subscription.objects.filter(pk=later.pk).update(state="active")
    members.move_to(later)
    members.engine()
    assert members.taken(later) == [9900, 9900], "the new version bills it"


@pytest.mark.django_db
def test_a_worker_leaves_a_charge_of_a_later_version_alone(members: Members) -> None:
    subscription, ours = members.subscribed(), members.subscribed()
    members.sandbox.faults.add("timeout_before", path="/subscribe/payments/again", times=1)
    members.renew(subscription)
    strange = Payment.objects.exclude(charge_due_at=None).get()
    Payment.objects.filter(pk=strange.pk).update(state="someday")
    members.ask_again()
    for _ in range(8):
        members.engine()
        members.ask_again()
    strange.refresh_from_db()
    assert (strange.state, strange.crash_count, strange.charge_due_at is not None) == ("someday", 0, True)
    assert BillingCycle.objects.filter(subscription=ours, state="paid").count() == 2


def test_a_broker_that_says_nothing_holds_up_no_caller(silent_broker: celery.Celery) -> None:
    """F3: the message is sent best effort, beside the request."""
    began = time.monotonic()
    nudges.nudge("portone_django.charge_due")
    assert time.monotonic() - began < 2


@pytest.mark.django_db
def test_a_webhook_is_answered_at_once_and_kept_while_the_broker_is_away(
    shop: Shop, silent_broker: celery.Celery
) -> None:
    order = shop.order()
    started, imp_uid = shop.pay(order)
    began = time.monotonic()
    response = shop.webhook(merchant_uid=started["params"]["merchant_uid"], imp_uid=imp_uid, status="paid")
    assert time.monotonic() - began < 3
    assert response.status_code == 200
    assert WebhookDelivery.objects.count() == 1


def test_a_broker_that_refuses_is_no_fault(caplog: Any) -> None:
    before = celery.current_app._get_current_object()
    celery.Celery("project", broker="amqp://guest:guest@127.0.0.1:9//").set_current()
    try:
        nudges.nudge("portone_django.charge_due")
        for thread in threading.enumerate():
            if thread.name == "nudge portone_django.charge_due":
                thread.join(10)
    finally:
        before.set_current()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert "celery" in sys.modules
