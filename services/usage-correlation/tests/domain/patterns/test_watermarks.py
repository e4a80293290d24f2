"""How far has event time come, when one source is slower than the other?"""

from datetime import timedelta

from pattern_samples import NOON, Event, alert, events_of

from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.places import events_of as place_rows
from usage_correlation.domain.patterns.watermarks import Patience, SourceClock, advanced, watermark

PATIENCE = Patience.of(timedelta(minutes=5), timedelta(hours=1))


def at(minutes: float) -> int:
    return to_micros(NOON + timedelta(minutes=minutes))


def clock(event: float, as_of: float) -> SourceClock:
    return SourceClock(at(event), at(as_of))


def seen(source: str, minutes: float) -> Event:
    return Event("call_failure", "s-1", NOON + timedelta(minutes=minutes), f"{source}{minutes}", {}, source)


def test_a_source_is_as_far_as_its_latest_event() -> None:
    batches = events_of([seen("a", 5), seen("b", 2), seen("a", 9), seen("a", 7)])
    assert advanced({}, batches, at(20)) == {"a": clock(9, 20), "b": clock(2, 20)}


def test_a_late_event_sets_no_clock_back_and_other_sources_stand() -> None:
    known = {"a": clock(9, 10), "b": clock(2, 10)}
    assert advanced(known, events_of([seen("a", 3)]), at(20)) == {"a": clock(9, 20)}


def test_a_clock_that_is_ahead_of_ours_is_not_believed() -> None:
    assert advanced({}, events_of([seen("a", 5)]), at(2)) == {"a": clock(2, 2)}


def test_alerts_tell_when_they_begin_and_not_how_far_their_source_is() -> None:
    assert advanced({}, [place_rows([alert(0, 10, "c1")])], at(20)) == {}


def test_event_time_is_that_of_the_slowest_source() -> None:
    assert watermark({"a": clock(30, 30), "b": clock(10, 30)}, at(30), PATIENCE) == at(10)


def test_it_goes_on_with_the_wall_clock_while_nothing_comes_and_is_never_ahead_of_it() -> None:
    assert watermark({"a": clock(10, 30)}, at(34), PATIENCE) == at(14)
    assert watermark({"a": clock(30, 30)}, at(34), PATIENCE) == at(34)
    assert watermark({"a": clock(10, 30)}, at(25), PATIENCE) == at(10)


def test_a_source_that_is_silent_is_not_waited_for() -> None:
    clocks = {"a": clock(30, 30), "b": clock(10, 25)}
    assert watermark(clocks, at(30), PATIENCE) == at(15)
    assert watermark(clocks, at(30.1), PATIENCE) == at(30.1)


def test_when_all_are_silent_the_furthest_decides() -> None:
    assert watermark({"a": clock(20, 30), "b": clock(10, 25)}, at(60), PATIENCE) == at(50)


def test_a_source_that_is_far_behind_is_waited_for_no_longer_than_said() -> None:
    assert watermark({"a": clock(300, 300), "b": clock(0, 300)}, at(300), PATIENCE) == at(240)


def test_nothing_is_settled_before_the_first_event() -> None:
    assert watermark({}, at(0), PATIENCE) == 0
