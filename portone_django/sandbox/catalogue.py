"""What this account has: its channels, and the issuers and banks that PortOne knows (KFTC codes)."""

from __future__ import annotations

from typing import Any

# `billing` is the sandbox's own mark; GET /users/pg does not show it.
CHANNELS: list[dict[str, Any]] = [
    {
        "pg_provider": "html5_inicis",
        "pg_id": "INIpayTest",
        "sandbox": True,
        "type": "payment",
        "channel_name": "inicis test",
        "channel_key": "channel-key-00000000-0000-0000-0000-000000000000",
        "billing": False,
    },
    {
        "pg_provider": "html5_inicis",
        "pg_id": "INIBillTst",
        "sandbox": True,
        "type": "payment",
        "channel_name": "inicis billing test",
        "channel_key": "channel-key-11111111-1111-1111-1111-111111111111",
        "billing": True,
    },
    {
        "pg_provider": "html5_inicis",
        "pg_id": "MOIsandbox",
        "sandbox": False,
        "type": "payment",
        "channel_name": "inicis live",
        "channel_key": "channel-key-22222222-2222-2222-2222-222222222222",
        "billing": False,
    },
    {
        "pg_provider": "html5_inicis",
        "pg_id": "MOIother01",
        "sandbox": False,
        "type": "payment",
        "channel_name": "inicis of another shop",
        "channel_key": "channel-key-33333333-3333-3333-3333-333333333333",
        "billing": False,
    },
]
TEST_CHANNEL, BILLING_CHANNEL, LIVE_CHANNEL, OTHER_CHANNEL = (channel["channel_key"] for channel in CHANNELS)

CARDS: dict[str, str] = {
    "361": "BC카드", "381": "KB국민카드", "367": "현대카드", "365": "삼성카드", "368": "롯데카드", "371": "NH카드",
    "041": "우리카드", "374": "하나SK카드", "045": "새마을금고", "373": "제주카드", "366": "신한카드",
    "002": "KDB산업은행", "369": "수협카드", "048": "신협체크카드", "370": "씨티카드", "071": "우체국",
    "089": "케이뱅크", "372": "전북카드", "090": "카카오뱅크", "364": "광주카드",
}  # fmt: skip

BANKS: dict[str, str] = {
    "002": "KDB산업은행", "003": "IBK기업은행", "004": "KB국민은행", "007": "수협은행", "011": "NH농협은행",
    "012": "지역농축협", "020": "우리은행", "023": "SC제일은행", "027": "한국씨티은행", "031": "대구은행",
    "032": "부산은행", "034": "광주은행", "035": "제주은행", "037": "전북은행", "039": "경남은행",
    "045": "새마을금고", "048": "신협", "050": "저축은행", "064": "산림조합", "071": "우체국",
    "081": "하나은행", "088": "신한은행", "089": "케이뱅크", "090": "카카오뱅크", "092": "토스뱅크",
    "209": "유안타증권", "218": "KB증권", "230": "미래에셋증권", "240": "삼성증권", "243": "한국투자증권",
    "247": "NH투자증권", "264": "키움증권", "267": "대신증권", "269": "한화투자증권", "278": "신한투자증권",
}  # fmt: skip

DEFAULT_CARD_CODE = "366"
DEFAULT_BANK_CODE = "088"


def kftc_bank(code: str) -> str | None:
    """The three-digit code of a bank written in two (Inicis) or three digits; None when there is no such bank."""
    padded = code.strip().zfill(3)
    return padded if padded in BANKS else None


def public(channel: dict[str, Any]) -> dict[str, Any]:
    """One entry of GET /users/pg."""
    return {name: value for name, value in channel.items() if name != "billing"}
