"""{% portone_request_pay %}: the parameters of an attempt, for shops that open the window with their own script."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portone_django.checkout import request_pay_parameters
from portone_django.window import InvalidOption
from tests.factories import PaymentFactory
from tests.security.markup import Page
from tests.security.payloads import TEXTS

from .page import render

pytestmark = pytest.mark.django_db

TAG = "{% portone_request_pay payment %}"


def test_the_tag_renders_the_parameters_exactly() -> None:
    payment = PaymentFactory(options={"card_quota": [2, 3], "custom_data": {"a": "</script>"}})
    page = Page(render(TAG, payment=payment))
    assert page.configs == [request_pay_parameters(payment)]
    assert (page.values("id"), page.code) == (["portone-request-pay"], [])


def test_two_of_them_have_ids_of_their_own() -> None:
    payment = PaymentFactory()
    page = Page(
        render('{% portone_request_pay payment "one" %}{% portone_request_pay payment "two" %}', payment=payment)
    )
    assert page.values("id") == ["one", "two"]
    assert len(page.configs) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"options": {"card_qouta": [2]}}, "card_qouta"),
        ({"channel": "gone"}, "gone"),
        ({"order__buyer_tel": ""}, "buyer_tel"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_an_attempt_that_cannot_be_opened_is_named_with_debug_and_empty_without(
    settings: Any, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], named: str
) -> None:
    payment = PaymentFactory(**changes)
    assert Page(render(TAG, payment=payment)).configs == [{}]
    assert named in "".join(each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR)
    settings.DEBUG = True
    with pytest.raises((InvalidOption, ImproperlyConfigured), match=named):
        render(TAG, payment=payment)


@pytest.mark.parametrize("nothing", ["", None, 7])
def test_a_payment_that_is_none_is_named_too(settings: Any, caplog: pytest.LogCaptureFixture, nothing: Any) -> None:
    assert Page(render(TAG, payment=nothing)).configs == [{}]
    assert "payment" in caplog.text
    settings.DEBUG = True
    with pytest.raises(InvalidOption, match=r"^payment: "):
        render(TAG, payment=nothing)


def test_no_text_of_the_order_leaves_the_json() -> None:
    payment = PaymentFactory()
    baseline = Page(render(TAG, payment=payment)).skeleton
    for text in TEXTS:
        payment.name, payment.order.buyer_name, payment.order.buyer_addr = text, text, text
        payment.order.buyer_email = text
        page = Page(render(TAG, payment=payment))
        assert page.skeleton == baseline, text
        assert page.configs == [request_pay_parameters(payment)], text
