"""Names of what the window offers, in the order Korean buyers expect; codes are KFTC's (PortOne's code tables)."""

from dataclasses import dataclass

__all__ = ["BANKS", "ISSUERS", "OTHER_METHODS", "TRANSFER_BANKS", "WALLETS", "Named", "named"]


@dataclass(frozen=True)
class Named:
    """One code and how it is called in the window."""

    code: str
    ko: str
    en: str

    def name(self, language: str) -> str:
        return self.en if language == "en" else self.ko


ISSUERS = (
    Named("366", "신한카드", "Shinhan"),
    Named("365", "삼성카드", "Samsung"),
    Named("367", "현대카드", "Hyundai"),
    Named("381", "KB국민카드", "KB Kookmin"),
    Named("368", "롯데카드", "Lotte"),
    Named("361", "BC카드", "BC"),
    Named("374", "하나카드", "Hana"),
    Named("371", "NH농협카드", "NH"),
    Named("041", "우리카드", "Woori"),
    Named("090", "카카오뱅크", "KakaoBank"),
    Named("089", "케이뱅크", "K bank"),
    Named("370", "씨티카드", "Citi"),
    Named("364", "광주카드", "Gwangju"),
    Named("372", "전북카드", "Jeonbuk"),
    Named("373", "제주카드", "Jeju"),
    Named("369", "수협카드", "Suhyup"),
    Named("048", "신협카드", "Shinhyup"),
    Named("045", "새마을금고", "MG Saemaul"),
    Named("071", "우체국카드", "Korea Post"),
    Named("002", "KDB산업", "KDB"),
)

BANKS = (
    Named("088", "신한은행", "Shinhan Bank"),
    Named("004", "국민은행", "KB Kookmin Bank"),
    Named("020", "우리은행", "Woori Bank"),
    Named("081", "하나은행", "Hana Bank"),
    Named("011", "농협은행", "NH Bank"),
    Named("003", "기업은행", "IBK"),
    Named("071", "우체국", "Korea Post"),
    Named("031", "iM뱅크(대구)", "iM Bank"),
    Named("032", "부산은행", "Busan Bank"),
    Named("039", "경남은행", "Kyongnam Bank"),
    Named("034", "광주은행", "Gwangju Bank"),
    Named("007", "수협은행", "Suhyup Bank"),
)

TRANSFER_BANKS = (
    *BANKS,
    Named("090", "카카오뱅크", "KakaoBank"),
    Named("089", "케이뱅크", "K bank"),
    Named("092", "토스뱅크", "Toss Bank"),
    Named("023", "SC제일은행", "SC First Bank"),
    Named("045", "새마을금고", "MG Saemaul"),
    Named("048", "신협", "Shinhyup"),
)

WALLETS = (
    Named("kakaopay", "카카오페이", "KakaoPay"),
    Named("naverpay", "네이버페이", "Naver Pay"),
    Named("tosspay", "토스페이", "Toss Pay"),
    Named("payco", "페이코", "PAYCO"),
    Named("samsung", "삼성페이", "Samsung Pay"),
    Named("applepay", "애플페이", "Apple Pay"),
    Named("ssgpay", "SSG페이", "SSG Pay"),
    Named("lpay", "엘페이", "L.pay"),
)

OTHER_METHODS = (
    Named("phone", "휴대폰 소액결제", "Mobile phone"),
    Named("cultureland", "컬쳐랜드 상품권", "Cultureland gift card"),
    Named("smartculture", "스마트문상", "Smart Culture gift card"),
    Named("happymoney", "해피머니 상품권", "HappyMoney gift card"),
    Named("booknlife", "도서문화상품권", "Book&Life gift card"),
)


def named(table: tuple[Named, ...], code: object) -> Named | None:
    """The row of a code, None when the table does not have it."""
    return next((row for row in table if row.code == code), None)
