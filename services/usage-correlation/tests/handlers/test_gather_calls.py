"""Are calls that waited together stored together, and is what is wrong with one no concern of the others?"""

import asyncio
from collections.abc import Sequence

import pytest

from usage_correlation.domain.refusals import BatchOutcome
from usage_correlation.domain.usage import UsageBatch
from usage_correlation.handlers.gather_calls import AT_ONCE, MOST_RECORDS, Asked, GatherCalls


def batch(name: str, size: int = 1) -> UsageBatch:
    ids = [f"{name}-{number}" for number in range(size)]
    ones, texts = [1] * size, [""] * size
    return UsageBatch(list(range(size)), texts, ids, texts, ones, ones, ones, texts, texts, texts)


class Transactions:
    """Stores what it is given when told to."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.poison = ""

    async def __call__(self, calls: Sequence[Asked]) -> Sequence[BatchOutcome]:
        names = [call.batch.record_ids[0] for call in calls]
        self.groups.append(names)
        await self.gate.wait()
        if self.poison in names:
            raise ValueError(self.poison)
        return [BatchOutcome(len(call.batch), 0, {}) for call in calls]


async def test_a_call_that_comes_alone_waits_for_nobody() -> None:
    transactions = Transactions()
    transactions.gate.set()
    assert (await GatherCalls(transactions)(batch("a", 3))).accepted == 3


async def test_calls_that_wait_are_stored_together_each_with_its_own_outcome() -> None:
    transactions = Transactions()
    gather = GatherCalls(transactions)
    asked = [asyncio.ensure_future(gather(batch(f"c{number}", number + 1))) for number in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    transactions.gate.set()
    outcomes = await asyncio.gather(*asked)
    assert [each.accepted for each in outcomes] == list(range(1, AT_ONCE + 4))
    assert [len(group) for group in transactions.groups] == [1] * AT_ONCE + [3]


async def test_a_transaction_has_a_bound() -> None:
    transactions = Transactions()
    gather = GatherCalls(transactions)
    asked = [asyncio.ensure_future(gather(batch(f"c{number}", MOST_RECORDS // 2))) for number in range(AT_ONCE + 3)]
    await asyncio.sleep(0)
    transactions.gate.set()
    await asyncio.gather(*asked)
    assert [len(group) for group in transactions.groups] == [1] * AT_ONCE + [2, 1]


async def test_what_fails_together_is_tried_apart() -> None:
    transactions = Transactions()
    transactions.poison = "bad-0"
    gather = GatherCalls(transactions)
    first = [asyncio.ensure_future(gather(batch(f"first{number}"))) for number in range(AT_ONCE)]
    others = [asyncio.ensure_future(gather(batch(name))) for name in ("one", "bad", "two")]
    await asyncio.sleep(0)
    transactions.gate.set()
    await asyncio.gather(*first)
    assert (await others[0]).accepted == 1
    assert (await others[2]).accepted == 1
    with pytest.raises(ValueError, match="bad-0"):
        await others[1]


async def test_a_caller_that_has_gone_is_not_stored_while_it_waits() -> None:
    transactions = Transactions()
    gather = GatherCalls(transactions)
    busy = [asyncio.ensure_future(gather(batch(f"busy{number}"))) for number in range(AT_ONCE)]
    gone = asyncio.ensure_future(gather(batch("gone")))
    stays = asyncio.ensure_future(gather(batch("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    transactions.gate.set()
    await asyncio.gather(*busy, stays)
    assert transactions.groups[AT_ONCE:] == [["stays-0"]]
