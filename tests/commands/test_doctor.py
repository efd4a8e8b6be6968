"""portone_doctor: what it says of a live configuration, and when it wakes somebody."""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation

from portone_django.clock import tick
from portone_django.flows.drain import drain
from portone_django.flows.reconciliation import reconcile
from portone_django.gateway import Client, override_client
from portone_django.models import (
    CashReceipt,
    ChannelFacts,
    Comparison,
    Event,
    Heartbeat,
    Plan,
    Price,
    ReconciliationBreak,
    Refund,
    Subscription,
    WebhookDelivery,
)
from tests.factories import OrderFactory, PaymentFactory

LIVE_KEY = "channel-key-22222222-2222-2222-2222-222222222222"
TEST_KEY = "channel-key-00000000-0000-0000-0000-000000000000"
LIVE = {"checkout": {"channel_key": LIVE_KEY, "pg_provider": "html5_inicis", "pg_id": "MOIsandbox", "sandbox": False}}

Findings = list[dict[str, str]]


@pytest.fixture(autouse=True)
def in_english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def portone(settings: Any) -> Callable[..., None]:
    """Change keys of PORTONE; a live shop without faults to begin with."""

    def change(**keys: Any) -> None:
        settings.PORTONE = {**copy.deepcopy(settings.PORTONE), **keys}

    settings.SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin-allow-popups"
    settings.SILENCED_SYSTEM_CHECKS = ["portone.E019"]  # MariaDB's default collation is warned of
    change(CHANNELS=LIVE, ACCEPT_TEST_PAYMENTS=False)
    return change


@pytest.fixture
def healthy(db: None, sandbox: Any, portone: Callable[..., None]) -> Any:
    """A live channel, a sweep that has just run, nothing waiting."""
    reconcile()
    return sandbox


def table() -> tuple[int, str]:
    """Exit status and printed text."""
    out = StringIO()
    try:
        call_command("portone_doctor", stdout=out, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def findings(level: str = "", area: str = "") -> Findings:
    out = StringIO()
    try:
        call_command("portone_doctor", "--json", stdout=out)
        status: Any = 0
    except SystemExit as end:
        status = end.code
    report = json.loads(out.getvalue())
    has_failure = any(each["level"] == "failure" for each in report["findings"])
    assert (report["ok"], status) == ((False, 1) if has_failure else (True, 0))
    return [each for each in report["findings"] if level in ("", each["level"]) and area in ("", each["area"])]


def test_a_healthy_shop_has_only_ticks_and_status_0(healthy: Any) -> None:
    status, text = table()

    assert status == 0
    assert text.endswith("   ! 0   ✗ 0\n")
    assert '✓ "checkout" is html5_inicis, MID MOIsandbox (live)' in text
    assert "✓ PortOne must send its webhooks to https://shop.example/portone/webhook/" in text


def test_json_holds_the_same_findings(healthy: Any) -> None:
    _, text = table()
    assert all(each["text"] in text for each in findings() if each["area"] != "sweep")  # its age grows
    assert {each["area"] for each in findings()} == {
        "settings", "portone", "channels", "database", "sweep", "backlog",
    }  # fmt: skip


def test_it_speaks_korean_where_the_project_does(healthy: Any) -> None:
    with translation.override("ko"):
        _, text = table()
    assert "샌드박스" in text or "포트원" in text or "결제" in text


def test_wrong_keys_are_one_clear_sentence_without_the_keys(healthy: Any, portone: Callable[..., None]) -> None:
    import requests

    from portone_django.sandbox.adapter import mount

    session = requests.Session()
    mount(session, healthy, "https://api.iamport.kr")
    wrong = Client(
        api_base="https://api.iamport.kr", imp_key="canary-key-1", imp_secret="canary-secret-1", session=session
    )
    with override_client(wrong):
        status, text = table()

    assert status == 1
    assert "✗ PortOne at api.iamport.kr does not accept our keys." in text
    assert "canary" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("refuse", "could not be reached"),
        ("drop_before", "could not be reached"),
        ("http_502", "could not be reached"),
        ("http_403", "turned us away (HTTP 403)"),
    ],
)
def test_a_gateway_without_a_token_for_us_is_a_failure(healthy: Any, fault: str, said: str) -> None:
    healthy.faults.add(fault, path="/users/getToken", times=99)

    (failure,) = findings("failure")

    assert said in failure["text"]
    assert failure["hint"]


