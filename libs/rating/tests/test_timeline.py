"""Is the band at every instant what the wall clock of the tariff's zone shows?"""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import rating_generator as generator
from hypothesis import given
from hypothesis import strategies as st

from rating.schedule import BandRow, Schedule, build_schedule, clock
from rating.timeline import BLOCK_SECONDS, TimelineBuilder, from_epoch, offset_spans, to_epoch

HOURLY = build_schedule("hours", [BandRow(str(h), tuple(range(7)), h * 3600, (h + 1) % 24 * 3600) for h in range(24)])[
    0
]


class Numbered:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def day(self, day: int) -> list[tuple[int, int]]:
        return [(second, int(band)) for second, band in self.schedule.day_plan(day)]


@given(st.sampled_from(generator.ZONES), st.sampled_from(generator.MOMENTS), st.integers(-200_000, 200_000))
def test_the_band_is_what_the_wall_clock_shows(zone: str, moment: datetime, seconds: int) -> None:
    instant = to_epoch(moment) + seconds
    timeline = TimelineBuilder(zone, np.array([0]), [Numbered(HOURLY)]).covering(instant, instant + 90_000)
    slot = timeline.slot_at(instant)
    wall = from_epoch(instant).astimezone(ZoneInfo(zone))
    assert timeline.bands[slot, 0] == wall.hour
    until = from_epoch(int(timeline.until[slot, 0])).astimezone(ZoneInfo(zone))
    before = (until.astimezone(UTC) - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
    assert until.hour != wall.hour
    assert before.hour == wall.hour


@pytest.mark.parametrize("zone", generator.ZONES)
def test_offsets_are_those_of_zoneinfo(zone: str) -> None:
    low = to_epoch(datetime(2025, 12, 31, tzinfo=UTC))
    spans = offset_spans(ZoneInfo(zone), low, low + 366 * 86_400)
    r = Random(1)  # repeatable
    for _ in range(2000):
        instant = r.randrange(low, low + 366 * 86_400)
        (offset,) = [offset for start, end, offset in spans if start <= instant < end]
        assert from_epoch(instant).astimezone(ZoneInfo(zone)).utcoffset() == timedelta(seconds=offset)


def test_a_band_goes_on_across_blocks_and_midnight() -> None:
    night = [BandRow("0", tuple(range(7)), 20 * 3600, 6 * 3600), BandRow("1", tuple(range(7)), 6 * 3600, 20 * 3600)]
    schedule, clashes = build_schedule("night", night)
    assert not clashes
    edge = 700 * BLOCK_SECONDS
    timeline = TimelineBuilder("UTC", np.array([0]), [Numbered(schedule)]).covering(edge - 10, edge + 10)
    assert timeline.until[timeline.slot_at(edge - 10), 0] == edge + 6 * 3600


def test_blocks_far_apart_make_one_timeline() -> None:
    builder = TimelineBuilder("Europe/Vienna", np.array([0]), [Numbered(HOURLY)])
    timeline = builder.of_blocks((0, 900))
    for instant in (5, 900 * BLOCK_SECONDS + 5):
        wall = from_epoch(instant).astimezone(ZoneInfo("Europe/Vienna"))
        assert timeline.bands[timeline.slot_at(instant), 0] == wall.hour


def test_gaps_and_overlaps_are_found() -> None:
    rows = [BandRow("a", (0,), 0, 7200), BandRow("b", (0, 6), 3600, 3600)]
    _, clashes = build_schedule("broken", rows)
    assert [str(clash) for clash in clashes] == [
        "rows 0 and 1 overlap mon 00:00-02:00",
        "no row covers tue 01:00-24:00",
        "no row covers wed, thu, fri, sat 00:00-24:00",
        "no row covers sun 00:00-01:00",
    ]
    assert clock(3661) == "01:01:01"
