"""Mails: what they say in both languages, to whom, and once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from portone_django import clock, signals
from portone_django.adapter import Adapter
from portone_django.billing import billing
from portone_django.conf import NOTICE_KINDS
from portone_django.flows.dispatch import new_event, record
from portone_django.flows.notices import NOTICES
from portone_django.models import BillingCycle, Event, Plan, Subscription
from portone_django.subscriptions import cancel, subscribe
from tests.mailbox import forget_mails, mails, use_adapter
from tests.members import NO_FUNDS, STOLEN, Members

pytestmark = pytest.mark.django_db

Happening = Callable[[Members], Subscription | None]


@pytest.fixture(autouse=True)
def _a_day_in_january(request: pytest.FixtureRequest) -> None:
    if "members" in request.fixturenames:
        request.getfixturevalue("members")
        clock.move(dt.datetime(2027, 1, 31, 3, 30, 30, tzinfo=dt.UTC) - clock.now())


# What happens, and what is said about it ----------------------------------------------------------------------------


def card_registered(members: Members) -> None:
    key = members.card(members.user())
    with transaction.atomic():
        record([new_event("billing_key.registered", billing_key=key)])


def bill_paid(members: Members) -> Subscription:
    return members.subscribed()


def bill_failed(members: Members) -> Subscription:
    subscription = members.subscribed(NO_FUNDS)
    forget_mails()
    members.renew(subscription)
    return subscription


def card_needed(members: Members) -> Subscription:
    subscription = members.subscribed(STOLEN)
    forget_mails()
    members.renew(subscription)
    return subscription


def bill_given_up(members: Members) -> Subscription:
    subscription = bill_failed(members)
    while members.bill(subscription).is_open:
        forget_mails()
        members.renew(subscription)
    return subscription


def subscription_ended(members: Members) -> Subscription:
    subscription = members.subscribed()
    forget_mails()
    return cancel(subscription, when="now")


HAPPENINGS: dict[str, Happening] = {
    happening.__name__: happening  # type: ignore[attr-defined]
    for happening in (card_registered, bill_paid, bill_failed, card_needed, bill_given_up, subscription_ended)
}
SAID = {
    ("card_registered", "ko"): (
        "카드가 등록되었습니다",
        ["이제부터 이 카드로 결제할 수 있습니다.", "등록된 카드: 신한카드 559410*********0", "등록 일시: "],
    ),
    ("card_registered", "en"): (
        "Your card is registered",
        ["You can pay with this card from now on.", "Card on file: 신한카드 559410*********0", "Registered at: "],
    ),
    ("bill_paid", "ko"): (
        "프로 결제가 완료되었습니다",
        ["금액: 9,900원", "이용 기간: 2027년 1월 31일 – 2027년 2월 27일", "다음 결제일: 2027년 2월 28일"],
    ),
    ("bill_paid", "en"): (
        "프로: payment complete",
        ["Amount: KRW 9,900", "Period: 31 Jan 2027 – 27 Feb 2027", "Next payment: 28 Feb 2027", "Paid at: "],
    ),
    ("bill_failed", "ko"): (
        "프로 결제가 되지 않았습니다",
        [
            "카드사에서 지금은 승인하지 않았습니다. 한도나 잔액 때문인 경우가 많습니다.",
            "같은 카드로 다시 결제를 시도합니다. 다른 카드를 등록하셔도 됩니다.",
            "결제 시도 횟수: 1",
            "다음 결제 시도일: 2027년 3월 1일",
            "이용 가능 기한: 2027년 3월 7일 (일요일) 10:00",
        ],
    ),
    ("bill_failed", "en"): (
        "프로: the payment did not go through",
        ["often because of a limit or the balance", "Attempt: 1", "Next attempt: 1 Mar 2027"],
    ),
    ("card_needed", "ko"): (
        "프로 다른 카드를 등록해 주세요",
        ["등록된 카드로는 청구 금액을 결제할 수 없습니다.", "금액: 9,900원", "등록된 카드: 신한카드"],
    ),
    ("card_needed", "en"): (
        "프로: please register another card",
        ["As soon as you register another one, the bill is paid with it.", "Amount: KRW 9,900"],
    ),
    ("bill_given_up", "ko"): (
        "프로 결제를 하지 못했습니다",
        ["마지막 결제 시도도 이루어지지 않았습니다.", "구독이 종료되었습니다. 더 이상 결제되지 않습니다."],
    ),
    ("bill_given_up", "en"): (
        "프로: we could not take the payment",
        ["The last attempt did not go through either.", "Your subscription has ended.", "Amount: KRW 9,900"],
    ),
    ("subscription_ended", "ko"): (
        "프로 구독이 종료되었습니다",
        ["구독이 해지되어 종료되었습니다. 더 이상 결제되지 않습니다.", "종료 일시: 2027년 1월 31일 (일요일) 12:30"],
    ),
    ("subscription_ended", "en"): (
        "프로: your subscription has ended",
        ["It ended because it was cancelled. Nothing more will be charged.", "Ended at: Sun, 31 Jan 2027, 12:30"],
    ),
}


def html_of(message: Any) -> str:
    ((html, kind),) = message.alternatives
    assert kind == "text/html"
    return str(html)


def test_every_notice_that_can_be_switched_has_its_event_and_its_test() -> None:
    assert set(NOTICES.values()) == set(NOTICE_KINDS) == set(HAPPENINGS)
    assert set(NOTICES) <= set(signals.BY_KIND)


@pytest.mark.parametrize(("notice", "language"), SAID)
def test_the_customer_reads_what_happened_in_their_language(
    members: Members, settings: Any, notice: str, language: str
) -> None:
    settings.LANGUAGE_CODE = language
    settings.PORTONE = {**settings.PORTONE, "SUPPORT": "help@shop.example"}
    HAPPENINGS[notice](members)

    (message,) = mails()

    subject, said = SAID[notice, language]
    assert (message.subject, message.to) == (subject, ["member1@example.com"])
    assert f'<html lang="{language}">' in html_of(message)
    for text in said:
        assert text in message.body
        for part in text.removesuffix(": ").split(": "):
            assert part in html_of(message)
    assert message.body.startswith(f"{subject}\n\n")
    assert "help@shop.example" in message.body
    assert 'href="mailto:help@shop.example"' in html_of(message)
    assert message.extra_headers == {"Auto-Submitted": "auto-generated"}
    assert mails() == [], "once"
    assert Event.objects.filter(notified_at__isnull=False).count() == 1


@pytest.mark.parametrize("notice", HAPPENINGS)
def test_each_mail_can_be_switched_off(members: Members, settings: Any, notice: str) -> None:
    settings.PORTONE = {**settings.PORTONE, "NOTICES": {notice: False}}
    HAPPENINGS[notice](members)
    mails()
    assert SAID[notice, "ko"][0] not in [message.subject for message in mail.outbox]


def test_a_mail_that_is_switched_off_while_it_waits_is_not_sent(members: Members, settings: Any) -> None:
    bill_paid(members)
    settings.PORTONE = {**settings.PORTONE, "NOTICES": {"bill_paid": False}}
    assert mails() == []
    assert not Event.objects.exclude(notice_due_at=None).exists()


# One mail for one thing ---------------------------------------------------------------------------------------------


def test_a_last_decline_is_one_mail_and_without_it_the_end_is_told(members: Members, settings: Any) -> None:
    bill_given_up(members)
    kinds = set(Event.objects.exclude(notice_due_at=None).values_list("kind", flat=True))
    assert kinds == {"bill.failed", "bill.given_up", "subscription.ended"}
    assert [message.subject for message in mails()] == ["프로 결제를 하지 못했습니다"]


def test_the_end_is_told_where_the_last_decline_is_not(members: Members, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "NOTICES": {"bill_given_up": False}}
    bill_given_up(members)
    (message,) = mails()
    assert message.subject == "프로 구독이 종료되었습니다"
    assert "청구 금액이 결제되지 않아 종료되었습니다." in message.body


def test_where_no_card_needed_mail_goes_out_the_decline_itself_is_told(members: Members, settings: Any) -> None:
    settings.PORTONE = {**settings.PORTONE, "NOTICES": {"card_needed": False}}
    card_needed(members)
    (message,) = mails()
    assert "카드사에 따르면 이 카드는 더 이상 사용할 수 없습니다." in message.body
    assert "결제된 금액은 없습니다. 다른 카드로 결제해 주세요." in message.body


@pytest.mark.parametrize(("then", "said"), [("pause", "구독이 일시 중지되었습니다."), ("keep", "구독은 계속됩니다.")])
def test_the_last_decline_says_what_becomes_of_the_subscription(
    members: Members, settings: Any, then: str, said: str
) -> None:
    settings.PORTONE = {**settings.PORTONE, "DUNNING": {"days": [1], "then": then}}
    bill_given_up(members)
    (message,) = mails()
    assert said in message.body


# To nobody ----------------------------------------------------------------------------------------------------------


def test_what_portone_refused_is_not_the_customers_business(members: Members) -> None:
    subscription = bill_failed(members)
    BillingCycle.objects.update(decline_kind="refused")
    forget_mails()
    bill = members.bill(subscription)
    with transaction.atomic():
        for kind in ("bill.failed", "bill.given_up"):
            data = {"kind": "refused", "attempt": 2, "next_step_at": clock.now().isoformat(), "then": "end"}
            record([new_event(kind, order=bill.order, subscription=subscription, data=data)])
    assert mails() == []
    BillingCycle.objects.update(state="uncollectible")
    with transaction.atomic():
        record([new_event("bill.given_up", order=bill.order, subscription=subscription, data={"then": "end"})])
    assert mails() == []


def test_a_decline_that_a_new_card_made_good_meanwhile_is_not_told_any_more(members: Members) -> None:
    subscription = bill_failed(members)
    members.change_card(subscription, "5594100000000001")
    members.renew(subscription)
    assert [message.subject for message in mails()] == ["프로 결제가 완료되었습니다"]


def test_a_subscription_that_never_began_does_not_end_by_mail(members: Members) -> None:
    user = members.user()
    subscription = subscribe(user, members.price())
    clock.move(dt.timedelta(hours=25))
    members.engine()
    subscription.refresh_from_db()
    assert (subscription.state, subscription.end_reason) == ("ended", "incomplete")
    assert mails() == []


@pytest.mark.parametrize("address", ["", "nobody", "a@example.com, b@example.com", "a@example.com\nBcc: b@example.com"])
def test_without_one_whole_address_there_is_no_mail(members: Members, address: str) -> None:
    subscription = bill_paid(members)
    subscription.customer.email = address
    subscription.customer.save()
    assert mails() == []
    assert not Event.objects.exclude(notice_due_at=None).exists(), "nor another try"


def test_a_customer_who_is_deleted_or_forgotten_gets_no_mail(members: Members) -> None:
    bill_paid(members).customer.delete()
    assert mails() == []
    subscription = bill_paid(members)
    subscription.cancel(when="now")
    billing(subscription.customer).forget()
    assert mails() == []


# What customers and operators typed ---------------------------------------------------------------------------------


def test_names_cannot_begin_a_header_or_become_markup(members: Members) -> None:
    bill_paid(members)
    Plan.objects.update(name="프로\r\nBcc: thief@example.com <b>&")
    (message,) = mails()
    assert message.subject == "프로 Bcc: thief@example.com <b>& 결제가 완료되었습니다"
    assert message.recipients() == ["member1@example.com"]
    assert "Bcc" not in message.message()
    assert "<b>" not in html_of(message)
    assert "&lt;b&gt;&amp;" in html_of(message)
    assert "<b>& 결제가" in message.body, "plain text has nothing to escape"


def test_the_project_says_to_whom_in_which_language_and_what_besides(members: Members, settings: Any) -> None:
    class Shop(Adapter):
        def recipient(self, event: Event) -> str:
            return f"billing+{event.subscription.public_id}@company.example"  # type: ignore[union-attr]

        def language(self, user: Any) -> str:
            return "en" if user.username == "member1" else "ko"

        def mail_context(self, event: Event) -> dict[str, Any]:
            return {"manage_url": "https://shop.example/me/?a=1&b=2"}

    use_adapter(settings, Shop)
    subscription = bill_paid(members)
    (message,) = mails()
    assert message.to == [f"billing+{subscription.public_id}@company.example"]
    assert message.subject == "프로: payment complete"
    assert "Manage your subscription and cards: https://shop.example/me/?a=1&b=2" in message.body
    assert 'href="https://shop.example/me/?a=1&amp;b=2"' in html_of(message)


def test_a_project_overrides_one_template_and_keeps_the_others(members: Members, settings: Any) -> None:
    own = {"portone/mail/bill_paid.subject.txt": "{{ plan.name }} 감사합니다 {{ cycle.amount }}"}
    loaders = [
        ("django.template.loaders.locmem.Loader", own),
        "django.template.loaders.app_directories.Loader",
    ]
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": {**engine["OPTIONS"], "loaders": loaders}}]
    bill_paid(members)
    (message,) = mails()
    assert message.subject == "프로 감사합니다 9900"
    assert "금액: 9,900원" in message.body
