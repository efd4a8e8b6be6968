"""Decides what we believe of the answers about the account itself: channels, codes, registered amounts, balances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .parsing import Fields, as_list


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChannelSetting:
    """One channel of the account (GET /users/pg). `type` is payment, api_payment or certification."""

    pg_provider: str
    pg_id: str
    sandbox: bool | None
    type: str | None
    channel_name: str | None
    channel_key: str | None

    @classmethod
    def parse(cls, value: Any) -> ChannelSetting:
        fields = Fields(value, "channel")
        return cls(
            pg_provider=fields.identifier("pg_provider"),
            pg_id=fields.identifier("pg_id"),
            sandbox=fields.strict_flag("sandbox"),
            type=fields.word("type"),
            channel_name=fields.text("channel_name"),
            channel_key=fields.word("channel_key"),
        )

    def __repr__(self) -> str:
        return f"<ChannelSetting {self.pg_provider}.{self.pg_id} {self.type} test={self.sandbox}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardCode:
    """A card issuer or bank by KFTC's code; leading zeros count."""

    code: str
    name: str

    @classmethod
    def parse(cls, value: Any) -> StandardCode:
        fields = Fields(value, "code")
        return cls(code=fields.identifier("code"), name=fields.identifier("name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAmount:
    """The amount that PortOne's window will insist on for a merchant_uid. `currency` None = not checked."""

    merchant_uid: str
    amount: int
    currency: str | None

    @classmethod
    def parse(cls, value: Any) -> PreparedAmount:
        fields = Fields(value, "prepared amount")
        return cls(
            merchant_uid=fields.identifier("merchant_uid"),
            amount=fields.won("amount"),
            currency=fields.word("currency"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancePart:
    """Tax-free supply, taxable supply, VAT and service charge of one means of payment, what is left after refunds."""

    tax_free: int
    supply: int
    vat: int
    service: int

    @classmethod
    def parse(cls, fields: Fields) -> BalancePart:
        return cls(**{name: fields.won(name) for name in ("tax_free", "supply", "vat", "service")})


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentBalance:
    """How a payment is split; PortOne knows it for few providers, not for Inicis. A history entry has no `amount`."""

    amount: int | None
    cash_receipt: BalancePart
    primary: BalancePart
    secondary: BalancePart
    discount: BalancePart
    created_at: int | None
    histories: tuple[PaymentBalance, ...]

    @classmethod
    def parse(cls, value: Any) -> PaymentBalance:
        fields = Fields(value, "balance")
        parts = ("cash_receipt", "primary", "secondary", "discount")
        return cls(
            amount=fields.won_or_none("amount"),
            created_at=fields.moment("created"),
            histories=fields.items("histories", PaymentBalance.parse),
            **{name: BalancePart.parse(fields.object(name)) for name in parts},
        )


def read_channels(value: Any) -> list[ChannelSetting]:
    """An array of channels."""
    return [ChannelSetting.parse(item) for item in as_list(value, "channels")]


def read_codes(value: Any) -> list[StandardCode]:
    """An array of codes."""
    return [StandardCode.parse(item) for item in as_list(value, "codes")]
