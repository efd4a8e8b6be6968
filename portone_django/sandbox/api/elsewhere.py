"""What the document has and this account does not: other providers' addresses, answered with PortOne's 404."""

from __future__ import annotations

# First parts of documented paths that no handler serves; they ask for a token before they say "not found".
_DOCUMENTED = {
    "benepia", "certifications", "cvs", "escrows", "kcpquick", "naver", "partners", "payco", "payments", "paymentwall",
    "receipts", "subscribe", "users", "cards", "banks", "tiers", "vbanks",
}  # fmt: skip


def is_documented(parts: list[str]) -> bool:
    return bool(parts) and parts[0] in _DOCUMENTED
