"""Do bill cycles that are over speak up: plans that don't suit, churn risks, stagnation, early adopters?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from insight_world import JANUARY_1, insight_world, months, move_to, rounds_go_on, signals_seen
from sqlalchemy import text
from usage_acts import record, signals_of
from usage_samples import ABROAD, fresh, tariff_document, usage_record
from usage_world import World

from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_RETIRED
from cxmesh.profile.v1.customer_pb2 import CHANNEL_CALL, CHANNEL_WEB, Channel
from cxmesh.profile.v1.events_pb2 import TouchPointRecorded
from cxmesh.usage.v1.signal_pb2 import (
    SIGNAL_KIND_CHURN_RISK,
    SIGNAL_KIND_EARLY_ADOPTER,
    SIGNAL_KIND_PLAN_MISFIT,
    SIGNAL_KIND_STAGNATION,
)
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_CONTENT, USAGE_TYPE_DATA, UsageRecord
from mesh.testkit import Certificates

START = datetime(2026, 3, 20, tzinfo=UTC)
"""When the test's clock begins: the cycle of March is over on 1 April, and judged three days later."""
JUDGED = datetime(2026, 4, 4, 12, tzinfo=UTC)
"""Three days later, in New York."""

LINES = """
format: cxmesh-tariff/1
id: {id}
name: {id}
currency: USD
time_zone: America/New_York
versions:
  - from: "2020-01-01"
    zones:
      - {{id: games, names: [games]}}
      - {{id: other, default: true}}
    rates:
      - {{line: voice, service: voice, price: "0.05", per: minute}}
      - {{line: data, service: data, price: "0.01", per: megabyte}}
      - {{line: content.games, service: content, zone: games, flat: "30.00"}}
      - {{line: content, service: content, flat: "30.00"}}
"""


@pytest.fixture(scope="module")
async def world(postgres_url: str, redis_url: str, certificates: Certificates) -> AsyncIterator[World]:
    """Each test has subscriptions of its own; time goes on in one of them alone, the last."""
    options = "churn-world=international"
    async with insight_world(postgres_url, redis_url, certificates, START, churn_plan_options=options) as made:
        await _judged(made, START)
        await _everything_happens(made)
        move_to(made, JUDGED)
        await _judged(made, JUDGED)
        yield made


JUDGING = ["plan-misfit", "churn-risk", "stagnation", "early-adopter"]


async def _rounds(world: World) -> Sequence[Any]:
    """Any: rows."""
    async with world.service.runtime.store.reading() as connection:
        return (
            await connection.execute(
                text("SELECT * FROM usage.insight_round WHERE insight = ANY(:names)"), {"names": JUDGING}
            )
        ).all()


async def _judged(world: World, now: datetime) -> None:
    """Wait until every insight has looked at every shard."""
    for _ in range(200):
        done = [each.done_until_time for each in await _rounds(world)]
        if len(done) == 4 * 64 and set(done) == {now - timedelta(hours=72)}:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the rounds don't end")


SUBSCRIPTIONS: dict[str, str] = {}
"""By what happened to them: the world is made once, since time goes forward only."""


async def _everything_happens(world: World) -> None:
    world.catalogue.sell("dear", tariff_document("dear", day="0.50", monthly="10.00"))
    world.catalogue.sell("cheap", tariff_document("cheap", day="0.05", monthly="11.00"))
    world.catalogue.sell("foreign", tariff_document("foreign", day="0.01", currency="EUR"))
    world.catalogue.sell("lines", LINES.format(id="lines"), PLAN_STATE_RETIRED)
    await _misfits(world)
    await _churners(world)
    await _stagnant(world)
    await _adopters(world)


async def _calls(
    world: World, name: str, starts: Sequence[datetime], seconds: int = 600, destination: str = "12125550100"
) -> None:
    await record(world, *(usage_record(name, seconds, start=start, destination=destination) for start in starts))


