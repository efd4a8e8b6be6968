"""Decides what we believe of PortOne's escrow deliveries. Source: PortOne V1 OpenAPI file, EscrowLogisAnnotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .parsing import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery as PortOne has it. Times are seconds since 1970 (UTC); an unknown courier is "ETC"."""

    company: str
    invoice: str
    sent_at: int
    applied_at: int

    @classmethod
    def parse(cls, value: Any) -> DeliveryRecord:
        fields = Fields(value, "delivery")
        return cls(
            company=fields.identifier("company"),
            invoice=fields.identifier("invoice"),
            sent_at=fields.moment_known("sent_at"),
            applied_at=fields.moment_known("applied_at"),
        )
