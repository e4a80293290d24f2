"""What does each kind of pattern find?"""

from datetime import timedelta

import pytest
from pattern_samples import (
    DROPS,
    DROPS_THEN_CARE,
    NOON,
    Event,
    World,
    alert,
    care,
    detail,
    drop,
    facts,
    pattern,
    usage,
)

DAY = timedelta(days=1)


async def test_the_third_drop_in_a_cell_within_half_an_hour_is_told_with_those_that_made_it() -> None:
    world = World(pattern(DROPS))
    assert await world.arrive(drop("s-1", 0), drop("s-1", 10, "c2"), drop("s-2", 11)) == []
    assert await world.arrive(drop("s-1", 20, kind="access"), drop("s-1", 25)) == []
    [signal] = await world.arrive(drop("s-1", 29))
    assert signal.evidence == ("probe/d0", "probe/d25", "probe/d29")
    assert signal.event_time == NOON + timedelta(minutes=29)
    assert detail(signal).labels == {"cell": "c1", "severity": "warning"}
    assert detail(signal).measures == {"drops": 3.0}
    assert await world.arrive(drop("s-1", 29.5)) == []  # once a day


async def test_a_window_is_half_an_hour_and_no_longer() -> None:
    world = World(pattern(DROPS))
    assert await world.arrive(drop("s-1", 0), drop("s-1", 1), drop("s-1", 30)) == []
    assert len(await world.arrive(drop("s-1", 30.9, number="x"))) == 1


async def test_windows_are_told_again_on_the_next_day_of_the_customer() -> None:
    world = World(pattern(DROPS))
    # Midnight in Vienna is 11 in the evening, UTC.
    signals = await world.arrive(*(drop("s-1", 650 + at, number=f"e{at}") for at in range(15)))
    assert [each.event_time for each in signals] == [NOON + timedelta(minutes=652), NOON + timedelta(minutes=660)]


async def test_no_event_without_the_groups_field_counts() -> None:
    world = World(pattern(DROPS))
    assert await world.arrive(*(drop("s-1", at, "") for at in range(5))) == []


async def test_places_of_customers_who_have_not_consented_are_not_used() -> None:
    world = World(pattern(DROPS), people=[facts("s-1", places=False), facts("s-2")])
    signals = await world.arrive(*(drop(name, at) for at in range(5) for name in ("s-1", "s-2")))
    assert [each.subscription for each in signals] == ["s-2"]


SLIDING = "sliding: 1h"
MEASURED = (
    ("{sum: quantity}", "at_least: 60", True),
    ("{sum: quantity}", "above: 60", False),
    ("{max: quantity}", "at_least: 30", True),
    ("{max: quantity}", "above: 30", False),
    ("{min: quantity}", "at_most: 10", True),
    ("{min: quantity}", "below: 10", False),
    ("{avg: quantity}", "at_least: 20", True),
    ("{avg: quantity}", "above: 20", False),
    ("count", "at_least: 3", True),
    ("count", "below: 3, least_count: 3", False),
    ("{sum: 'double(quantity) / 2.0'}", "at_least: 30", True),
)
DISTINCT = (("{distinct: destination}", "at_least: 2", True), ("{distinct: destination}", "at_least: 3", False))
"""Counted in sliding windows alone."""


@pytest.mark.parametrize(
    ("stretch", "measure", "test", "told"),
    [
        *((SLIDING, *case) for case in (*MEASURED, *DISTINCT)),
        *((stretch, *case) for stretch in ("tumbling: day", "sliding: 2h, every: 30m") for case in MEASURED),
    ],
)
async def test_measures_and_tests(stretch: str, measure: str, test: str, told: bool) -> None:
    least = "" if "least_count" in test else ", least_count: 3"
    world = World(
        pattern(f"""
            format: cxmesh-pattern/1
            name: n
            events: {{use: {{type: usage}}}}
            window: {{event: use, {stretch}, measure: {measure}, {test}{least}}}
            lateness: 10m
            raises: {{kind: PATTERN, measures: {{value: value, count: count}}}}
        """)
    )
    signals = await world.arrive(
        *(
            usage("s-1", NOON + timedelta(minutes=at), quantity, destination=other)
            for at, quantity, other in ((1, 10, "1"), (2, 30, "2"), (3, 20, "1"))
        )
    )
    signals += await world.wait(2 * DAY)
    assert bool(signals) == told
    if told:
        assert signals[0].evidence == tuple(
            f"msc/u{int((NOON + timedelta(minutes=at)).timestamp())}000000" for at in (1, 2, 3)
        )


