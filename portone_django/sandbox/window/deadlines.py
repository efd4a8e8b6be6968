"""When a virtual account closes: `vbank_due` in its spellings, all read as Korean time."""

from datetime import UTC, datetime, timedelta, timezone

__all__ = ["KST", "deposit_deadline", "korean_text"]

KST = timezone(timedelta(hours=9), "KST")
USUAL_DAYS = 30  # PortOne V1: an omitted vbank_due means 30 days
DATES = {10: "%Y-%m-%d", 8: "%Y%m%d"}  # by length: strptime alone reads 20261223 as a day in January
MOMENTS = {19: "%Y-%m-%d %H:%M:%S", 14: "%Y%m%d%H%M%S", 16: "%Y-%m-%d %H:%M", 12: "%Y%m%d%H%M"}


def deposit_deadline(vbank_due: object, now: int) -> int | None:
    """Unix seconds of the deadline; a date alone means the end of that day; None for an unreadable or past one."""
    if vbank_due in (None, ""):
        return _end_of_day(datetime.fromtimestamp(now, KST) + timedelta(days=USUAL_DAYS))
    if not isinstance(vbank_due, str) or not vbank_due.isascii():
        return None
    form = (DATES | MOMENTS).get(len(vbank_due), "")
    try:
        moment = datetime.strptime(vbank_due, form).replace(tzinfo=KST)
    except ValueError:
        return None
    deadline = _end_of_day(moment) if len(vbank_due) in DATES else int(moment.timestamp())
    return deadline if deadline > now else None


def korean_text(seconds: int) -> str:
    """Unix seconds as Inicis writes them in a callback, Korean time: `2026-08-09 23:59:59`."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def _end_of_day(moment: datetime) -> int:
    return int(moment.replace(hour=23, minute=59, second=59, microsecond=0).timestamp())
