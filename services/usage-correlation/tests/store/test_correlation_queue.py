"""Do events wait until somebody has worked on them, and is forgotten what no pattern needs?"""

from collections.abc import Sequence

import numpy as np
import pytest
from pattern_samples import NOON, drop, events_of, facts
from sqlalchemy import text

from mesh.store import Store
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.patterns.columns import Events
from usage_correlation.domain.patterns.hits import Kept, Sums, objects
from usage_correlation.domain.patterns.watermarks import Patience, SourceClock
from usage_correlation.handlers.patterns.handing_over import by_lane
from usage_correlation.handlers.patterns.ports import LANES, Due, KeptPart, Stretch, SumPart
from usage_correlation.server.signals import signal_raised
from usage_correlation.store.correlation_queue import PostgresLanes, enqueue
from usage_correlation.store.keys import KeyStore

AT = to_micros(NOON)
MINUTE = 60 * 10**6
PATIENCE = Patience(5 * MINUTE, 60 * MINUTE)


@pytest.fixture
async def lanes(store: Store) -> PostgresLanes:
    async with store.unit_of_work() as uow:
        for table in ("correlation_queue", "pattern_event", "pattern_sum", "pattern_due"):
            await uow.connection.execute(text(f"DELETE FROM usage.{table}"))  # noqa: S608 - names of our own tables
        await uow.connection.execute(text("DELETE FROM usage.correlation_source"))
        await uow.connection.execute(text("UPDATE usage.correlation_lane SET clock_micros = 0, as_of_micros = 0"))
    return PostgresLanes(store, signal_raised)


async def wait(store: Store, *batches: tuple[int, Events]) -> None:
    async with store.unit_of_work() as uow:
        await enqueue(uow, batches)


def batch(*minutes: float) -> Events:
    [events] = events_of([drop("s-1", minute) for minute in minutes])
    return events


async def test_batches_wait_in_their_lane_in_the_order_in_which_they_came(store: Store, lanes: PostgresLanes) -> None:
    await wait(store, (2, batch(1)), (3, batch(9)))
    await wait(store, (2, batch(2, 3)))
    assert sorted(await lanes.pending([], AT, PATIENCE)) == [2, 3]
    async with lanes.free(2) as lane:
        assert lane is not None
        assert [each.ids for each in await lane.waiting(10, [])] == [["d1"], ["d2", "d3"]]
    assert await lanes.pending([], AT, PATIENCE) == [3]


async def test_a_lane_that_is_held_is_passed_by(store: Store, lanes: PostgresLanes) -> None:
    await wait(store, (1, batch(1)))
    async with lanes.free(1) as lane, lanes.free(1) as other, lanes.free(2) as free:
        assert lane is not None
        assert other is None
        assert free is not None


async def test_what_was_not_finished_is_there_again(store: Store, lanes: PostgresLanes) -> None:
    await wait(store, (1, batch(1)))

    async def broken_off() -> None:
        async with lanes.free(1) as lane:
            assert lane is not None
            assert len(await lane.waiting(10, [])) == 1
            await lane.leave({"probe": SourceClock(AT, AT)}, (AT, AT))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken_off()
    async with lanes.free(1) as lane:
        assert lane is not None
        assert await lane.clocks() == {}
        assert len(await lane.waiting(10, [])) == 1


async def subject(store: Store, name: str) -> tuple[int, object]:
    key = (await KeyStore(store).of_subscriptions([name]))[name]
    one = facts(name, key=key)
    return one.shard % LANES, one


def kept(*minutes: int, state_class: int = 0) -> Kept:
    size = len(minutes)
    numbers = np.array([AT + minute * MINUTE for minute in minutes], np.int64)
    zeros = np.zeros(size, np.int64)
    names = objects([f"p/{minute}" for minute in minutes])
    same = objects(["c1"] * size)
    return Kept(zeros, numbers, numbers, zeros + state_class, same, np.ones(size), zeros - 7, same, same, names)


async def test_kept_events_are_read_by_subscriber_and_time_and_kept_once(store: Store, lanes: PostgresLanes) -> None:
    number, one = await subject(store, "s-1")
    async with lanes.free(number) as lane:
        assert lane is not None
        for _ in range(2):
            await lane.memory.keep_events([KeptPart(7, [one], kept(0, 5, 9)), KeptPart(8, [one], kept(5))])
        stretches = [
            Stretch(7, [one], {0: (AT + MINUTE, AT + 9 * MINUTE)}),
            Stretch(8, [one], {0: (AT, AT + MINUTE)}),
        ]
        found = await lane.memory.events(stretches)
        assert [sorted(each.references.tolist()) for each in found] == [["p/5", "p/9"], []]
        assert (found[0].digests.tolist(), found[0].cells.tolist()) == ([-7, -7], ["c1", "c1"])