async def test_drops_and_then_a_call_to_care() -> None:
    world = World(pattern(DROPS_THEN_CARE))
    assert await world.arrive(care("s-1", 1), drop("s-1", 2), drop("s-1", 3), drop("s-1", 4), drop("s-2", 5)) == []
    assert await world.arrive(care("s-1", 20, "web"), care("s-2", 21)) == []
    [signal] = await world.arrive(care("s-1", 30))
    assert signal.evidence == ("probe/d2", "probe/d3", "probe/d4", "profile/t30")
    assert detail(signal).measures == {"drops": 3.0}
    assert detail(signal).labels == {"cell": "c1"}
    assert detail(signal).window_start_micros == int((NOON + timedelta(minutes=2)).timestamp()) * 10**6


async def test_a_sequence_wants_its_steps_in_order_and_in_time() -> None:
    world = World(pattern(DROPS_THEN_CARE))
    drops = [drop("s-1", at) for at in (0, 20, 40)]  # not within 30 minutes
    assert await world.arrive(*drops, care("s-1", 41)) == []
    assert await world.arrive(*(drop("s-2", at) for at in (0, 1, 2)), care("s-2", 123)) == []  # later than 2 hours


SILENT_STEP = """
format: cxmesh-pattern/1
name: Dropped, and no call within ten minutes
events: {drop: {type: call_failure}, use: {type: usage}}
sequence:
  within: 1h
  steps: [{event: drop}, {absent: use, for: 10m}]
lateness: 5m
raises: {kind: PATTERN}
"""


async def test_a_step_that_stays_away_is_told_when_it_can_come_no_more() -> None:
    world = World(pattern(SILENT_STEP))
    assert await world.arrive(drop("s-1", 0), drop("s-2", 0), usage("s-2", NOON + timedelta(minutes=3))) == []
    assert await world.wait(timedelta(minutes=11)) == []
    [signal] = await world.wait(timedelta(minutes=2))
    assert (signal.subscription, signal.event_time) == ("s-1", NOON + timedelta(minutes=10))


async def test_a_step_that_must_stay_away_in_between() -> None:
    world = World(
        pattern("""
            format: cxmesh-pattern/1
            name: n
            events: {drop: {type: call_failure}, use: {type: usage}, care: {type: touch_point}}
            sequence: {within: 1h, steps: [{event: drop}, {absent: use}, {event: care}]}
            lateness: 0s
            raises: {kind: PATTERN}
        """)
    )
    told = await world.arrive(
        drop("s-1", 0), care("s-1", 5), drop("s-2", 0), usage("s-2", NOON + timedelta(minutes=3)), care("s-2", 5)
    )
    assert [each.subscription for each in told] == ["s-1"]


SILENCE = """
format: cxmesh-pattern/1
name: No usage for seven days where daily was normal
events: {use: {type: usage}}
absence: {event: use, for: 7d, normal: {days: 14, at_least: 10}}
lateness: 1h
raises: {kind: SILENCE, measures: {days: silent_days, normal: normal_days}}
"""


