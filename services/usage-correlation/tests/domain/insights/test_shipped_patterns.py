"""Does each shipped pattern speak up for what it is for, and for nothing else?"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pattern_samples import NOON, Event, World, alert, care, drop, pattern, usage

import usage_correlation
from usage_correlation.domain.insights.perceived import perceived
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.signals import PatternMatched, Signal, SignalKind

FOLDER = Path(usage_correlation.__file__).parent / "patterns"
DAY = timedelta(days=1)


def shipped(name: str) -> World:
    return World(pattern((FOLDER / f"{name}.yaml").read_text()))


def said(signal: Signal) -> PatternMatched:
    assert isinstance(signal.detail, PatternMatched)
    return signal.detail


def device(name: str, at: timedelta, tac: str = "35000001", *capabilities: str) -> Event:
    fields = {"tac": tac, "model": f"m-{tac}", "capabilities": "\x1f".join(capabilities)}
    return Event("device_seen", name, NOON + at, f"v{at.total_seconds()}{tac}", fields)


def voice(name: str, at: float, **measured: Any) -> Event:
    return Event("voice_quality", name, NOON + timedelta(minutes=at), f"q{at}", {"codec": "PCMA", **measured})


def stream(name: str, at: float, **measured: Any) -> Event:
    return Event("stream_quality", name, NOON + timedelta(minutes=at), f"s{at}", measured)


async def test_every_shipped_pattern_is_sound_and_raises_a_kind_of_its_own() -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    assert len(files) == 7
    for file in files:
        assert pattern(file.read_text()).raises.kind is not SignalKind.PATTERN


async def test_three_dropped_calls_in_a_day_are_told_at_once_and_once() -> None:
    world = shipped("repeated-drops")
    assert await world.arrive(drop("s-1", 0), drop("s-1", 300, "c2"), drop("s-2", 10)) == []
    (signal,) = await world.arrive(drop("s-1", 600, "c3"))
    assert (signal.kind, signal.subscription) == (SignalKind.REPEATED_DROPS, "s-1")
    assert said(signal).measures == {"drops": 3}
    assert await world.arrive(drop("s-1", 620)) == []


async def test_failed_attempts_and_drops_far_apart_are_no_repeated_drops() -> None:
    world = shipped("repeated-drops")
    assert await world.arrive(*(drop("s-1", at, kind="access") for at in (0, 1, 2, 3))) == []
    assert await world.arrive(*(drop("s-2", day * 24 * 60.0) for day in range(5))) == []


async def test_drops_in_one_cell_and_then_a_call_to_care_are_told_with_the_cell() -> None:
    world = shipped("drops-then-care")
    assert await world.arrive(drop("s-1", 0), drop("s-1", 10), drop("s-1", 20)) == []
    (signal,) = await world.arrive(care("s-1", 60))
    assert said(signal).labels["cell"] == "c1"
    assert said(signal).labels["severity"] == "critical"
    assert len(signal.evidence) == 4


async def test_drops_in_different_cells_before_a_call_to_care_are_not() -> None:
    world = shipped("drops-then-care")
    assert await world.arrive(drop("s-1", 0, "c1"), drop("s-1", 10, "c2"), drop("s-1", 20, "c3"), care("s-1", 60)) == []


async def test_calls_that_sound_poor_are_told_from_their_causes_alone() -> None:
    world = shipped("voice-quality")
    bad = {"delay_ms": 300.0, "jitter_ms": 60.0, "loss_percent": 8.0}
    assert await heard(world, voice("s-1", 0, **bad), voice("s-1", 5, **bad)) == []
    (signal,) = await heard(world, voice("s-1", 9, **bad))
    assert (signal.kind, said(signal).measures) == (SignalKind.VOICE_QUALITY, {"calls": 3})


async def test_calls_that_sound_good_or_that_nobody_can_rate_are_not() -> None:
    world = shipped("voice-quality")
    good = {"delay_ms": 60.0, "jitter_ms": 5.0, "loss_percent": 0.2}
    assert await heard(world, *(voice("s-1", at, **good) for at in range(5))) == []
    unrated = {"codec": "EVS", "delay_ms": 300.0, "loss_percent": 8.0}
    assert await heard(world, *(voice("s-2", at, **unrated) for at in range(5))) == []
    assert await heard(world, *(voice("s-3", at, mos=4.1, loss_percent=30.0) for at in range(5))) == []


async def test_streams_that_fail_or_keep_stopping_are_told() -> None:
    world = shipped("stream-quality")
    stopping = {"played_ms": 60_000.0, "rebuffering_count": 5, "rebuffering_ms": 20_000.0, "startup_ms": 900.0}
    assert await heard(world, stream("s-1", 0, **stopping)) == []
    (signal,) = await heard(world, stream("s-1", 30, failed=True))
    assert (signal.kind, said(signal).measures) == (SignalKind.STREAM_QUALITY, {"streams": 2})
    (late,) = await heard(world, *(stream("s-2", at, startup_ms=15_000.0, played_ms=600_000.0) for at in (0, 30)))
    assert late.subscription == "s-2"


async def test_streams_that_play_well_are_not() -> None:
    world = shipped("stream-quality")
    fine = {"played_ms": 3_600_000.0, "rebuffering_count": 1, "rebuffering_ms": 1500.0, "startup_ms": 1200.0}
    assert await heard(world, *(stream("s-1", at, **fine) for at in range(6))) == []


def place(name: str, at: float, cell: str) -> Event:
    return Event("location", name, NOON + timedelta(minutes=at), f"l{at}", {"cell": cell})


def used(name: str, at: float, cell: str) -> Event:
    return usage(name, NOON + timedelta(minutes=at), cell=cell)


@pytest.mark.parametrize(("name", "here"), [("service-fault", place), ("service-fault-usage", used)])
async def test_a_fault_is_told_at_once_to_those_who_were_there_and_have_not_called(name: str, here: Any) -> None:
    world = shipped(name)
    await world.arrive(here("s-1", 0, "c1"), here("s-2", 1, "c2"), here("s-3", 2, "c1"))
    assert await world.arrive(care("s-3", 20)) == []
    assert await world.wait(timedelta(minutes=10)) == []
    (signal,) = await world.alert(alert(30, None, "c1"))
    assert (signal.subscription, signal.kind) == ("s-1", SignalKind.SERVICE_FAULT)
    assert said(signal).labels["alert"] == "noc/a-1"
    # Whoever comes there while it lasts hears of it too, as soon as nothing earlier is to be expected.
    assert await world.arrive(here("s-4", 40, "c1")) == []
    (later,) = await world.wait(timedelta(minutes=6))
    assert later.subscription == "s-4"


@pytest.mark.parametrize("name", ["service-fault", "service-fault-usage"])
async def test_a_fault_elsewhere_or_long_after_is_no_matter(name: str) -> None:
    world = shipped(name)
    here = (
        place if name == "service-fault" else lambda who, at, cell: usage(who, NOON + timedelta(minutes=at), cell=cell)
    )
    await world.arrive(here("s-1", 0, "c1"), here("s-2", 0, ""))
    assert await world.alert(alert(30, None, "c7")) == []
    await world.wait(timedelta(hours=8))
    assert await world.alert(alert(480, None, "c1", name="a-2")) == []


async def test_a_second_device_within_a_month_is_a_change() -> None:
    world = shipped("device-change")
    assert await world.arrive(device("s-1", timedelta()), device("s-1", DAY), device("s-2", DAY, "35000009")) == []
    (signal,) = await world.arrive(device("s-1", 2 * DAY, "35000002"))
    assert (signal.kind, signal.subscription) == (SignalKind.DEVICE_CHANGE, "s-1")
    assert await world.arrive(device("s-1", 3 * DAY, "35000002")) == []


async def heard(world: World, *events: Event) -> list[Signal]:
    """Events as they come in: rated where nobody has."""
    from pattern_samples import events_of  # noqa: PLC0415 - beside its use

    rated = [Events(each.type, each.subscriptions, each.times, each.arrivals, each.sources, each.ids,
                    perceived(each.type, each.fields)) for each in events_of(events)]  # fmt: skip
    world.stored += rated
    world.clock = max(world.clock, *(int(each.times.max()) for each in rated))
    return await world._take(rated)


@pytest.mark.parametrize(
    "name", ["service-fault", "repeated-drops", "voice-quality", "stream-quality", "device-change"]
)
async def test_nothing_at_all_raises_nothing(name: str) -> None:
    assert await shipped(name).wait(60 * DAY) == []