@pytest.mark.parametrize("fault", ["http_502", "html_200", "drop_after"])
def test_a_gateway_that_does_not_list_its_channels_is_a_failure(healthy: Any, fault: str) -> None:
    healthy.faults.add(fault, path="/users/pg", times=99)

    (failure,) = findings("failure")

    assert "gave no usable answer" in failure["text"]


def test_a_dead_gateway_does_not_hide_the_rest(healthy: Any) -> None:
    healthy.faults.add("refuse", path="*", times=99)
    assert {each["area"] for each in findings()} >= {"settings", "portone", "database", "sweep", "backlog"}


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-120, "warning"), (120, "warning"), (900, "failure")])
def test_a_clock_away_from_portones_is_seen_in_both_directions(healthy: Any, seconds: int, level: str) -> None:
    healthy.advance(seconds)
    (finding,) = [each for each in findings(area="portone") if "clock" in each["text"]]
    assert finding["level"] == level


def test_what_a_channel_is_gets_remembered_and_shown_as_the_line_to_write(
    healthy: Any, portone: Callable[..., None]
) -> None:
    portone(CHANNELS={"checkout": {"channel_key": LIVE_KEY}})

    (finding,) = findings(area="channels")

    facts_line = '"pg_provider": "html5_inicis", "pg_id": "MOIsandbox", "sandbox": False'
    assert finding["level"] == "ok"
    assert finding["hint"] == f'"checkout": {{"channel_key": "{LIVE_KEY}", {facts_line}}}'
    facts = ChannelFacts.objects.get(route=LIVE_KEY)
    assert (facts.pg_provider, facts.pg_id, facts.sandbox) == ("html5_inicis", "MOIsandbox", False)


def test_a_channel_by_pg_is_found_and_shown_by_pg(healthy: Any, portone: Callable[..., None]) -> None:
    portone(CHANNELS={"checkout": {"pg": "html5_inicis.MOIsandbox"}})
    (finding,) = findings(area="channels")
    assert finding["level"] == "ok"
    assert finding["hint"].startswith('"checkout": {"pg": "html5_inicis.MOIsandbox", ')


def test_an_unknown_channel_names_the_nearest_one(healthy: Any, portone: Callable[..., None]) -> None:
    portone(CHANNELS={"checkout": {"channel_key": "channel-key-2222222-2222-2222-2222-222222222222"}})

    (failure,) = findings("failure")

    assert "is not a channel of this PortOne account" in failure["text"]
    assert LIVE_KEY in failure["hint"]
    assert not ChannelFacts.objects.exists()


def test_settings_that_contradict_portone_are_a_failure(healthy: Any, portone: Callable[..., None]) -> None:
    portone(CHANNELS={"checkout": {**LIVE["checkout"], "pg_id": "MOIother"}})

    (failure,) = findings("failure")

    assert "pg_id: MOIother → MOIsandbox" in failure["text"]
    assert '"pg_id": "MOIsandbox"' in failure["hint"]


def test_a_test_channel_whose_payments_are_not_accepted_is_a_failure(
    healthy: Any, portone: Callable[..., None], settings: Any
) -> None:
    settings.DEBUG = True
    portone(CHANNELS={"checkout": {"channel_key": TEST_KEY}}, ACCEPT_TEST_PAYMENTS=False)
    assert "every payment would be held" in findings("failure")[0]["text"]

    portone(ACCEPT_TEST_PAYMENTS=True)
    assert findings("failure") == []


def test_accepting_test_payments_in_production_is_a_failure_and_warned_of_at_the_channel(
    healthy: Any, portone: Callable[..., None]
) -> None:
    portone(CHANNELS={"checkout": {"channel_key": TEST_KEY}}, ACCEPT_TEST_PAYMENTS=True)
    assert [each["text"].partition(":")[0] for each in findings("failure")] == ["portone.E004"]
    assert "orders are paid without money" in findings("warning", "channels")[0]["text"]


def test_a_channel_of_another_kind_is_a_failure(healthy: Any) -> None:
    changed = [{**each, "type": "certification"} for each in healthy.channels()]
    healthy.settings.set(channels=changed)
    assert "is a channel for certification" in findings("failure")[0]["text"]


def test_a_channel_that_hides_whether_it_is_a_test_channel_is_not_learnt(
    healthy: Any, portone: Callable[..., None]
) -> None:
    portone(CHANNELS={"checkout": {"channel_key": LIVE_KEY}})
    healthy.settings.set(channels=[{**each, "sandbox": None} for each in healthy.channels()])
    assert "does not say whether" in findings("failure")[0]["text"]
    assert not ChannelFacts.objects.exists()


