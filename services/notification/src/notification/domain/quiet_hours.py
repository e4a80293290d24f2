"""Is it quiet at the customer's now, and until when?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from notification.domain.contacts import QuietHours


def quiet_until(quiet_hours: QuietHours | None, time_zone: str, now: datetime) -> datetime | None:
    """When the quiet hours that hold `now` end; None when they do not hold.

    By the clock on the customer's wall. Where that clock is set back over the end, the hour that comes twice is over
    at its end the first time, if it is now the first time.
    """
    if quiet_hours is None:
        return None
    local = now.astimezone(ZoneInfo(time_zone))
    start, end = quiet_hours.start, quiet_hours.end
    spans_midnight = end < start
    since_start, before_end = local.time() >= start, local.time() < end
    if not (since_start or before_end if spans_midnight else since_start and before_end):
        return None
    day = local.date() + timedelta(days=1) if spans_midnight and since_start else local.date()
    over = datetime.combine(day, end, local.tzinfo).replace(fold=local.fold)
    return over.astimezone(UTC)