async def _misfits(world: World) -> None:
    for what, plan, cycles in (
        ("misfit", "dear", 3), ("suits", "cheap", 3), ("new", "dear", 3), ("moved", "dear", 3), ("little", "cheap", 3),
    ):  # fmt: skip
        activated = datetime(2026, 2, 10, tzinfo=UTC) if what == "new" else datetime(2020, 1, 1, tzinfo=UTC)
        name = SUBSCRIPTIONS[what] = world.profile.hold(plan, activated=activated)
        if what == "moved":
            world.profile.change_plan(name, "standard", datetime(2026, 2, 1, tzinfo=UTC))
            world.profile.change_plan(name, "dear", datetime(2026, 2, 15, tzinfo=UTC))
        starts = [start for start in months(cycles) if start >= activated]
        await _calls(world, name, starts, seconds=5280 if what == "little" else 6000)


async def _churners(world: World) -> None:
    """Everybody calls an hour a month by day; some call care again and again."""
    world.catalogue.sell("churn-world", tariff_document("churn-world"))
    march = months(3)[2]
    calm = [world.profile.hold() for _ in range(12)]
    SUBSCRIPTIONS.update({f"calm-{number}": name for number, name in enumerate(calm)})
    calls = [usage_record(name, 1100, start=march + timedelta(days=day)) for name in calm for day in range(10)]
    await record(world, *calls)
    name = SUBSCRIPTIONS["angry"] = world.profile.hold()
    await _calls(world, name, [march + timedelta(days=day) for day in range(3)], seconds=1100)
    await _touches(world, name, CHANNEL_CALL, 5)
    name = SUBSCRIPTIONS["browsing"] = world.profile.hold()
    await _calls(world, name, [march + timedelta(days=day) for day in range(10)], seconds=1100)
    await _touches(world, name, CHANNEL_WEB, 5)
    name = SUBSCRIPTIONS["abroad"] = world.profile.hold("churn-world")
    await _calls(world, name, [march + timedelta(days=day) for day in range(2)], seconds=600, destination=ABROAD)


async def _touches(world: World, name: str, channel: Channel.ValueType, count: int) -> None:
    """What the profile tells of, through the outbox."""
    async with world.service.runtime.store.unit_of_work() as uow:
        for number in range(count):
            event = TouchPointRecorded()
            event.touch_point.name = f"customers/c-{name}/touchPoints/t-{number}"
            event.touch_point.channel = channel
            event.touch_point.reason = "billing.question"
            event.touch_point.start_time.FromDatetime(datetime(2026, 3, 2 + number, tzinfo=UTC))
            uow.publish(event, key=f"c-{name}")


def _data(name: str, start: datetime, megabytes: float) -> UsageRecord:
    return usage_record(name, int(megabytes * 10**6), start=start, usage_type=USAGE_TYPE_DATA, destination="")


async def _stagnant(world: World) -> None:
    a_year = months(12, JANUARY_1.replace(year=2025, month=4))
    moving = [100, 150, 220, 300, 380, 450]
    for what, quantities in (
        ("stagnant", [*moving, 500, 505, 495, 500, 498, 502]),
        ("growing", [*moving, 500, 600, 700, 800, 900, 1000]),
        ("steady", [500] * 12),
        ("silent", [*moving, 500, 505, 0, 500, 498, 502]),
    ):
        name = SUBSCRIPTIONS[what] = world.profile.hold("lines")
        await record(world, *(_data(name, start, each) for start, each in zip(a_year, quantities, strict=True) if each))


async def _adopters(world: World) -> None:
    """Sixty use content; games are new in March, and two of them take them up."""
    old = JANUARY_1.replace(year=2025, month=4)
    march = months(3)[2]
    records = []
    for number in range(60):
        name = SUBSCRIPTIONS[f"user-{number}"] = world.profile.hold("lines")
        records += [_content(name, old, "films"), _content(name, march, "films")]
        records += [_content(name, march, "games")] if number < 2 else []
    await record(world, *records)


def _content(name: str, start: datetime, kind: str) -> UsageRecord:
    return usage_record(name, 1, start=start, usage_type=USAGE_TYPE_CONTENT, destination=kind)