async def test_silence_is_told_once_where_usage_was_normal() -> None:
    world = World(pattern(SILENCE))
    for day in range(20):
        daily = [usage("s-1", NOON + day * DAY)]
        weekly = [usage("s-2", NOON + day * DAY)] if day % 7 == 0 else []
        assert await world.arrive(*daily, *weekly, usage("s-3", NOON + day * DAY)) == []
    assert await world.wait(timedelta(days=4)) == []
    assert await world.arrive(usage("s-3", NOON + 23 * DAY)) == []
    [signal] = await world.wait(timedelta(days=3, hours=1))
    assert signal.subscription == "s-1"
    assert signal.event_time == NOON + 26 * DAY
    assert signal.evidence == (f"msc/u{int((NOON + 19 * DAY).timestamp())}000000",)
    assert detail(signal).measures == {"days": 7.0, "normal": 14.0}
    assert [each.subscription for each in await world.wait(30 * DAY)] == ["s-3"]
    assert await world.wait(30 * DAY) == []


async def test_a_silence_that_has_ended_before_it_was_looked_at_is_told_all_the_same() -> None:
    world = World(pattern(SILENCE))
    days = [*range(14), *range(24, 30)]
    [signal] = await world.arrive(*(usage("s-1", NOON + day * DAY) for day in days))
    assert signal.event_time == NOON + 20 * DAY


MORE = """
format: cxmesh-pattern/1
name: Far more than on the same weekday of the last eight weeks
events: {use: {type: usage}}
change:
  event: use
  every: day
  measure: {sum: quantity}
  baseline: {periods: 8, same_weekday: true, at_least: 4}
  above: {sigmas: 3, ratio: 2, least: 50}
raises: {kind: UNUSUAL_SPEND, measures: {value: value, mean: mean, sigma: sigma, periods: periods}}
"""


async def test_more_than_the_own_baseline_is_told_at_once() -> None:
    world = World(pattern(MORE))
    for week in range(6):
        await world.arrive(
            usage("s-1", NOON + 7 * week * DAY, 100 + week % 2), usage("s-2", NOON + 7 * week * DAY, 500)
        )
    assert await world.arrive(usage("s-1", NOON + 42 * DAY, 150), usage("s-2", NOON + 42 * DAY, 520)) == []
    [signal] = await world.arrive(usage("s-1", NOON + 42 * DAY + timedelta(hours=1), 60))
    assert detail(signal).measures == pytest.approx(
        {"value": 210, "mean": 100.6, "sigma": 0.547, "periods": 5}, abs=1e-3
    )
    assert signal.evidence == tuple(
        f"msc/u{int((NOON + 42 * DAY + timedelta(hours=hour)).timestamp())}000000" for hour in (0, 1)
    )


async def test_without_enough_periods_it_is_too_early_to_tell() -> None:
    world = World(pattern(MORE))
    for week in range(4):
        await world.arrive(usage("s-1", NOON + 7 * week * DAY, 100 + week))
    assert await world.arrive(usage("s-1", NOON + 28 * DAY, 10_000)) == []  # the first week seen may be a part


async def test_less_than_the_own_baseline_is_told_when_the_day_is_over_even_without_any_event() -> None:
    less = MORE.replace("above: {sigmas: 3, ratio: 2, least: 50}", "below: {sigmas: 2, ratio: 0.5}").replace(
        "{periods: 8, same_weekday: true, at_least: 4}", "{periods: 10}"
    )
    world = World(pattern(less))
    for day in range(12):
        assert await world.arrive(usage("s-1", NOON + day * DAY, 100 + day % 2)) == []
    told = await world.wait(3 * DAY)
    assert [detail(each).measures["value"] for each in told] == [0, 0]
    assert [each.event_time for each in told] == [NOON + timedelta(days=day, hours=11) for day in (12, 13)]


FAULT = """
format: cxmesh-pattern/1
name: Drops in a cell that is known to be faulty
events:
  drop: {type: call_failure}
  outage: {type: service_alert, where: service == "mobile"}
joins: [{event: drop, with: outage, on: cell, before: 5m, after: 10m}]
window: {event: drop, sliding: 1h, measure: count, at_least: 2}
raises: {kind: SERVICE_FAULT, labels: {alert: outage.id}}
"""


