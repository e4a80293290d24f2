"""Is a bill under a tariff with shared allowances what rating all members together makes of it?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from billing_families import ZONE, grouped, on, sharing_tariff
from billing_samples import (
    END,
    POLICY,
    SINCE,
    START,
    TARIFFS,
    Account,
    Call,
    micro,
    tariff_document,
    usage_line,
    usage_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_accuracy.domain.bills import Bill
from billing_accuracy.domain.checking import Checked, check
from billing_accuracy.domain.findings import FindingClass, Verdict
from billing_accuracy.domain.rerate import Rerating
from rating import Account as Buckets
from rating import Bucket, Cycle, Service, Tariff, UsageRecord, bill_cycle, load_tariff, open_account, rate_for

SHARING = "plans/sharing"
RATE = Fraction("0.17")


def member(name: str, *calls: Call, **fields: Any) -> Account:
    usual: dict[str, Any] = {
        "plans": ((SHARING, SINCE),),
        "customer": "customers/family",
        "time_zone": "America/New_York",
    }
    return Account(**{"calls": calls, "name": f"subscriptions/{name}", **usual, **fields})


def day_bill(account: Account, uncovered_minutes: int) -> Bill:
    """One line, for all of the account's calls by day."""
    seconds = sum(call.seconds for call in account.calls if call.at >= timedelta())
    amount = str(uncovered_minutes * RATE)
    records = sum(call.at >= timedelta() for call in account.calls)
    return account.bill(usage_line("voice.day", amount, records, seconds))


def checked(members: Sequence[Account], *bills: Bill, **tariff: Any) -> list[Checked]:
    tariffs = {**TARIFFS, SHARING: sharing_tariff(**tariff)}
    by_name = {one.name: one for one in members}
    cases = grouped([by_name[bill.subscription].case(bill) for bill in bills], members, tariffs)
    return check(cases, usage_table(members), tariffs, POLICY)


def test_what_others_used_before_is_gone() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80))
    found = checked([first, second], day_bill(first, 40), day_bill(second, 0))
    assert [one.verdict for one in found] == [Verdict.PASS] * 2
    assert [one.record_count for one in found] == [1, 1]


def test_others_count_without_a_bill_of_their_own() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80))
    [found] = checked([first, second], day_bill(first, 40))
    assert found.verdict is Verdict.PASS


def test_a_bill_that_ignores_the_familys_use_says_so() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80))
    [found] = checked([first, second], day_bill(first, 0))
    [finding] = found.findings
    assert (finding.finding_class, finding.expected - finding.billed) == (FindingClass.ALLOWANCE, 40 * RATE)
    assert finding.cause == "as if nobody else used the allowances that are shared"
    told = (
        "1200 seconds of Family minutes, which is shared, used here; 4800 seconds used by others, 6000 seconds in all"
    )
    assert told in finding.derivation


def test_a_bill_without_any_allowance_says_so() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80))
    [found] = checked([first, second], day_bill(first, 60))
    assert [one.cause for one in found.findings] == ["without the allowances of the plan"]


def test_ones_own_are_used_before_what_is_shared() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80))
    found = checked([first, second], day_bill(first, 10), day_bill(second, 0), own=30)
    assert [one.verdict for one in found] == [Verdict.PASS, Verdict.PASS]


def test_only_those_with_the_plan_and_the_bill_cycle_share() -> None:
    first = member("a", on(5, 60))
    others = [
        member("b", on(3, 80), plans=(("plans/standard", SINCE),)),
        member("c", on(3, 80), bill_cycle_day=15),
        member("d", on(3, 80), customer="customers/others"),
        member("e", on(3, 80), time_zone="Nowhere/Here"),
    ]
    [found] = checked([first, *others], day_bill(first, 0))
    assert found.verdict is Verdict.PASS


def test_what_is_used_after_another_plan_was_taken_is_not_of_the_group() -> None:
    first = member("a", on(5, 60))
    second = member("b", on(3, 50), on(4, 50), plans=((SHARING, SINCE), ("plans/standard", on(4, 1).at + START)))
    [found] = checked([first, second], day_bill(first, 10))
    assert found.verdict is Verdict.PASS


def test_what_nobody_used_is_left_for_all() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 80), on(20, 60, month=1))
    found = checked([first, second], day_bill(first, 0), rollover_cycles=1, minutes=100)
    assert [one.verdict for one in found] == [Verdict.PASS]


def test_what_was_left_of_the_cycle_before_depends_on_those_who_left() -> None:
    left = (SHARING, datetime(2026, 1, 1, tzinfo=ZONE)), ("plans/standard", datetime(2026, 1, 25, tzinfo=ZONE))
    first = member("a", on(5, 160), plans=((SHARING, datetime(2026, 1, 1, tzinfo=ZONE)),))
    gone = member("b", on(20, 70, month=1), plans=left)
    found = checked([first, gone], day_bill(first, 30), rollover_cycles=1)
    assert found[0].verdict is Verdict.PASS
    [wrong] = checked([first, gone], day_bill(first, 60), rollover_cycles=1)
    assert [one.cause for one in wrong.findings] == ["without what was left of the allowances of earlier periods"]


def test_a_subscription_that_is_billed_twice_uses_nothing_twice() -> None:
    first, second = member("a", on(5, 60)), member("b", on(3, 20))
    again = replace(day_bill(first, 0), bill_id="b-2")
    found = checked([first, second], day_bill(first, 0), again, day_bill(second, 0))
    assert [one.verdict for one in found] == [Verdict.PASS] * 3


