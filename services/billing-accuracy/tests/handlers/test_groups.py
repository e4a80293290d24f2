"""Who shares allowances with the subscription of a bill, and when can't that be known?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from billing_families import ZONE, sharing_tariff
from billing_samples import SINCE, START, TARIFFS, Account

from billing_accuracy.domain.usage import BillCase, Subscription
from billing_accuracy.errors import BillProblem
from billing_accuracy.handlers.groups import Groups
from rating import Tariff

SHARING = "plans/sharing"
ONCE = datetime(2026, 1, 1, tzinfo=ZONE)


def member(name: str, since: datetime = ONCE, **fields: Any) -> Account:
    usual = {"plans": ((SHARING, since),), "customer": "customers/family", "time_zone": "America/New_York"}
    return Account(**{"calls": (), "name": f"subscriptions/{name}", **usual, **fields})


@dataclass
class Told:
    """A profile that tells of these."""

    held: Sequence[Subscription]
    asked: int = 0

    async def subscriptions(self, names: Collection[str]) -> Mapping[str, Subscription]:
        raise AssertionError("nobody asks for single ones")

    async def households(self, customers: Collection[str], most: int) -> Mapping[str, Sequence[Subscription]]:
        self.asked += 1
        return {name: [one for one in self.held if one.customer == name] for name in customers}


def tariffs(**fields: Any) -> dict[str, Tariff]:
    return {**TARIFFS, SHARING: sharing_tariff(**fields)}


async def joined(profile: Told, known: Mapping[str, Tariff], *accounts: Account) -> list[BillCase]:
    cases = [one.case(one.bill()) for one in accounts]
    groups = await Groups.of(profile, cases, known)
    return [groups.joined(case) for case in cases]


async def test_bills_without_shared_allowances_ask_nobody() -> None:
    alone, profile = Account(), Told([])
    [case] = await joined(profile, TARIFFS, alone)
    assert (case.groups, case.reads, profile.asked) == ((), {alone.name}, 0)


async def test_members_of_one_group_have_one_group() -> None:
    both = member("a"), member("b", START + timedelta(days=3))
    first, second = await joined(Told([one.subscription for one in both]), tariffs(), *both)
    assert first.groups[0] is second.groups[0]
    assert first.reads == {"subscriptions/a", "subscriptions/b"}
    assert first.reads_from == START


async def test_what_was_held_before_counts_where_allowances_roll_over() -> None:
    left = member("b", plans=((SHARING, ONCE), ("plans/standard", START - timedelta(days=3))))
    first = member("a", START - timedelta(days=9))
    [case] = await joined(Told([one.subscription for one in (first, left)]), tariffs(rollover_cycles=1), first)
    assert (case.reads, case.reads_from, case.has_past) == ({first.name, left.name}, ONCE, True)
    [case] = await joined(Told([one.subscription for one in (first, left)]), tariffs(), first)
    assert (case.reads, case.reads_from, case.has_past) == ({first.name}, START, False)


async def test_a_bill_stays_as_it_is_checked_whatever_is_told_a_moment_later() -> None:
    first = member("a")
    [case] = await joined(Told([replace(first.subscription, bill_cycle_day=15)]), tariffs(rollover_cycles=1), first)
    assert [one.subscription for one in case.groups[0].holdings] == [first.name]


async def test_a_group_that_is_not_told_of_is_a_reason_to_refuse() -> None:
    with pytest.raises(BillProblem, match="its bills depend on how others use minutes, which is shared"):
        await joined(Told([]), tariffs(), member("a"))


async def test_too_long_a_past_of_anybody_is_a_reason_to_refuse() -> None:
    both = member("a"), member("b", SINCE - timedelta(days=5 * 365))
    told = Told([one.subscription for one in both])
    with pytest.raises(BillProblem, match="for longer than 60 cycles, whose allowances roll over"):
        await joined(told, tariffs(rollover_cycles=1), both[0])
