"""Amounts of money: integer won, nothing else; how they are read, split for tax and written for people."""

from __future__ import annotations

from typing import Any

__all__ = ["LARGEST_WON", "format_won", "included_vat", "require_split", "require_won"]

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


def included_vat(amount: int, tax_free_amount: int = 0) -> int:
    """The VAT in a price that includes it: 1/11 of what is not tax-free, rounded to the nearest won.

    A default for shops that state vat_amount themselves: KG Inicis' own rounding is not documented, so an order
    without vat_amount leaves the split to it. Elevenths have no exact half, so nothing is ever tied.
    """
    require_split(amount, tax_free_amount=tax_free_amount)
    return (2 * (amount - tax_free_amount) + 11) // 22


def format_won(amount: int, language: str = "ko") -> str:
    """12900 → "12,900원" or "KRW 12,900"."""
    return f"{amount:,}원" if language.startswith("ko") else f"KRW {amount:,}"
