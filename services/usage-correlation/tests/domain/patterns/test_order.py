"""Are the same signals raised, whatever the order in which events arrive within the lateness?"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pattern_samples import DROPS, DROPS_THEN_CARE, NOON, Event, World, care, detail, drop, pattern, usage

from usage_correlation.domain.signals import Signal

LATENESS = timedelta(minutes=30)
_AT = "lateness: 30m\n"
DATA = """
format: cxmesh-pattern/1
name: n
events: {use: {type: usage, where: 'usage_type == "data"'}}
window: {event: use, %s}
raises: {kind: PATTERN, measures: {value: value, count: count}}
"""
AT_ONCE = {
    "sliding": DROPS + _AT,
    "sequence": DROPS_THEN_CARE + _AT,
    "sum by hour": DATA % "tumbling: hour, measure: {sum: quantity}, at_least: 60" + _AT,
    "max in steps": DATA % "sliding: 1h, every: 15m, measure: {max: quantity}, above: 35" + _AT,
    "distinct": DATA % "sliding: 1h, measure: {distinct: quantity}, at_least: 4" + _AT,
    "joined": """
format: cxmesh-pattern/1
name: n
events: {drop: {type: call_failure}, care: {type: touch_point}}
joins: [{event: drop, with: care, before: 20m, after: 20m}]
window: {event: drop, sliding: 1h, measure: count, at_least: 2}
raises: {kind: PATTERN}
"""
    + _AT,
}
SETTLED = {
    "mean": DATA % "sliding: 1h, measure: {avg: quantity}, above: 25, least_count: 3" + _AT,
    "little": DATA % "tumbling: hour, measure: {sum: quantity}, below: 30" + _AT,
    "by choice": DROPS + _AT + "raise: settled\n",
    "absent": """
format: cxmesh-pattern/1
name: n
events: {drop: {type: call_failure}, use: {type: usage}, care: {type: touch_point}}
sequence: {within: 2h, steps: [{event: drop, count: 2}, {absent: use}, {event: care}]}
raises: {kind: PATTERN}
"""
    + _AT,
    "at the end": """
format: cxmesh-pattern/1
name: n
events: {drop: {type: call_failure}, use: {type: usage}}
sequence: {within: 2h, steps: [{event: drop, count: 2}, {absent: use, for: 20m}]}
raises: {kind: PATTERN}
"""
    + _AT,
    "joined": AT_ONCE["joined"].replace("after: 20m}", "after: 20m, absent: true}"),
}


@st.composite
def events(draw: st.DrawFn) -> list[tuple[Event, timedelta]]:
    """Of two subscribers within four hours, each with the time that it takes to arrive."""
    several = []
    for number in range(draw(st.integers(1, 30))):
        minute = draw(st.integers(0, 240))
        name = draw(st.sampled_from(("s-1", "s-2")))
        kind = draw(st.sampled_from(("drop", "drop", "care", "use", "use")))
        if kind == "drop":
            event = drop(name, minute, draw(st.sampled_from(("c1", "c2"))), number=f"d{number}")
        elif kind == "care":
            event = Event("touch_point", name, care(name, minute).time, f"t{number}", {"channel": "call"}, "profile")
        else:
            used = usage(name, NOON + timedelta(minutes=minute), draw(st.integers(0, 40)))
            event = Event("usage", name, used.time, f"u{number}", used.fields, "msc")
        several.append((event, timedelta(seconds=draw(st.integers(0, 29 * 60)))))
    return several


async def signals(text: str, arriving: list[Event], sizes: list[int]) -> list[Signal]:
    """What is raised when they arrive so many at a time, and then nothing for a day."""
    world = World(pattern(text))
    told, rest, number = [], list(arriving), 0
    while rest:
        size = sizes[number % len(sizes)]
        told += await world.arrive(*rest[:size])
        del rest[:size]
        number += 1
    told += await world.wait(timedelta(days=1))
    assert world.late == {}
    return sorted(told, key=lambda each: each.id)


def content(signal: Signal) -> tuple[object, ...]:
    said = detail(signal)
    bounds = (said.window_start_micros, said.window_end_micros)
    return signal.id, signal.event_time, signal.evidence, bounds, dict(said.measures), dict(said.labels)


SETTINGS = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SIZES = st.lists(st.integers(1, 7), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", AT_ONCE)
@given(several=events(), sizes=SIZES)
@example(several=[(drop("s-1", at), timedelta(minutes=29 - at)) for at in (0, 1, 2, 28)], sizes=[1])
@SETTINGS
async def test_what_is_raised_at_once_is_the_same_in_every_order(
    kind: str, several: list[tuple[Event, timedelta]], sizes: list[int]
) -> None:
    in_order = [each for each, _ in sorted(several, key=lambda one: one[0].time)]
    as_they_come = [each for each, _ in sorted(several, key=lambda one: one[0].time + one[1])]
    expected = await signals(AT_ONCE[kind], in_order, [1])
    assert [each.id for each in await signals(AT_ONCE[kind], as_they_come, sizes)] == [each.id for each in expected]


@pytest.mark.parametrize("kind", SETTLED)
@given(several=events(), sizes=SIZES)
@SETTINGS
async def test_what_is_raised_settled_is_the_same_to_the_last_word(
    kind: str, several: list[tuple[Event, timedelta]], sizes: list[int]
) -> None:
    in_order = [each for each, _ in sorted(several, key=lambda one: one[0].time)]
    as_they_come = [each for each, _ in sorted(several, key=lambda one: one[0].time + one[1])]
    expected = await signals(SETTLED[kind], in_order, [1])
    found = await signals(SETTLED[kind], as_they_come, sizes)
    assert [content(each) for each in found] == [content(each) for each in expected]


@pytest.mark.parametrize("kind", [*AT_ONCE, *SETTLED])
@given(several=events(), sizes=SIZES)
@SETTINGS
async def test_events_in_order_say_the_same_however_many_come_together(
    kind: str, several: list[tuple[Event, timedelta]], sizes: list[int]
) -> None:
    text = AT_ONCE.get(kind) or SETTLED[kind]
    in_order = [each for each, _ in sorted(several, key=lambda one: (one[0].time, one[0].source, one[0].id))]
    one_by_one = await signals(text, in_order, [1])
    assert [each.id for each in await signals(text, in_order, sizes)] == [each.id for each in one_by_one]
