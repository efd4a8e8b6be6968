"""Amounts of money: integer won, nothing else; how they are read, split for tax and written for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

__all__ = [
    "LARGEST_WON",
    "Parts",
    "format_won",
    "included_vat",
    "part_of",
    "require_split",
    "require_won",
    "tax_free_range",
    "vat_range",
]

LARGEST_WON = 2**53 - 1  # beyond it a browser's number is no longer exact


def require_won(value: Any, name: str) -> int:
    """The value as won; raises TypeError unless it is an int (True, "9900" and 9900.0 are not).

    Raises ValueError for a negative amount, and for one that a browser could not hold exactly.
    """
    if type(value) is not int:
        raise TypeError(f"{name} must be an int of won, not {value!r}. Write: {name}=9900")
    if not 0 <= value <= LARGEST_WON:
        raise ValueError(f"{name} must be between 0 and {LARGEST_WON:,} won, not {value}. Write: {name}=9900")
    return value


def require_split(amount: int, *, tax_free_amount: int | None = None, vat_amount: int | None = None) -> None:
    """Raise unless tax_free_amount ≤ amount and vat_amount ≤ amount − tax_free_amount (won, None = not stated).

    TypeError or ValueError, beginning with the name of the wrong amount. Both 0 is right: that is zero-rating.
    """
    require_won(amount, "amount")
    if tax_free_amount is not None and require_won(tax_free_amount, "tax_free_amount") > amount:
        raise ValueError(f"tax_free_amount must be between 0 and amount ({amount}), not {tax_free_amount}")
    taxed = amount - (tax_free_amount or 0)
    if vat_amount is not None and require_won(vat_amount, "vat_amount") > taxed:
        raise ValueError(f"vat_amount must be between 0 and amount − tax_free_amount ({taxed}), not {vat_amount}")


@dataclass(frozen=True, slots=True)
class Parts:
    """An amount with the tax-free and the VAT part of it (won); None = never stated, so left to KG Inicis."""

    amount: int
    tax_free_amount: int | None = None
    vat_amount: int | None = None

    def __sub__(self, other: Parts) -> Parts:
        return Parts(
            self.amount - other.amount,
            None if self.tax_free_amount is None else self.tax_free_amount - (other.tax_free_amount or 0),
            None if self.vat_amount is None else self.vat_amount - (other.vat_amount or 0),
        )


def part_of(
    rest: Parts, *, amount: int, tax_free_amount: int | None, vat_amount: int | None, is_exact: bool = True
) -> Parts:
    """`amount` of what remains, with its parts, so that what remains afterwards is a possible sale, too.

    A part that was stated when the payment was made must be stated again, because KG Inicis cancels with exactly what
    is passed; it is filled in where only one value is possible. `is_exact` is False where earlier refunds did not say
    their parts (the console's do not): then only the bounds are checked.
    Raises TypeError or ValueError beginning with the name of the wrong amount.
    """
    if not 1 <= require_won(amount, "amount") <= rest.amount:
        raise ValueError(f"amount must be between 1 and what remains ({rest.amount}), not {amount}")
    tax_free = _part("tax_free_amount", tax_free_amount, rest.tax_free_amount, *tax_free_range(rest, amount, is_exact))
    vat = _part("vat_amount", vat_amount, rest.vat_amount, *vat_range(rest, amount, tax_free or 0, is_exact))
    return Parts(amount, tax_free, vat)


def tax_free_range(rest: Parts, amount: int, is_exact: bool = True) -> tuple[int, int]:
    """The least and the most of `amount` that can be tax-free (won); the least is above the most where nothing fits."""
    remains = rest.tax_free_amount or 0
    least = remains - (rest.amount - amount) if is_exact else 0
    return max(least, 0), min(amount, remains)


def vat_range(rest: Parts, amount: int, tax_free_amount: int, is_exact: bool = True) -> tuple[int, int]:
    """The same for the VAT, when so much of `amount` is tax-free."""
    remains = rest.vat_amount or 0
    taxed_left = rest.amount - amount - ((rest.tax_free_amount or 0) - tax_free_amount)
    return max(remains - taxed_left if is_exact else 0, 0), min(amount - tax_free_amount, remains)


def _part(name: str, given: int | None, rest: int | None, low: int, high: int) -> int | None:
    if rest is None:
        if given is not None:
            raise ValueError(f"{name} was not stated when the payment was made, so it cannot be part of a refund")
        return None
    if low > high:
        raise ValueError(f"{name}: {rest} won of it remain, which this amount cannot be parted from. Refund another.")
    if given is None:
        if low != high:
            raise ValueError(
                f"{name} was stated when the payment was made, so the refund must say it. "
                f"Write: {name}=… ({low} to {high} won)"
            )
        return low
    if not low <= require_won(given, name) <= high:
        raise ValueError(f"{name} must be between {low} and {high}, so that what remains adds up, not {given}")
    return given


def included_vat(amount: int, tax_free_amount: int = 0) -> int:
    """The VAT in a price that includes it: 1/11 of what is not tax-free, rounded to the nearest won.

    A default for shops that state vat_amount themselves: KG Inicis' own rounding is not documented, so an order
    without vat_amount leaves the split to it. Elevenths have no exact half, so nothing is ever tied.
    """
    require_split(amount, tax_free_amount=tax_free_amount)
    return (2 * (amount - tax_free_amount) + 11) // 22


def format_won(amount: int, language: str | None = None) -> str:
    """12900 → "12,900원" or "KRW 12,900"; without a language in the reader's, which is the active one.

    Raises TypeError for what is no amount, as a template's undefined variable is none.
    """
    if not isinstance(amount, int):
        raise TypeError(f"an amount must be an int of won, not {amount!r}. Write: {{{{ order.amount|won }}}}")
    is_korean = (language or get_language() or "ko").startswith("ko")
    return f"{amount:,}원" if is_korean else f"KRW {amount:,}"
