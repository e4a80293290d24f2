"""When does a limit begin anew?"""

from datetime import UTC, datetime

import pytest
from usage_samples import subscriber

from usage_correlation.domain.limits.periods import LimitCalendar
from usage_correlation.domain.limits.policies import Period
from usage_correlation.domain.moments import to_micros

CALENDAR = LimitCalendar()
IN_NEW_YORK = subscriber("s-1", bill_cycle_day=15).subscription


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.BILL_CYCLE, datetime(2026, 2, 15, 5, tzinfo=UTC), datetime(2026, 3, 15, 4, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
        # Clocks are set forward that night: the day has 23 hours.
        (Period.DAY, datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)),
    ],
)
def test_periods_follow_the_customers_clock(period: Period, start: datetime, end: datetime) -> None:
    found = CALENDAR.period_at(period, to_micros(datetime(2026, 3, 9, 3, 59, tzinfo=UTC)), IN_NEW_YORK)
    assert (found.start, found.end) == (start, end)
    assert CALENDAR.period_at(period, found.end_micros - 1, IN_NEW_YORK) == found
    assert CALENDAR.period_at(period, found.end_micros, IN_NEW_YORK).start_micros == found.end_micros
