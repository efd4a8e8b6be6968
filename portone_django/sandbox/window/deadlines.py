"""When a virtual account closes: `vbank_due` in its four spellings, all read as Korean time."""

from datetime import UTC, datetime, timedelta, timezone

__all__ = ["KST", "deposit_deadline", "korean_text"]

KST = timezone(timedelta(hours=9), "KST")
USUAL_DAYS = 30  # PortOne V1: an omitted vbank_due means 30 days
DATES = ("%Y-%m-%d", "%Y%m%d")
MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S")
LENGTHS = {10: DATES[0], 8: DATES[1], 19: MOMENTS[0], 14: MOMENTS[1]}


def deposit_deadline(vbank_due: object, now: int) -> int | None:
    """Unix seconds of the deadline; a date alone means the end of that day; None for an unreadable or past one."""
    if vbank_due in (None, ""):
        return _end_of_day(datetime.fromtimestamp(now, KST) + timedelta(days=USUAL_DAYS))
    form = LENGTHS.get(len(vbank_due)) if isinstance(vbank_due, str) else None
    if form is None:
        return None
    try:
        moment = datetime.strptime(str(vbank_due), form).replace(tzinfo=KST)
    except ValueError:
        return None
    deadline = _end_of_day(moment) if form in DATES else int(moment.timestamp())
    return deadline if deadline > now else None


def korean_text(seconds: int) -> str:
    """Unix seconds as Inicis writes them in a callback, Korean time: `2026-08-09 23:59:59`."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def _end_of_day(moment: datetime) -> int:
    return int(moment.replace(hour=23, minute=59, second=59, microsecond=0).timestamp())
