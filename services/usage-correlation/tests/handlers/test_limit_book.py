"""Does every call work with the limit policies that were there when it began?"""

import asyncio

from limit_samples import limit_policy

from usage_correlation.domain.limits.policies import LimitPolicy
from usage_correlation.domain.policies import PolicyScope
from usage_correlation.handlers.limits.book import LimitBook


class Kept:
    """Policies that take their time to be read."""

    def __init__(self, *policies: LimitPolicy) -> None:
        self.policies = list(policies)
        self.read = 0

    async def all(self) -> list[LimitPolicy]:
        self.read += 1
        found = list(self.policies)
        await asyncio.sleep(0)
        return found


def ids(book: LimitBook, subscription: str = "s-1", plan: str = "p") -> list[str]:
    return [policy.id for policy in book.of(subscription, plan)]


async def test_policies_are_read_before_the_first_use_and_then_remembered() -> None:
    kept = Kept(limit_policy("a"))
    book = LimitBook(kept)  # type: ignore[arg-type]  # what it needs of the store
    await asyncio.gather(*(book.ready() for _ in range(3)))
    await book.ready()
    assert (ids(book), kept.read) == (["a"], 3)


async def test_who_comes_while_a_change_is_read_waits_for_it() -> None:
    kept = Kept(limit_policy("a"))
    book = LimitBook(kept)  # type: ignore[arg-type]  # what it needs of the store
    await book.ready()
    kept.policies.append(limit_policy("b"))
    book.outdate()
    reading = asyncio.ensure_future(book.reload(1))
    await book.ready()
    assert ids(book) == ["a", "b"]
    await reading


async def test_what_was_read_before_a_change_does_not_replace_what_was_read_after() -> None:
    kept = Kept(limit_policy("a"))
    book = LimitBook(kept)  # type: ignore[arg-type]  # what it needs of the store
    early = asyncio.ensure_future(book.reload(1))
    await asyncio.sleep(0)
    kept.policies = [limit_policy("b")]
    book.outdate()
    await book.ready()
    await early
    await book.ready()
    assert ids(book) == ["b"]


async def test_policies_are_found_for_whom_they_hold() -> None:
    everybody, paused = limit_policy("all"), limit_policy("paused", paused=True)
    plan, own = limit_policy("plan", holder=PolicyScope(plan="p")), limit_policy("own", holder=PolicyScope(None, "s-1"))
    book = LimitBook(Kept(everybody, plan, own, paused))  # type: ignore[arg-type]  # what it needs of the store
    await book.ready()
    assert ids(book) == ["all", "own", "plan"]
    assert ids(book, "s-2", "q") == ["all"]
    assert book.scopes == {everybody.terms.scope}
