"""The ways in which the simulated PortOne says no: in band, with an HTTP status, or at the payment window."""

from __future__ import annotations


class Refused(Exception):
    """An answer with `code` other than 0; `http_status` is 200 for most writes, as at PortOne."""

    def __init__(self, code: int, message: str, http_status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status


def bad_request(message: str = "필수 파라미터가 누락되었습니다.") -> Refused:
    return Refused(1, message, 400)


def not_found(message: str = "존재하지 않는 정보입니다.", code: int = -1) -> Refused:
    return Refused(code, message, 404)


class WindowRefused(Exception):
    """The payment window does not open; `imp_uid` is None unless a record was made."""

    def __init__(self, error_code: str, message: str, imp_uid: str | None = None) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.message = message
        self.imp_uid = imp_uid
