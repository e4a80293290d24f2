"""Decisions are kept once, come back as they went, and are found by customer, campaign and time."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from offer_samples import ADA, NOW, campaign, facts, occasion, trigger

from mesh.store import Store
from offer_decision.domain.decisions import Decision, Outcome
from offer_decision.domain.weigh import decide
from offer_decision.errors import DecisionNotFound
from offer_decision.handlers.outcomes import hear_of_delivery
from offer_decision.handlers.ports import Records, Work
from offer_decision.store.records import records_on

LATER = NOW + timedelta(hours=1)


def made(number: int = 1, *, silent: bool = False, now: datetime = NOW, **fields) -> Decision:
    about = occasion(trigger(resource=f"signals/{number}", **fields))
    return decide(about, [] if silent else [campaign(recommend_plan=True)], facts(), now)


async def test_a_decision_comes_back_as_it_went(records: Records):
    acting, silent = made(1), made(2, silent=True)
    answered = replace(made(3, subscription=""), outcome=Outcome.READ, outcome_time=LATER)
    await records.decisions.add([acting, silent, answered])

    for one in (acting, silent, answered):
        assert await records.decisions.get(one.decision_id) == one
        assert await records.decisions.get(one.decision_id, lock=True) == one


async def test_what_is_known_is_left_alone(records: Records):
    first, second = made(1), made(2)

    assert await records.decisions.add([]) == frozenset()
    assert await records.decisions.add([first]) == {first.decision_id}
    assert await records.decisions.add([replace(first, reasons=()), second]) == {second.decision_id}
    assert (await records.decisions.get(first.decision_id)).reasons == first.reasons
    assert await records.decisions.known([first.decision_id, second.decision_id, made(3).decision_id]) == {
        first.decision_id,
        second.decision_id,
    }


@pytest.mark.parametrize("decision_id", ["4c1f", "zz", "x", "00", "ff" * 12, "-1", "a" * 63])
async def test_what_is_no_decision_is_not_found(records: Records, decision_id: str):
    await records.decisions.add([made()])

    with pytest.raises(DecisionNotFound):
        await records.decisions.get(decision_id)
    assert await records.decisions.known([decision_id]) == set()
    assert await records.decisions.lock_outcomes([decision_id]) == {}


async def test_any_number_of_ids_is_looked_up_at_once(records: Records):
    decision = made()
    await records.decisions.add([decision])
    many = [f"{number:024x}" for number in range(40_000)]

    assert await records.decisions.known([*many, decision.decision_id]) == {decision.decision_id}


async def test_outcomes_are_of_those_that_act(records: Records):
    acting, silent, other = made(1), made(2, silent=True), made(3)
    await records.decisions.add([acting, silent, other])
    ids = [one.decision_id for one in (acting, silent, other)]

    assert await records.decisions.lock_outcomes(ids) == {ids[0]: Outcome.PENDING, ids[2]: Outcome.PENDING}
    await records.decisions.save_outcomes({ids[0]: (Outcome.READ, LATER), ids[2]: (Outcome.DELIVERED, NOW)})
    assert await records.decisions.get(ids[0]) == replace(acting, outcome=Outcome.READ, outcome_time=LATER)
    assert await records.decisions.get(ids[2]) == replace(other, outcome=Outcome.DELIVERED, outcome_time=NOW)
    assert await records.decisions.get(ids[1]) == silent


async def test_news_of_one_batch_are_taken_in_in_order(records: Records):
    one, other = made(1), made(2)
    await records.decisions.add([one, other])
    work = Work(records, None, NOW)
    await hear_of_delivery(
        work,
        [
            (one.decision_id, Outcome.DELIVERED, NOW),
            (one.decision_id, Outcome.READ, LATER),
            (one.decision_id, Outcome.UNDELIVERED, LATER + timedelta(hours=1)),
            ("unknown", Outcome.READ, NOW),
            (other.decision_id, Outcome.UNDELIVERED, NOW),
        ],
    )

    found = await records.decisions.get(one.decision_id)
    assert (found.outcome, found.outcome_time) == (Outcome.READ, LATER)
    assert (await records.decisions.get(other.decision_id)).outcome is Outcome.UNDELIVERED


@pytest.mark.usefixtures("empty")
async def test_the_second_who_changes_an_outcome_waits_and_sees_the_first(store: Store):
    decision = made()
    async with store.unit_of_work() as uow:
        await records_on(uow.connection).decisions.add([decision])
    locked, ids = asyncio.Event(), [decision.decision_id]

    async def first() -> None:
        async with store.unit_of_work() as uow:
            decisions = records_on(uow.connection).decisions
            await decisions.lock_outcomes(ids)
            locked.set()
            await asyncio.sleep(0.1)
            await decisions.save_outcomes({ids[0]: (Outcome.ACCEPTED, NOW)})

    async def second() -> dict[str, Outcome]:
        await locked.wait()
        async with store.unit_of_work() as uow:
            return dict(await records_on(uow.connection).decisions.lock_outcomes(ids))

    _, seen = await asyncio.gather(first(), second())

    assert seen == {ids[0]: Outcome.ACCEPTED}


async def test_pages_go_from_the_newest_to_the_oldest_and_each_is_shown_once(records: Records):
    moments = [NOW + timedelta(seconds=number // 3) for number in range(10)]
    decisions = [made(number, now=moment) for number, moment in enumerate(moments)]
    await records.decisions.add(decisions)
    expected = sorted(decisions, key=lambda one: (one.create_time, one.decision_id), reverse=True)

    walked, before = [], None
    while page := await records.decisions.page("", "", before, 4):
        walked += page
        before = (page[-1].create_time, page[-1].decision_id)

    assert walked == expected


async def test_pages_are_of_one_customer_or_one_campaign(records: Records):
    mine, silent, bobs = made(1), made(2, silent=True), made(3, customer="customers/bob")
    await records.decisions.add([mine, silent, bobs])

    async def ids(customer: str, campaign_id: str) -> set[str]:
        return {one.decision_id for one in await records.decisions.page(customer, campaign_id, None, 10)}

    assert await ids(ADA, "") == {mine.decision_id, silent.decision_id}
    assert await ids("", "shock") == {mine.decision_id, bobs.decision_id}
    assert await ids(ADA, "shock") == {mine.decision_id}
    assert await ids("customers/eve", "") == set()
    assert await ids("", "other") == set()


async def test_recent_messages_are_counted_by_customer_and_campaign(records: Records):
    told = [made(1), made(2, now=LATER), made(3, customer="customers/bob"), made(4, silent=True)]
    await records.decisions.add(told)
    count = records.decisions.count_recent

    assert await count([ADA, "customers/bob", "customers/eve"], {"shock": NOW - timedelta(days=1), "other": NOW}) == {
        ADA: {"shock": 2},
        "customers/bob": {"shock": 1},
    }
    assert await count([ADA], {"shock": NOW}) == {ADA: {"shock": 1}}
    assert await count([ADA], {}) == {}