async def test_a_plan_that_costs_more_than_another_for_the_real_usage_is_told(world: World) -> None:
    (signal,) = await signals_seen(world, SUBSCRIPTIONS["misfit"], SIGNAL_KIND_PLAN_MISFIT)
    said = signal.plan_misfit
    assert (said.current_plan, said.better_plan, said.cycle_count) == ("plans/dear", "plans/cheap", 3)
    # Three cycles of 100 minutes by day and the monthly fee: 3 * (50 + 10) against 3 * (5 + 11).
    assert (said.current_cost.units, said.better_cost.units, said.saved.units) == (180, 48, 132)
    assert said.saved_percent == pytest.approx(100 * 132 / 180)
    assert said.record_count == 3
    assert said.start_time.ToDatetime(UTC) == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert said.end_time.ToDatetime(UTC) == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert signal.event_time == said.end_time
    assert len(signal.evidence_records) == 1


@pytest.mark.parametrize("what", ["suits", "new", "moved", "little"])
async def test_no_advice_where_it_would_not_help_or_too_little_is_known(world: World, what: str) -> None:
    await signals_seen(world, SUBSCRIPTIONS["misfit"], SIGNAL_KIND_PLAN_MISFIT)
    assert SIGNAL_KIND_PLAN_MISFIT not in [each.kind for each in await signals_of(world, SUBSCRIPTIONS[what])]


async def test_who_calls_care_again_and_again_is_a_churn_risk_with_the_reason(world: World) -> None:
    (signal,) = await signals_seen(world, SUBSCRIPTIONS["angry"], SIGNAL_KIND_CHURN_RISK)
    said = signal.churn_risk
    assert said.probability > 0.5
    assert said.reasons[0].theme == "care"
    assert said.reasons[0].features["care_contacts"] == 5
    assert "mlc_churn" in said.model
    assert said.model_auc > 0.9
    assert said.cycle_end_time.ToDatetime(UTC) == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert 1 <= len(signal.evidence_records) <= 20


async def test_an_option_for_other_countries_that_is_hardly_used_is_a_churn_risk(world: World) -> None:
    (signal,) = await signals_seen(world, SUBSCRIPTIONS["abroad"], SIGNAL_KIND_CHURN_RISK)
    reason = signal.churn_risk.reasons[0]
    assert reason.theme == "international"
    assert reason.features["international_option"] == 1
    assert reason.features["international_calls"] == pytest.approx(2 * 30 / 31, abs=0.01)
    assert reason.features["international_minutes"] == pytest.approx(20 * 30 / 31, abs=0.05)


async def test_others_are_no_risk(world: World) -> None:
    await signals_seen(world, SUBSCRIPTIONS["angry"], SIGNAL_KIND_CHURN_RISK)
    for what in ("calm-0", "calm-7", "browsing"):
        assert SIGNAL_KIND_CHURN_RISK not in [each.kind for each in await signals_of(world, SUBSCRIPTIONS[what])]


