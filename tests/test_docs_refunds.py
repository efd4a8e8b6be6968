"""The code blocks of docs/refunds.md are true: they run here against the sandbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from portone_django.flows import refunds as flow
from portone_django.models import Refund
from tests.shop import Shop

PAGE = (Path(__file__).parents[1] / "docs" / "refunds.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- block: (\w+) -->\n```python\n(.*?)```", PAGE, flags=re.DOTALL))

pytestmark = pytest.mark.django_db(transaction=True)


def run(block: str, **names: Any) -> dict[str, Any]:
    exec(BLOCKS[block], names)
    return names


def test_every_block_is_run_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in BLOCKS if f'run("{name}"' not in source] == []
    assert PAGE.count("```python") == len(BLOCKS)


def test_a_part_and_then_the_rest(shop: Shop) -> None:
    payment = shop.paid()
    run("refund", payment=payment, order=payment.order)
    assert [each.amount for each in Refund.objects.order_by("pk")] == [3000, 9900]


def test_one_reference_is_one_refund(shop: Shop) -> None:
    run("reference", payment=shop.paid())
    assert Refund.objects.count() == 1


def test_each_outcome_has_its_message(shop: Shop) -> None:
    assert run("outcome", payment=shop.paid())["message"] == "환불되었습니다."
    shop.sandbox.faults.add("timeout_before", path="/payments/cancel")
    assert run("outcome", payment=shop.paid())["message"] == "환불을 확인하고 있습니다."
    refused = shop.paid()
    shop.sandbox.cancel_at_inicis(refused.imp_uid)
    assert "500626" in run("outcome", payment=refused)["message"]


def test_the_receivers_take_what_the_signals_send(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    names = run("receiver")
    payment = shop.paid()
    payment.refund(amount=900, reason="x")
    shop.sandbox.cancel_at_inicis(payment.imp_uid)
    payment.refund(amount=900, reason="x")
    for signal, function in (("order_refunded", "take_back"), ("refund_failed", "look")):
        assert names[signal].disconnect(names[function]), "it was connected"
    assert "it will be called again" not in caplog.text


def test_a_requested_refund_is_sent_after_the_commit(shop: Shop) -> None:
    run("request", payment=shop.paid())
    assert Refund.objects.get().state == "succeeded"


def test_a_virtual_accounts_refund_names_an_account(shop: Shop) -> None:
    run("account", deposited=shop.deposited())
    assert Refund.objects.get().state == "succeeded"


def test_parts_of_a_mixed_sale(shop: Shop) -> None:
    run("parts", mixed=shop.paid(tax_free_amount=2900, vat_amount=909))
    assert [(each.tax_free_amount, each.vat_amount) for each in Refund.objects.order_by("pk")] == [
        (0, 100),
        (2900, 809),
    ]


def test_a_refund_made_elsewhere(shop: Shop) -> None:
    payment = shop.paid()
    run("elsewhere", payment=payment)
    assert payment.remaining_amount == 9900


def test_the_table_of_states_is_the_codes() -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE))
    assert listed == set(Refund.State.values) - {"requested", "rejected"}, "those two come with approval by a second"
    assert "three times at most" in PAGE
    assert flow.MOST_SENDS == 3
