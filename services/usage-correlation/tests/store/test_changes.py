"""Does every replica hear of every change, in the order of commits?"""

import asyncio
from datetime import UTC, datetime, timedelta

from mesh.clock import FixedClock
from mesh.store import Store
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.store.changes import LISTED, ChangeStore, note_changes

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN, SUBSCRIPTION = ChangeKind.PLAN, ChangeKind.SUBSCRIPTION


async def note(store: Store, *changes: tuple[ChangeKind, str], now: datetime = NOW) -> None:
    async with store.unit_of_work() as uow:
        await note_changes(uow.connection, changes, now)


async def test_whoever_looks_for_the_first_time_knows_nothing(store: Store) -> None:
    assert (await ChangeStore(store, FixedClock(NOW)).since(-1)).changed is None


async def test_changes_since_a_version_are_listed_once_each(store: Store) -> None:
    log = ChangeStore(store, FixedClock(NOW))
    start = (await log.since(-1)).version
    await note(store, (PLAN, "gold"), (SUBSCRIPTION, "s-1"), (PLAN, "gold"))
    await note(store, (SUBSCRIPTION, "s-2"))
    changes = await log.since(start)
    assert changes.version == start + 2
    assert changes.changed == {(PLAN, "gold"), (SUBSCRIPTION, "s-1"), (SUBSCRIPTION, "s-2")}
    assert (await log.since(start + 1)).changed == {(SUBSCRIPTION, "s-2")}
    assert (await log.since(start + 2)).changed == frozenset()


async def test_nothing_noted_is_no_change(store: Store) -> None:
    log = ChangeStore(store, FixedClock(NOW))
    start = (await log.since(-1)).version
    await note(store)
    assert (await log.since(start)).version == start


async def test_a_version_is_visible_only_with_all_before_it(store: Store) -> None:
    log = ChangeStore(store, FixedClock(NOW))
    start = (await log.since(-1)).version
    async with store.unit_of_work() as slow:
        await note_changes(slow.connection, [(PLAN, "slow")], NOW)
        fast = asyncio.create_task(note(store, (PLAN, "fast")))
        await asyncio.sleep(0.05)
        assert not fast.done()
        assert (await log.since(start)).version == start
    await fast
    assert (await log.since(start)).changed == {(PLAN, "slow"), (PLAN, "fast")}


async def test_who_comes_too_late_forgets_everything(store: Store) -> None:
    clock = FixedClock(NOW)
    log = ChangeStore(store, clock)
    start = (await log.since(-1)).version
    await note(store, (PLAN, "old"))
    later = NOW + LISTED + timedelta(seconds=1)
    await note(store, (PLAN, "new"), now=later)
    clock.advance(later - NOW)
    await log.prune()
    assert (await log.since(start)).changed is None
    assert (await log.since(start + 1)).changed == {(PLAN, "new")}
    await log.prune()
    assert (await log.since(start + 1)).changed == {(PLAN, "new")}
