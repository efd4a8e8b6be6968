"""Decides how bank, card and courier codes read without asking PortOne; they are strings, leading zeros count.

Source: KFTC's three-digit codes as PortOne lists them. `Client.cards()` and `Client.banks()` give the live lists.
"""

from __future__ import annotations

CARD_ISSUERS = {
    "002": "KDB산업",
    "041": "우리",
    "045": "새마을",
    "048": "신협",
    "071": "우체국",
    "089": "케이뱅크",
    "090": "카카오뱅크",
    "361": "BC",
    "364": "광주",
    "365": "삼성",
    "366": "신한",
    "367": "현대",
    "368": "롯데",
    "369": "수협",
    "370": "씨티",
    "371": "NH농협",
    "372": "전북",
    "373": "제주",
    "374": "하나",
    "381": "KB국민",
}

# The banks that Inicis refunds to; their Inicis code is the KFTC code without its leading zero.
REFUND_BANKS = {
    "002": "KDB산업",
    "003": "IBK기업",
    "004": "KB국민",
    "007": "수협",
    "011": "NH농협",
    "012": "축협",
    "020": "우리",
    "023": "SC제일",
    "027": "한국씨티",
    "031": "iM뱅크(대구)",
    "032": "부산",
    "034": "광주",
    "037": "전북",
    "039": "경남",
    "045": "새마을금고",
    "048": "신협",
    "071": "우체국",
    "081": "하나",
    "088": "신한",
    "089": "케이뱅크",
    "090": "카카오뱅크",
    "092": "토스뱅크",
}

# `logis.company` of an escrow delivery (PortOne V1: code tables and manual). PortOne takes any other text for ETC.
COURIERS = {
    "CJGLS": "CJ대한통운",
    "EPOST": "우체국택배",
    "HANJIN": "한진택배",
    "HYUNDAI": "롯데택배",
    "KGB": "로젠택배",
    "CHUNIL": "천일택배",
    "CVSNET": "편의점택배",
    "DAESIN": "대신택배",
    "DONGBU": "동부택배",
    "HANARO": "하나로택배",
    "HDEXP": "합동택배",
    "HONAM": "호남택배",
    "ILYANG": "일양로지스",
    "KDEXP": "경동택배",
    "REGISTPOST": "등기우편",
    "SAGAWA": "SC로지스",
    "YELLOWCAP": "옐로우캡",
    "ETC": "기타",
}


def refund_bank_code(kftc_code: str) -> str:
    """Inicis' two-digit code of a bank, "88" for "088"; ValueError for a bank that it cannot refund to."""
    if kftc_code not in REFUND_BANKS:
        raise ValueError("Inicis has no refund code for this bank; codes.REFUND_BANKS lists those it has.")
    return kftc_code[1:]