async def test_an_alert_makes_events_count_that_came_before_and_after_it() -> None:
    world = World(pattern(FAULT))
    assert await world.arrive(drop("s-1", 55), drop("s-1", 70), drop("s-2", 70, "c9"), drop("s-2", 71, "c9")) == []
    assert await world.alert(alert(60, 120, "c1", service="iptv", name="a-0")) == []
    [signal] = await world.alert(alert(60, 120, "c1", "c2"))
    assert signal.subscription == "s-1"
    assert signal.evidence == ("noc/a-1", "probe/d55", "probe/d70")
    assert detail(signal).labels == {"alert": "noc/a-1"}
    [signal] = await world.arrive(drop("s-3", 118, "c2"), drop("s-3", 124, "c2"), drop("s-4", 126, "c2"))
    assert signal.subscription == "s-3"


async def test_a_join_with_another_event_of_the_subscriber() -> None:
    joined = """
        format: cxmesh-pattern/1
        name: Trouble without a call to care in the hour before
        events: {drop: {type: call_failure}, care: {type: touch_point}}
        joins: [{event: drop, with: care, before: 1h, absent: true}]
        window: {event: drop, sliding: 1h, measure: count, at_least: 2}
        lateness: 0s
        raises: {kind: PATTERN}
    """
    world = World(pattern(joined))
    told = await world.arrive(
        drop("s-1", 70), drop("s-1", 80), care("s-2", 20), drop("s-2", 70), drop("s-2", 90), drop("s-2", 75)
    )
    assert [each.subscription for each in told] == ["s-1"]


async def test_subscribers_are_chosen_by_what_is_known_of_them() -> None:
    chosen = DROPS.replace(
        "events:", 'subscribers: subscriber.region == "US-KS" && subscriber.tenure_days > 10\nevents:', 1
    )
    world = World(pattern(chosen), people=[facts("s-1", region="US-KS"), facts("s-2", region="US-NY")])
    told = await world.arrive(*(drop(name, at) for at in range(3) for name in ("s-1", "s-2")))
    assert [each.subscription for each in told] == ["s-1"]


async def test_who_is_not_known_is_left_out() -> None:
    assert await World(pattern(DROPS)).arrive(*(drop("unknown", at) for at in range(3))) == []


async def test_local_hours_are_the_customers() -> None:
    nightly = DROPS.replace('kind == "dropped"', "local_hour >= 13 && local_weekday == 1")
    told = await World(pattern(nightly)).arrive(*(drop("s-1", at) for at in range(3)))
    assert len(told) == 1  # noon in London is 13 in Vienna
    later = DROPS.replace('kind == "dropped"', "local_hour >= 14")
    assert await World(pattern(later)).arrive(*(drop("s-1", at) for at in range(3))) == []


async def test_what_comes_too_late_to_matter_is_counted_and_ignored() -> None:
    world = World(pattern(DROPS))
    await world.arrive(drop("s-9", 300))
    assert await world.arrive(*(drop("s-1", at) for at in range(3))) == []
    assert world.late == {"p0": 3}


async def test_what_is_late_and_still_kept_counts() -> None:
    world = World(pattern(DROPS))
    await world.arrive(drop("s-1", 0), drop("s-1", 2))
    assert len(await world.arrive(Event("call_failure", "s-9", NOON + timedelta(hours=1), "x", {"kind": "x"}))) == 0
    assert len(await world.arrive(drop("s-1", 1))) == 1


async def test_a_source_that_is_ahead_makes_the_events_of_another_not_late() -> None:
    world = World(pattern(DROPS))
    ahead = drop("s-9", 600)
    await world.arrive(Event(ahead.type, "s-9", ahead.time, "x1", ahead.fields, "probe-2"))
    # Those of the first source are ten hours behind; by its own clock they are in time.
    told = await world.arrive(drop("s-1", 0)) + await world.arrive(drop("s-1", 1)) + await world.arrive(drop("s-1", 2))
    assert [each.subscription for each in told] == ["s-1"]
    assert world.late == {}
