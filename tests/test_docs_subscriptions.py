"""The code blocks of docs/subscriptions.md are true: they run here against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portone_django.conf import Config, Dunning
from portone_django.flows import charging
from portone_django.models import Payment, Price, Subscription
from tests.members import NO_FUNDS, Members

PAGE = (Path(__file__).parents[1] / "docs" / "subscriptions.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- block: (\w+) -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL))

pytestmark = pytest.mark.django_db(transaction=True)


def run(block: str, **names: Any) -> dict[str, Any]:
    exec(BLOCKS[block], names)
    return names


def test_every_block_is_run_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BLOCKS if f'run("{name}"' not in source] == []
    assert PAGE.count("```python") == len(BLOCKS)


def test_a_card_is_named_and_checked(members: Members) -> None:
    user = members.user()
    members.card(user).make_default()
    assert run("cards", user=user)["card"].label == "회사 카드"


def test_an_adapter_gives_the_telephone_number(members: Members) -> None:
    user = members.user()
    user.profile = SimpleNamespace(phone="010-1111-2222")
    assert run("adapter")["Adapter"]().buyer(user)["buyer_tel"] == "010-1111-2222"


def test_a_charge_that_is_paid_is_worded(members: Members) -> None:
    assert run("charge", card=members.card(members.user()))["message"] == "결제되었습니다."


def test_a_declined_charge_is_worded(members: Members) -> None:
    assert run("charge", card=members.card(members.user(), NO_FUNDS))["message"] == "[1254] 잔액부족"


def test_an_undecided_charge_is_worded(members: Members) -> None:
    members.sandbox.faults.add("timeout_after", path="/subscribe/payments/again")
    assert run("charge", card=members.card(members.user()))["message"] == "결제를 확인하고 있습니다."


def test_a_plan_has_prices() -> None:
    run("plan")
    assert list(Price.objects.values_list("code", flat=True)) == ["pro-monthly", "pro-yearly"]


def test_a_subscription_begins(members: Members) -> None:
    user = members.user()
    names = run("subscribe", user=user, monthly=members.price(), card=members.card(user))
    assert names["message"] == "구독을 시작했습니다."


def test_who_may_use_it(members: Members) -> None:
    subscription = members.subscribed()
    run("access", user=subscription.customer)


def test_cancel_resume_and_another_card(members: Members) -> None:
    subscription = members.subscribed()
    run("life", subscription=subscription, card=members.card(subscription.customer))
    subscription.refresh_from_db()
    assert (subscription.state, subscription.end_reason) == ("ended", "cancelled")


def test_the_receivers_take_what_the_signals_send(members: Members, caplog: pytest.LogCaptureFixture) -> None:
    names = run("receiver")
    members.subscribed().cancel(when="now")
    for signal, function in (("subscription_started", "let_in"), ("subscription_ended", "let_out")):
        assert names[signal].disconnect(names[function]), "it was connected"
    assert "it will be called again" not in caplog.text


def test_the_page_says_what_the_code_does() -> None:
    states = set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE))
    assert states == set(Subscription.State.values) | (set(Payment.Decline.values) - {""})
    assert Dunning() == Dunning(days=(1, 3, 5, 7), then="end")
    assert (Config().grace_days, Config().charge_hour, Config().minimum_charge) == (7, 10, 100)
    assert charging.MOST_SENDS == 3
