"""Where does a lane's clock stand?"""

from datetime import timedelta

from pattern_samples import NOON, drop, events_of

from usage_correlation.domain.moments import to_micros
from usage_correlation.handlers.patterns.correlate import clocks

HOUR = 3600 * 10**6
NOW = to_micros(NOON + timedelta(days=10))


def at(minutes: float) -> int:
    return to_micros(NOON + timedelta(minutes=minutes))


def test_it_begins_at_the_first_events() -> None:
    before, now = clocks((0, 0), events_of([drop("s-1", 5), drop("s-1", 9)]), NOW)
    assert (before, now) == (0, at(9))


def test_it_goes_on_with_the_wall_clock_while_nothing_comes() -> None:
    assert clocks((at(0), NOW - HOUR), [], NOW)[1] == at(60)


def test_it_jumps_to_the_latest_event() -> None:
    assert clocks((at(0), NOW - HOUR), events_of([drop("s-1", 90)]), NOW)[1] == at(90)
    assert clocks((at(0), NOW - HOUR), events_of([drop("s-1", 30)]), NOW)[1] == at(60)


def test_it_is_never_ahead_of_the_wall_clock() -> None:
    assert clocks((0, 0), events_of([drop("s-1", 5)]), at(2)) == (0, at(2))


def test_what_waited_for_us_is_not_late_for_that() -> None:
    waited = drop("s-1", 30)
    arrived = events_of([type(waited)(**{**vars(waited), "arrival": NOON + timedelta(minutes=31)})])
    before, now = clocks((at(20), at(21)), arrived, at(600))
    assert before == at(30)
    assert now == at(599)


def test_a_clock_that_was_set_back_moves_nothing_back() -> None:
    assert clocks((at(20), at(30)), [], at(25))[1] == at(20)