def test_a_webhook_address_that_portone_cannot_reach_is_a_warning(
    healthy: Any, portone: Callable[..., None], settings: Any
) -> None:
    portone(PUBLIC_BASE_URL="http://127.0.0.1:8000")
    assert "no webhook arrives" in findings("warning", "portone")[0]["text"]

    settings.DEBUG = True
    portone(API_BASE="http://127.0.0.1:9999")
    assert findings("warning", "portone") == []


def test_incomplete_settings_are_listed_and_portone_is_not_asked(healthy: Any, portone: Callable[..., None]) -> None:
    healthy.faults.add("refuse", path="*", times=99)
    portone(USER_CODE="")

    failures = findings("failure")

    assert [each["area"] for each in failures] == ["settings"]
    assert failures[0]["text"].startswith("portone.E001: ")


def test_a_silenced_check_is_not_repeated(healthy: Any, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert "portone.E007" in findings("failure")[0]["text"]

    settings.SILENCED_SYSTEM_CHECKS = ["portone.E007"]
    assert findings("failure") == []


def test_a_stopped_sweep_wakes_somebody(healthy: Any) -> None:
    Heartbeat.objects.update(beat_at=tick() - dt.timedelta(minutes=11))
    (failure,) = findings("failure")
    assert failure["area"] == "sweep"
    assert "11 min" in failure["text"]


def test_a_sweep_that_never_ran_is_a_failure_and_in_development_a_warning(healthy: Any, settings: Any) -> None:
    Heartbeat.objects.all().delete()
    assert [each["area"] for each in findings("failure")] == ["sweep"]

    settings.DEBUG = True
    assert findings("failure") == []
    assert [each["area"] for each in findings("warning")] == ["sweep"]


def test_money_that_waits_for_a_human_is_a_warning_that_names_it(healthy: Any) -> None:
    for state, hold_reason in (("unknown", ""), ("quarantined", ""), ("review", ""), ("paid", "late")):
        PaymentFactory(state=state, hold_reason=hold_reason, merchant_uid=f"t{state}", order=OrderFactory())
    PaymentFactory(state="paid", order=OrderFactory())
    surplus = {"surplus": {"imp_2": [12900, 0, "card"]}, "has_surplus": True}
    PaymentFactory(state="paid", order=OrderFactory(), merchant_uid="ttwice", **surplus)

    texts = [each["text"] for each in findings("warning", "backlog")]

    assert [text.partition(" ")[0] for text in texts] == ["1", "2", "1", "1"]
    assert "ttwice" in texts[3]
    assert "tunknown" in texts[0]
    assert "tquarantined, treview" in texts[1]
    assert "tpaid" in texts[2]
    assert findings("failure") == []


def _refund(state: str, imp_uid: str, **fields: Any) -> Refund:
    payment = PaymentFactory(state="paid", imp_uid=imp_uid, order=OrderFactory(), open_slot=None)
    terms = {"payment": payment, "imp_uid": imp_uid, "source": "app", "amount": 900, "checksum": 12900, "reason": "x"}
    return Refund.objects.create(**terms, state=state, **fields)


def test_refunds_that_nobody_can_tell_about_and_differences_wake_somebody(healthy: Any) -> None:
    _refund("unknown", "imp_1")
    _refund("review", "imp_2")
    _refund("failed", "imp_3")
    ReconciliationBreak.objects.create(kind="amount", merchant_uid="t4")
    ReconciliationBreak.objects.create(kind="amount", merchant_uid="t5", explained_at=tick())
    receipt = CashReceipt.objects.create(payment=_refund("failed", "imp_6").payment, state="unknown")

    assert [each["text"] for each in findings("warning", "backlog")] == ["1 refunds unknown: imp_1"]
    assert [each["text"] for each in findings("failure", "backlog")] == [
        "1 refunds that nobody can tell about: imp_2",
        "1 differences between PortOne's books and ours: t4",
    ]
    CashReceipt.objects.filter(pk=receipt.pk).update(sent_at=tick() - dt.timedelta(hours=25))
    assert "1 cash receipts unknown" in findings("warning", "backlog")[1]["text"]


def test_a_comparison_that_does_not_end_is_a_failure(healthy: Any) -> None:
    run = Comparison.objects.create(open_slot=1, from_at=tick(), to_at=tick())
    assert findings("failure", "backlog") == []
    Comparison.objects.filter(pk=run.pk).update(created_at=tick() - dt.timedelta(days=3))
    assert "does not come to its end" in findings("failure", "backlog")[0]["text"]


def test_a_refund_that_nobody_carries_on_is_a_failure(healthy: Any) -> None:
    _refund("reserved", "imp_1", next_check_at=tick() - dt.timedelta(minutes=16))
    (failure,) = findings("failure", "backlog")
    assert (failure["hint"], "1 refund " in failure["text"]) == ("manage.py portone_reconcile", True)


def test_work_that_nobody_took_up_is_a_failure(healthy: Any) -> None:
    old = tick() - dt.timedelta(minutes=16)
    PaymentFactory(next_check_at=old)
    WebhookDelivery.objects.create(merchant_uid="t1", due_at=old)
    assert [each["hint"] for each in findings("failure", "backlog")] == ["manage.py portone_reconcile"] * 2


def test_work_that_is_due_in_its_time_is_nothing_to_speak_of(healthy: Any) -> None:
    PaymentFactory(next_check_at=tick() - dt.timedelta(minutes=14))
    assert [each["level"] for each in findings(area="backlog")] == ["ok"]


def test_a_fact_that_no_receiver_took_is_a_failure(healthy: Any) -> None:
    Event.objects.create(kind="order.paid", order=OrderFactory(), dispatch_attempts=9)
    assert findings("failure") == []

    Event.objects.update(dispatch_attempts=10)
    (failure,) = findings("failure")
    assert "order.paid" in failure["text"]


def test_mails_that_do_not_go_out_are_a_warning(healthy: Any) -> None:
    Event.objects.create(kind="bill.paid", dispatched_at=tick(), notice_due_at=tick() - dt.timedelta(minutes=16))
    assert findings("failure") == []
    (warning,) = findings("warning", "backlog")
    assert warning["text"] == "1 mail to a customer waits for over 15 minutes."


def test_many_names_are_cut_to_three(healthy: Any) -> None:
    for number in range(5):
        PaymentFactory(state="unknown", merchant_uid=f"tmany{number}", order=OrderFactory())
    assert findings("warning")[0]["text"] == "5 unknown: tmany0, tmany1, tmany2, …"


@pytest.mark.django_db(transaction=True)
def test_a_database_without_our_tables_is_a_failure_and_no_stack_trace(
    sandbox: Any, portone: Callable[..., None]
) -> None:
    from django.db import connection

    with connection.schema_editor() as editor:
        editor.delete_model(Heartbeat)
    try:
        status, text = table()
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(Heartbeat)

    assert status == 1
    assert "✗ portone.E022: Table portone_heartbeat is missing" in text
    assert "✗ The database has no tables of ours, or not the newest (" in text
    assert "→ manage.py migrate\n" in text
    assert "✓ Nothing waits for longer than it should." in text


def test_subscriptions_that_nothing_charges_wake_somebody(healthy: Any) -> None:
    plan = Plan.objects.create(code="pro", name="Pro")
    price = Price.objects.create(plan=plan, code="pro-monthly", amount=9900, unit="month")
    Subscription.objects.create(price=price, state="active", anchor=dt.date(2026, 1, 31))
    assert findings("failure", "sweep")[0]["text"] == "There are subscriptions, and nothing charges their bills."

    drain(concurrency=1)
    assert findings("failure", "sweep") == []
    assert [each["hint"] for each in findings("ok", "sweep")] == ["", ""], "what is well needs no remedy"
    Heartbeat.objects.filter(name="charge_due").update(beat_at=tick() - dt.timedelta(minutes=11))
    assert findings("failure", "sweep")[0]["text"] == "Bills were charged last 11 min ago."


def test_bills_and_charges_that_are_late_wake_somebody(healthy: Any) -> None:
    plan = Plan.objects.create(code="pro", name="Pro")
    price = Price.objects.create(plan=plan, code="pro-monthly", amount=9900, unit="month")
    late = tick() - dt.timedelta(minutes=16)
    Subscription.objects.create(price=price, state="active", anchor=dt.date(2026, 1, 31), next_bill_at=late)
    PaymentFactory(order=OrderFactory(), customer_uid="tcard", charge_due_at=late, next_check_at=None)
    texts = [each["text"] for each in findings("failure", "backlog")]
    assert texts == [
        "1 charge has been due for over 15 minutes.",
        "1 subscription should have been billed over 15 minutes ago.",
    ]