def test_money_that_is_shared_is_told_in_the_currency() -> None:
    more = {"unit": "money", "amount": "10", "covers": [{"line": "voice.day"}]}
    first, second = member("a", on(5, 60)), member("b", on(3, 30))
    [found] = checked([first, second], day_bill(first, 0), **more)
    [finding] = found.findings
    assert finding.expected == 60 * RATE - (10 - 30 * RATE)
    shown = "4.90 USD of Family minutes, which is shared, used here; 5.10 USD used by others, 10.00 USD in all"
    assert shown in finding.derivation


FREE = load_tariff(tariff_document(prices=("0", "0", "0", "0")))
HOURS = 90 * 24
BEGIN = START - timedelta(days=62)
OPENED = BEGIN - timedelta(days=10)
PLANS = [
    ((SHARING, OPENED),),
    ((SHARING, BEGIN + timedelta(days=40)),),
    ((SHARING, OPENED), ("plans/standard", BEGIN + timedelta(days=70))),
    ((SHARING, OPENED), ("plans/standard", BEGIN + timedelta(days=66)), (SHARING, BEGIN + timedelta(days=76))),
    (("plans/standard", OPENED), (SHARING, BEGIN + timedelta(days=75))),
    ((SHARING, OPENED), ("plans/standard", BEGIN + timedelta(days=30))),
]
calls = st.builds(
    lambda hours, minutes: Call(timedelta(hours=hours) - timedelta(days=62), minutes * 60),
    st.integers(0, HOURS - 1),
    st.integers(1, 90),
)
members = st.builds(
    lambda calls, plans, day: (tuple(calls), plans, day),
    st.lists(calls, max_size=8),
    st.sampled_from(PLANS),
    st.sampled_from([1, 1, 1, 15]),
)
tariffs = st.fixed_dictionaries(
    {
        "minutes": st.integers(1, 300),
        "own": st.sampled_from([0, 0, 20]),
        "rollover_cycles": st.sampled_from([0, 1, 2]),
        "proration": st.sampled_from(["none", "by_day"]),
    }
)


@settings(deadline=None)
@given(st.lists(members, min_size=1, max_size=4), tariffs)
def test_it_agrees_with_rating_all_members_together_record_by_record(drawn: Sequence[Any], fields: Any) -> None:
    accounts = [
        member(f"s-{number}", *calls, plans=plans, bill_cycle_day=day)
        for number, (calls, plans, day) in enumerate(drawn)
    ]
    known = {"plans/standard": FREE, SHARING: sharing_tariff(**fields)}
    mine = [one for one in accounts if one.bill_cycle_day == 1]
    cases = grouped([one.case(one.bill()) for one in mine], accounts, known)
    rerating = Rerating(cases, usage_table(accounts), known)
    right = together(mine, known[SHARING])
    for index, one in enumerate(mine):
        amounts = {code: charge.amount for code, charge in rerating.due(index).charges.items() if charge.amount}
        assert amounts == {code: amount for code, amount in right.get(one.name, {}).items() if amount}
        assert rerating.due(index).charges.keys() == rerating.expected(index).charges.keys()


def together(accounts: Sequence[Account], tariff: Tariff) -> dict[str, dict[str, Fraction]]:
    """What each is to pay for February by line: one record after the other, on accounts whose shared part is one."""
    shared: tuple[Bucket, ...] = ()
    own: dict[tuple[str, datetime], Buckets] = {}
    exact: dict[tuple[str, datetime, str], Fraction] = defaultdict(Fraction)
    for cycle in _cycles(OPENED):
        exact.clear()
        held = [stretch for one in accounts for stretch in _stretches(one, cycle)]
        if not held:
            continue
        whole = Cycle(min(one[2].start for one in held), max(one[2].end for one in held))
        shared = _of("family", open_account(tariff, cycle, whole, Buckets(shared), "family"))
        for account, since, stretch in held:
            begun = open_account(tariff, cycle, stretch, own.get((account.name, since)), "family")
            own[account.name, since] = Buckets(_of("", begun), begun.counters)
        events = sorted(
            (account.start + call.at, account.name, since, call.seconds, call.destination)
            for account, since, stretch in held
            for call in account.calls
            if stretch.start <= account.start + call.at < stretch.end
        )
        for start, name, since, seconds, destination in events:
            before = Buckets((*own[name, since].buckets, *shared), own[name, since].counters)
            rated = rate_for(UsageRecord(Service.VOICE, start, seconds, destination), tariff, before)
            shared = _of("family", rated.account)
            own[name, since] = Buckets(_of("", rated.account), rated.account.counters)
            for charge in rated.rating.charges:
                exact[name, since, charge.line] += charge.amount
    found: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    assert tariff.line_rounding is not None
    for (name, _, line), amount in exact.items():
        found[name][line] += micro(tariff.line_rounding.apply(amount))
    return {name: dict(lines) for name, lines in found.items()}


def _of(owner: str, account: Buckets) -> tuple[Bucket, ...]:
    return tuple(bucket for bucket in account.buckets if bucket.owner == owner)


def _cycles(since: datetime) -> list[Cycle]:
    cycles = [bill_cycle(START, 1, ZONE)]
    assert (cycles[0].start, cycles[0].end) == (START, END)
    while cycles[0].start > since:
        cycles.insert(0, bill_cycle(cycles[0].start - timedelta(seconds=1), 1, ZONE))
    return cycles


def _stretches(account: Account, cycle: Cycle) -> list[tuple[Account, datetime, Cycle]]:
    """When the account held the plan in a cycle, each with the moment from which it was held."""
    found = []
    for one in account.subscription.plan_periods:
        start, end = max(one.start, cycle.start), min(one.end or cycle.end, cycle.end)
        if one.plan == SHARING and start < end:
            found.append((account, one.start, Cycle(start, end)))
    return found
