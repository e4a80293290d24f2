"""What is asked and what is kept, seen from the use case alone?"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest
from billing_checks import NOW, bill_run
from billing_samples import POLICY, TARIFFS, Account, usage_table, with_amounts

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.findings import Verdict
from billing_accuracy.domain.runs.systematic import SystematicRule
from billing_accuracy.domain.usage import Subscription
from billing_accuracy.domain.usage_table import UsageTable
from billing_accuracy.errors import BillProblem, BillRunNotFound
from billing_accuracy.handlers.check_bills import BillChecker
from billing_accuracy.handlers.ports import BillCheck, BillRun, View, Work
from rating import Tariff


class NoEntries:
    """Nothing happened on any account."""

    async def between(self, subscriptions: Collection[str], start: datetime, end: datetime) -> Mapping[str, Any]:
        return {}

    async def latest(self, subscriptions: Collection[str]) -> Mapping[str, Any]:
        return {}

    async def balances(self, bills: Sequence[Bill]) -> Mapping[str, Any]:
        return {}


class NoReports:
    """Nothing is kept of runs as a whole."""

    def __getattr__(self, name: str) -> Any:
        async def nothing(*_: object) -> dict[Any, Any]:
            return {}

        return nothing


@dataclass
class Fakes:
    """All ports in one: what is known, and what was asked, kept, told and counted."""

    accounts: Sequence[Account]
    kept: dict[str, BillCheck] = field(default_factory=dict)
    raced: dict[str, BillCheck] = field(default_factory=dict)
    """Comes in from another call, after this one looked and before it writes."""
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)

    @property
    def checker(self) -> BillChecker:
        ports = cast("Any", self)
        return BillChecker(ports, ports, ports, ports, POLICY, ports, SystematicRule())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[View]:
        ports = cast("Any", self)
        yield View(ports, ports, cast("Any", NoEntries()), ports, cast("Any", NoEntries()), cast("Any", NoReports()))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Work]:
        self.kept |= self.raced
        ports = cast("Any", self)
        yield Work(ports, ports, ports, ports, ports, ports, NOW, cast("Any", NoReports()))

    async def get(self, bill_run_id: str) -> BillRun:
        if bill_run_id != "run":
            raise BillRunNotFound(bill_run_id)
        return bill_run()

    async def get_many(self, bill_run_id: str, bill_ids: Collection[str]) -> Mapping[str, BillCheck]:
        return {bill_id: self.kept[bill_id] for bill_id in bill_ids if bill_id in self.kept}

    async def add(self, checks: Sequence[BillCheck]) -> Collection[str]:
        new = [check for check in checks if check.bill_id not in self.kept]
        self.kept |= {check.bill_id: check for check in new}
        return [check.bill_id for check in new]

    async def subscriptions(self, names: Collection[str]) -> Mapping[str, Subscription]:
        self.asked.append("profile")
        return {one.name: one.subscription for one in self.accounts if one.name in names}

    async def tariffs(self, plans: Collection[str]) -> Mapping[str, Tariff]:
        self.asked.append("catalogue")
        return TARIFFS

    async def between(self, subscriptions: Collection[str], start: datetime, end: datetime) -> UsageTable:
        self.asked.append("usage")
        return usage_table(self.accounts)

    async def uncharged(self, *_: object) -> Mapping[str, Any]:
        return {}

    async def record_ids(self, *_: object) -> Mapping[Any, Sequence[str]]:
        self.asked.append("records")
        return {}

    def bill_held(self, check: BillCheck) -> None:
        self.told.append(check.bill_id)

    def checked(self, checks: Sequence[BillCheck]) -> None:
        self.counted += [check.bill_id for check in checks]


ONE, OTHER = Account(name="subscriptions/s-1"), Account(name="subscriptions/s-2")


def bill(account: Account, bill_id: str, digest: bytes = b"1", **amounts: str) -> Bill:
    return replace(with_amounts(account.right_bill(), **amounts), bill_id=bill_id, digest=digest)


async def test_new_checks_are_kept_told_and_counted() -> None:
    fakes = Fakes([ONE, OTHER])
    found = await fakes.checker.check("run", [bill(ONE, "a"), bill(OTHER, "b", day="50")])
    assert found == list(fakes.kept.values())
    assert [one.verdict for one in fakes.kept.values()] == [Verdict.PASS, Verdict.HOLD]
    assert (fakes.told, fakes.counted) == (["b"], ["a", "b"])
    assert fakes.asked == ["profile", "catalogue", "usage"]


async def test_what_is_known_needs_no_peer_and_is_not_told_or_counted_again() -> None:
    fakes = Fakes([ONE])
    first = await fakes.checker.check("run", [bill(ONE, "a", day="50")])
    fakes.asked.clear()
    assert await fakes.checker.check("run", [bill(ONE, "a", day="50")]) == first
    assert (fakes.asked, fakes.told, fakes.counted) == ([], ["a"], ["a"])


async def test_a_check_that_came_in_between_stays_and_is_the_answer() -> None:
    other = Fakes([ONE])
    await other.checker.check("run", [bill(ONE, "a", day="50"), bill(ONE, "b", b"2", day="50")])
    fakes = Fakes([ONE], raced=other.kept)
    same, differs = await fakes.checker.check("run", [bill(ONE, "a", day="50"), bill(ONE, "b", b"3")])
    assert same is other.kept["a"]
    assert isinstance(differs, BillProblem)
    assert differs.reason == "BILL_CONFLICT"
    assert (fakes.told, fakes.counted) == ([], [])


async def test_nothing_is_written_when_nothing_can_be_checked() -> None:
    fakes = Fakes([ONE])
    stranger = replace(bill(ONE, "a"), subscription="subscriptions/none")
    foreign = replace(bill(ONE, "b"), currency="EUR")
    found = await fakes.checker.check("run", [stranger, foreign])
    reasons = [one.reason for one in found if isinstance(one, BillProblem)]
    assert reasons == ["SUBSCRIPTION_NOT_FOUND", "INVALID_BILL"]
    assert (fakes.asked, fakes.kept) == (["profile"], {})


async def test_no_bills_ask_nobody() -> None:
    fakes = Fakes([ONE])
    assert await fakes.checker.check("run", []) == []
    assert fakes.asked == []


async def test_a_run_that_is_not_there_is_said_before_anything_is_asked() -> None:
    fakes = Fakes([ONE])
    with pytest.raises(BillRunNotFound):
        await fakes.checker.check("none", [bill(ONE, "a")])
    assert fakes.asked == []
