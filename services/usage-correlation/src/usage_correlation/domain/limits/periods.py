"""In which period of a limit does a moment lie?"""

from datetime import UTC, datetime, timedelta

from usage_correlation.domain.bill_cycles import BillCalendar, BillCycle
from usage_correlation.domain.limits.policies import Period
from usage_correlation.domain.moments import from_micros, to_micros
from usage_correlation.domain.subscribers import Subscription

_FIRST_OF_MONTH = 1


class LimitCalendar:
    """Finds periods in the customer's time zone."""

    def __init__(self) -> None:
        self._cycles = BillCalendar()

    def period_at(self, period: Period, micros: int, subscription: Subscription) -> BillCycle:
        """The period around a moment; days and months begin at their first instant there is on the customer's clock."""
        if period is Period.DAY:
            return _day_around(micros, subscription)
        day = subscription.bill_cycle_day if period is Period.BILL_CYCLE else _FIRST_OF_MONTH
        return self._cycles.cycle_at(micros, day, subscription.zone)


def _day_around(micros: int, subscription: Subscription) -> BillCycle:
    today = from_micros(micros).astimezone(subscription.zone).date()
    start, end = (
        # fold=0, the default, means the offset before a jump: a midnight that clocks jump over becomes the jump itself.
        to_micros(datetime(day.year, day.month, day.day, tzinfo=subscription.zone).astimezone(UTC))
        for day in (today, today + timedelta(days=1))
    )
    return BillCycle(start, end)
