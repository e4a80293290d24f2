"""Is a threshold reached when, and as often as, the futures reach it?"""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rating import SERVICE_CODES, Service
from usage_correlation.domain.forecast.crossings import (
    Counted,
    Growth,
    Spending,
    Threshold,
    ThresholdKind,
    crossing,
)
from usage_correlation.domain.moments import MICROS

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1000), st.integers(0, 20)), max_size=60)


def threshold(missing: Fraction | int, counts: Counted | None = None) -> Threshold:
    return Threshold(ThresholdKind.SPEND_POLICY, "p", 100, Fraction(100), "EUR", Fraction(missing), counts)


def growth(rows: list[tuple[int, int, int]]) -> Growth:
    columns = np.array(rows, np.int64).reshape(-1, 3)
    return Growth.joined([Growth(columns[:, 0], columns[:, 1], columns[:, 2].astype(float))])


@given(ROWS, st.integers(1, 100))
def test_every_future_is_looked_at_by_itself(rows: list[tuple[int, int, int]], missing: int) -> None:
    found = crossing(threshold(missing), growth(rows), 5)
    times = []
    for future in range(5):
        total = 0
        for _, start, amount in sorted(row for row in rows if row[0] == future):
            total += amount
            if total >= missing:
                times.append(start)
                break
    assert found.probability == len(times) / 5
    times.sort()
    assert found.earliest_micros == (times[0] * MICROS if times else None)
    assert found.expected_micros == (times[2] * MICROS if len(times) > 2 else None)
    assert found.latest_micros == (times[4] * MICROS if len(times) > 4 else None)


def test_nothing_to_come_reaches_nothing() -> None:
    found = crossing(threshold(1), growth([]), 10)
    assert (found.probability, found.earliest_micros, found.expected_micros) == (0, None, None)


def test_only_what_counts_counts() -> None:
    rows = growth([(0, 10, 5), (0, 20, 5), (0, 30, 5), (0, 40, 5)])
    voice, data = SERVICE_CODES[Service.VOICE], SERVICE_CODES[Service.DATA]
    spending = Spending(rows, np.array([voice, data, data, data]), np.array([True, False, True, True]))

    def counted(counts: Counted | None) -> list[int]:
        return spending.towards(threshold(1, counts)).start.tolist()

    assert counted(None) == [10, 20, 30, 40]
    assert counted(Counted(services=(Service.DATA,))) == [20, 30, 40]
    assert counted(Counted(abroad=True)) == [10, 30, 40]
    assert counted(Counted(abroad=False)) == [20]
    assert counted(Counted((Service.DATA,), abroad=True, until_micros=40 * MICROS)) == [30]
    assert spending.towards(threshold(1, Counted(factor=0.5))).amount.tolist() == [2.5] * 4


def test_parts_of_spending_are_joined_by_future_and_time() -> None:
    one = Spending(growth([(0, 10, 1), (1, 10, 2)]), np.array([0, 0]), np.array([False, False]))
    two = Spending(growth([(0, 20, 3), (1, 5, 4)]), np.array([2, 2]), np.array([True, True]))
    joined = Spending.joined([one, two])
    assert joined.growth.amount.tolist() == [1, 3, 4, 2]
    assert joined.service.tolist() == [0, 2, 2, 0]
    assert joined.abroad.tolist() == [False, True, True, False]
    assert len(Spending.joined([]).growth.future) == 0