def sums(minute: int, count: int, total: float, latest: int) -> Sums:
    def one(value: float, kind: type = np.int64) -> np.ndarray:
        return np.array([value], kind)

    start, at = AT + minute * MINUTE, AT + latest * MINUTE
    return Sums(
        one(0), objects([""]), one(start), one(count), one(total, np.float64), one(total, np.float64),
        one(total, np.float64), one(at), one(at), one(at), objects([f"p/{latest}"]),
    )  # fmt: skip


async def test_sums_add_up_and_know_their_latest_event(store: Store, lanes: PostgresLanes) -> None:
    number, one = await subject(store, "s-1")
    async with lanes.free(number) as lane:
        assert lane is not None
        for each in (sums(0, 2, 5.5, 9), sums(0, 1, 1.5, 3), sums(60, 1, 1, 61)):
            await lane.memory.add_sums([SumPart(7, [one], each)])
        [found] = await lane.memory.sums([Stretch(7, [one], {0: (AT, AT)})])
        [row] = zip(*(column.tolist() for column in (found.counts, found.totals, found.lows, found.highs)), strict=True)
        assert row == (3, 7.0, 1.5, 5.5)
        assert (found.firsts[0], found.latests[0], found.references[0]) == (AT + 3 * MINUTE, AT + 9 * MINUTE, "p/9")


async def test_whom_to_look_at_again(store: Store, lanes: PostgresLanes) -> None:
    number, one = await subject(store, "s-1")
    async with lanes.free(number) as lane:
        assert lane is not None
        memory = lane.memory
        await memory.look_again([(7, one, 50, 60)], earliest=True)
        await memory.look_again([(7, one, 70, 80)], earliest=True)
        await memory.look_again([(7, one, 10, 20)], earliest=False)
        assert list(await memory.take_due([7], 59, 10)) == []
        assert list(await memory.take_due([8], 60, 10)) == []
        assert list(await memory.take_due([7], 60, 10)) == [Due(7, "s-1", 50)]
        assert list(await memory.take_due([7], 60, 10)) == []
        await memory.look_again([(7, one, 70, 80), (7, one, 65, 75)], earliest=True)
        assert list(await memory.take_due([7], 75, 10)) == [Due(7, "s-1", 65)]
        await memory.look_again([(7, one, 70, 80)], earliest=True)
    assert await lanes.pending([7], 79, PATIENCE) == []
    assert await lanes.pending([8], 80, PATIENCE) == []


async def test_what_is_too_old_or_of_no_pattern_is_forgotten(store: Store, lanes: PostgresLanes) -> None:
    number, one = await subject(store, "s-1")
    async with lanes.free(number) as lane:
        assert lane is not None
        parts = [KeptPart(state, [one], kept(0, 30)) for state in (7, 8, 9)]
        await lane.memory.keep_events(parts)
        await lane.memory.add_sums([SumPart(state, [one], sums(0, 1, 1, 1)) for state in (7, 9)])
        await lane.memory.look_again([(7, one, 1, 1), (9, one, 1, 1)], earliest=True)
        await lane.leave({}, (AT + 40 * MINUTE, AT))
    await lanes.prune({7: 20 * MINUTE, 8: 60 * MINUTE}, 0)
    assert await rows(store, "pattern_event", "state_key, (event_micros - :at) / 60000000") == [
        (7, 30),
        (8, 0),
        (8, 30),
    ]
    assert await rows(store, "pattern_sum", "state_key, :at") == []
    assert await rows(store, "pattern_due", "state_key, :at - :at") == [(7, 0)]


async def rows(store: Store, table: str, columns: str) -> Sequence[tuple[int, int]]:
    async with store.reading() as connection:
        statement = text(f"SELECT {columns} FROM usage.{table} ORDER BY 1, 2")  # noqa: S608 - names of our own tables
        return [(row[0], row[1]) for row in await connection.execute(statement, {"at": AT})]


def test_lanes_are_those_of_shards() -> None:
    [events] = events_of([drop(f"s-{number}", 1) for number in range(1, 50)])
    for lane, piece in by_lane(events):
        assert {facts(name).shard % LANES for name in piece.subscriptions.values} == {lane}
