"""What the buyer chose in the window, checked against what it offered, as arguments for the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass

from portone_django.sandbox.window.screens import Screen

__all__ = ["Choice", "NotChosen", "read_choice"]

WALLET_PREFIX = "wallet:"


class NotChosen(Exception):
    """The form is incomplete or offers were altered; `text` is the key of what to tell the buyer."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Choice:
    """A complete choice; `needs_wallet` asks for that wallet's confirmation first."""

    pay_method: str
    card_code: str | None = None
    card_quota: int = 0
    card_number: str | None = None
    bank_code: str | None = None
    emb_pg_provider: str | None = None
    needs_wallet: str | None = None


def read_choice(screen: Screen, form: Mapping[str, str], *, is_lenient: bool = False) -> Choice:
    """The buyer's choice; lenient (the sandbox strip) takes the first offer where none was chosen. Raises NotChosen."""
    if not is_lenient and form.get("agree") != "1":
        raise NotChosen("error_agree")
    if screen.kind == "card":
        return _card(screen, form, is_lenient)
    if screen.kind == "wallet":
        return _wallet(screen.method, form)
    if screen.kind in ("vbank", "trans"):
        return Choice(screen.method, bank_code=_bank(screen, form, is_lenient))
    return Choice(screen.method)


def _card(screen: Screen, form: Mapping[str, str], is_lenient: bool) -> Choice:
    offers = [issuer.code for issuer in screen.issuers]
    chosen = form.get("choice", "")
    wallets = dict(screen.wallets)
    if form.get("wallet"):  # the second step: the wallet's own screen
        if form["wallet"] not in wallets:
            raise NotChosen("error_wallet")
        return _wallet(form["wallet"], form)
    if chosen.startswith(WALLET_PREFIX):
        wallet = chosen.removeprefix(WALLET_PREFIX)
        if wallet not in wallets:
            raise NotChosen("error_wallet")
        return Choice(wallet, emb_pg_provider=wallet, needs_wallet=None if is_lenient else wallet)
    if screen.direct is not None or (is_lenient and not chosen and offers):
        chosen = offers[0]
    if chosen not in offers:
        raise NotChosen("error_issuer")
    return Choice("card", card_code=chosen, card_quota=_quota(screen, form), card_number=_card_number(form))


def _wallet(wallet: str, form: Mapping[str, str]) -> Choice:
    # Wallet money arrives in PortOne as `point`, whatever was asked for (checkout facts, 2.2).
    method = "point" if form.get("source") == "point" else wallet
    return Choice(method, emb_pg_provider=wallet)


def _quota(screen: Screen, form: Mapping[str, str]) -> int:
    if screen.direct is not None:
        return screen.direct.quota
    text = form.get("quota") or "0"
    if text not in {str(quota.months) for quota in screen.quotas}:
        raise NotChosen("error_quota")
    return int(text)


def _card_number(form: Mapping[str, str]) -> str | None:
    digits = form.get("card_number", "").replace("-", "").replace(" ", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and 13 <= len(digits) <= 19):
        raise NotChosen("error_card_number")
    return digits


def _bank(screen: Screen, form: Mapping[str, str], is_lenient: bool) -> str:
    if screen.kind == "vbank" and not screen.deadline:
        raise NotChosen("error_due")
    offers = [code for code, _ in screen.banks]
    chosen = form.get("bank") or (offers[0] if is_lenient else "")
    if chosen not in offers:
        raise NotChosen("error_bank")
    return chosen