async def test_usage_that_grew_and_then_stood_still_is_told(world: World) -> None:
    (signal,) = await signals_seen(world, SUBSCRIPTIONS["stagnant"], SIGNAL_KIND_STAGNATION)
    said = signal.stagnation
    assert (said.charge_code, said.cycle_count) == ("data", 6)
    assert said.mean_quantity == pytest.approx(500e6)
    assert said.largest_change_percent == pytest.approx(1.0)
    assert said.earlier_change_percent > 20
    assert said.start_time.ToDatetime(UTC) == datetime(2025, 10, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize("what", ["growing", "steady", "silent"])
async def test_usage_that_moves_or_never_moved_is_no_stagnation(world: World, what: str) -> None:
    await signals_seen(world, SUBSCRIPTIONS["stagnant"], SIGNAL_KIND_STAGNATION)
    assert SIGNAL_KIND_STAGNATION not in [each.kind for each in await signals_of(world, SUBSCRIPTIONS[what])]


async def test_the_first_few_who_use_what_is_new_are_early_adopters(world: World) -> None:
    (signal,) = await signals_seen(world, SUBSCRIPTIONS["user-0"], SIGNAL_KIND_EARLY_ADOPTER)
    said = signal.early_adopter
    assert said.charge_code == "content.games"
    assert said.available_since.ToDatetime(UTC) == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert 0 < said.adopters_share < 0.16
    assert await signals_seen(world, SUBSCRIPTIONS["user-1"], SIGNAL_KIND_EARLY_ADOPTER)
    assert SIGNAL_KIND_EARLY_ADOPTER not in [each.kind for each in await signals_of(world, SUBSCRIPTIONS["user-2"])]


async def test_every_cycle_is_judged_once(world: World) -> None:
    await signals_seen(world, SUBSCRIPTIONS["misfit"], SIGNAL_KIND_PLAN_MISFIT)
    before = {what: len(await signals_of(world, name)) for what, name in SUBSCRIPTIONS.items()}
    await rounds_go_on(world)
    assert {what: len(await signals_of(world, name)) for what, name in SUBSCRIPTIONS.items()} == before
    rounds = await _rounds(world)
    assert len(rounds) == 4 * 64
    assert all(each.target_time is None for each in rounds)
    assert {each.done_until_time for each in rounds} == {JUDGED - timedelta(hours=72)}


async def test_a_process_that_dies_in_a_page_leaves_nothing_half_done(world: World) -> None:
    """A page that fails commits neither its signals nor its progress; the next run does it again."""
    from usage_correlation.handlers.insights.rounds import LookAtClosedCycles, Pace  # noqa: PLC0415 - this test alone
    from usage_correlation.server.signals import signal_raised  # noqa: PLC0415 - the same
    from usage_correlation.store.insight_rounds import PostgresRounds  # noqa: PLC0415 - the same

    class Dies:
        insight = fresh("dies")

        def __init__(self) -> None:
            self.seen: list[str] = []
            self.page: list[str] = []
            self.dies = True

        async def __call__(self, cycles: Sequence[object]) -> Sequence[object]:
            self.page = [each.subscription for each in cycles]  # type: ignore[attr-defined]  # closed cycles
            self.seen += self.page
            if self.dies and len(self.seen) > 20:
                raise RuntimeError("killed")
            return []

    finder = Dies()
    rounds = PostgresRounds(world.service.runtime.store, signal_raised, timedelta(hours=24))
    job = LookAtClosedCycles(finder, rounds, world.clock, Pace(timedelta(hours=72), page=3))  # type: ignore[arg-type]  # raises nothing
    with pytest.raises(RuntimeError, match="killed"):
        await job()
    lost = finder.page
    finder.seen, finder.dies = [], False
    await job()
    assert set(lost) <= set(finder.seen)
    assert len(finder.seen) == len(set(finder.seen))
    finder.seen = []
    assert await job() == 0
    assert finder.seen == []


async def test_a_run_ends_after_so_many_pages_and_the_next_goes_on(world: World) -> None:
    from usage_correlation.handlers.insights.rounds import LookAtClosedCycles, Pace  # noqa: PLC0415 - this test alone
    from usage_correlation.server.signals import signal_raised  # noqa: PLC0415 - the same
    from usage_correlation.store.insight_rounds import PostgresRounds  # noqa: PLC0415 - the same

    class Counts:
        insight = fresh("counts")

        def __init__(self) -> None:
            self.seen: list[str] = []

        async def __call__(self, cycles: Sequence[object]) -> Sequence[object]:
            self.seen += [each.subscription for each in cycles]  # type: ignore[attr-defined]  # closed cycles
            return []

    finder = Counts()
    rounds = PostgresRounds(world.service.runtime.store, signal_raised, timedelta(hours=24))
    pace = Pace(timedelta(hours=72), page=2, pages_a_run=30)
    runs = 0
    while True:
        before = len(finder.seen)
        await LookAtClosedCycles(finder, rounds, world.clock, pace)()  # type: ignore[arg-type]  # raises nothing
        runs += 1
        if len(finder.seen) == before:
            break
    assert runs > 2
    assert len(finder.seen) == len(set(finder.seen))
    assert SUBSCRIPTIONS["misfit"] in finder.seen
