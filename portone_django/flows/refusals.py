"""PortOne's refusals of a cancel and our reasons why a refund came to nothing, as an operator should read them."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from ..models import Refund
from ..money import format_won

# KG Inicis: "a partial cancel of the full amount is impossible", "a partly cancelled payment has no ordinary cancel".
_WHOLE_REFUSED = ("749", "625")
_CODE = re.compile(r"(?<![0-9A-Za-z])(1200[0-9A-Z]{2}|1[12][0-9A-Z]{2}|5[0-9]{5})(?![0-9A-Za-z])")
_TOO_LATE = ("120061", "120064", "667", "714")


def is_whole_refused(refund: Refund) -> bool:
    """Whether all that is left was asked for, and Inicis wants that without an amount."""
    codes = [code for code in _CODE.findall(refund.refusal) if code.startswith("5")]
    return refund.amount == refund.checksum and any(code[3:] in _WHOLE_REFUSED for code in codes)


def explain(refund: Refund, language: str = "ko") -> str:
    """One or two sentences: what became of a refund that did not succeed, and what to do; "" for one that did."""
    if refund.state == "review":
        return _("Nobody can tell whether it happened: look in KG Inicis' console, then decide in the admin.")
    if refund.refusal and refund.fail_reason == "refused":
        hint = hint_for(refund.refusal)
        said = _("PortOne refused: %(text)s") % {"text": refund.refusal}
        return f"{said} {hint}" if hint else said
    reason, _colon, numbers = refund.fail_reason.partition(": ")
    if reason == "stale":
        left = numbers.rpartition("→ ")[2]
        amount = format_won(int(left), language) if left.isdigit() else left
        texts = {
            False: _(
                "Nothing was sent: meanwhile something else was cancelled, and PortOne holds %(amount)s. "
                "Look at the payment and refund again."
            ),
            True: _(
                "PortOne did not carry it out: meanwhile something else was cancelled, and it holds %(amount)s. "
                "Look at the payment and refund again."
            ),
        }
        return texts[refund.send_count > 0] % {"amount": amount}
    if reason == "by hand":
        return _("It was closed by hand: %(reason)s") % {"reason": numbers}
    return {
        "unreachable": _("PortOne does not answer, so nothing was sent. Try again later."),
        "never_sent": _("PortOne did not show the payment for a day, so nothing was sent."),
        "account_lost": _("Nothing was sent: the bank account is not kept. Type it again."),
        "not_executed": _("PortOne did not carry it out. Refund again."),
    }.get(reason, refund.fail_reason)


def hint_for(refusal: str) -> str:
    """What to do about KG Inicis' code in the text; "" when nothing is known."""
    for code in _CODE.findall(refusal):
        if code in _TOO_LATE[:2] or code[3:] in _TOO_LATE[2:]:
            return _("It is too late to cancel: transfer the money, then record a refund made elsewhere.")
        if hint := _hints().get(code[3:] if code.startswith("5") else code):
            return hint
    return ""


def _hints() -> dict[str, str]:
    """By the last three digits of Inicis' codes (the first three are the method), and the card companies' own."""
    again = _("It was cancelled at KG Inicis, and PortOne does not know: record a refund made elsewhere.")
    whole = _("Only the whole payment can be cancelled.")
    ask = _("Ask KG Inicis to allow it for this MID.")
    return {
        "626": again,
        "1225": again,
        "1222": _("The card company has settled it already: ask KG Inicis."),
        "11C9": whole,
        "707": whole,
        "959": whole,
        "503": whole,
        "699": whole,
        "412": ask,
        "622": ask,
        "627": ask,
        "685": _("The goods are on their way: an escrow sale is cancelled after the buyer has refused them."),
        "705": _("It was cancelled in parts too often: transfer the rest, then record a refund made elsewhere."),
        "706": _("The parts do not fit KG Inicis' balance: look at the tax-free and VAT amounts."),
        "826": _("KG Inicis holds less than that: compare with its console."),
        "906": _("The shop's limit for cancels is reached: deposit at KG Inicis or wait for the next settlement."),
        "643": _("KG Inicis does not know this bank code."),
    }
