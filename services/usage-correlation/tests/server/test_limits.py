"""Does spending stay within its limit until the customer says otherwise, and can that be shown?"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from limit_acts import (
    EU,
    act,
    amount,
    cap,
    choose,
    consent,
    eur,
    events_of,
    kinds,
    limit_name,
    limit_of,
    limits,
    make_cap,
    moment,
    opt_in,
    opt_out,
    refusal,
    roam,
    session,
    state,
    stopped_now,
    stops_of,
    traveller,
)
from limit_samples import HOME, TRIP, VAT_ADDED, VAT_CONTAINED
from sqlalchemy import text
from usage_acts import make_policy, record, signals_of, summary
from usage_samples import MARCH_2, usage_record
from usage_world import World

from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_policy_pb2 import LIMIT_ACTION_NOTIFY, LIMIT_PERIOD_DAY, LIMIT_PLACE_HOME, LimitScope
from cxmesh.usage.v1.limit_state_pb2 import SpendingLimit
from cxmesh.usage.v1.signal_pb2 import (
    SIGNAL_KIND_SPEND_THRESHOLD,
    SIGNAL_KIND_SPENDING_LIMIT,
    Signal,
    SpendingLimitStage,
)
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, USAGE_TYPE_VOICE
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest

CYCLE = (datetime(2026, 2, 28, 23, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC))


async def notices(world: World, name: str) -> list[Signal]:
    """What the customer is told of limits, oldest first."""
    return [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPENDING_LIMIT]


async def stages(world: World, name: str) -> list[str]:
    """The stages that the customer is told of."""
    return [
        SpendingLimitStage.Name(each.spending_limit.stage).removeprefix("SPENDING_LIMIT_STAGE_")
        for each in await notices(world, name)
    ]


async def charged(world: World, name: str) -> float:
    return amount((await summary(world, name)).total)


async def test_everybody_has_the_limit_that_the_law_demands(world: World) -> None:
    name = traveller(world)
    found = await limit_of(world, name)
    assert (state(found), found.limit, amount(found.spent), amount(found.left)) == ("OPEN", eur(50), 0, 50)
    assert (moment(found.period_start_time), moment(found.period_end_time)) == CYCLE
    policy = await limits(world).GetLimitPolicy(pb.GetLimitPolicyRequest(name=f"limitPolicies/{EU}"))
    assert "Regulation (EU) 2022/612, Art. 14(4)" in policy.legal_basis
    assert list(policy.further_limits) == [eur(100)]


async def test_the_customer_is_notified_then_stopped_then_charged_no_more(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 15, 5)
    await roam(world, name, 3, 4, minutes=10)
    assert await stages(world, name) == ["NEAR", "STOPPED"]
    await roam(world, name, 7, minutes=30)
    found = await limit_of(world, name)
    assert (state(found), amount(found.spent), amount(found.left), amount(found.not_charged)) == ("STOPPED", 50, 0, 18)
    assert moment(found.stop_time) == TRIP + timedelta(minutes=11)
    assert await charged(world, name) == 50
    assert await stages(world, name) == ["NEAR", "STOPPED"]


async def test_a_stop_tells_the_price_of_going_on_and_what_led_to_it(world: World) -> None:
    name = traveller(world)
    rows = [session(name, 20), session(name, 10, minutes=1)]
    await record(world, *rows)
    near, stopped = [each.spending_limit for each in await notices(world, name)]
    assert (near.percent, stopped.percent, stopped.limit, amount(stopped.spent)) == (80, 100, eur(50), 50)
    terms = stopped.consent_terms
    assert (terms.price, terms.quantity, terms.usage_type, terms.next_limit) == (
        eur(2),
        10**6,
        USAGE_TYPE_DATA,
        eur(100),
    )
    assert (stopped.limit_policy, stopped.spending_limit) == (f"limitPolicies/{EU}", limit_name(name))
    assert stopped.template_prefix == "data-roaming-limit"
    evidence = (await notices(world, name))[-1].evidence_records
    assert list(evidence) == [f"{each.source}/{each.record_id}" for each in rows]


async def test_consent_opens_up_to_the_next_limit_and_is_kept(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    opened = await consent(world, name, request_id="5d1ae5ee-0ab5-4f6b-a0b0-7bd7f3a6c111")
    assert (state(opened), opened.limit, amount(opened.left), opened.consent_count) == ("CONSENTED", eur(100), 50, 1)
    assert await stopped_now(world, name) == []
    later = world.clock.now() + timedelta(minutes=1)
    await roam(world, name, 20, 10, start=later)
    found = await limit_of(world, name)
    assert (state(found), amount(found.spent), await charged(world, name)) == ("STOPPED", 100, 100)
    events = await events_of(world, name)
    assert kinds(events) == ["STOPPED", "CONSENTED", "NOTICED", "STOPPED"]
    given = events[1]
    assert (given.actor.customer, given.actor.caller) == (f"customers/c-{name}", "service/operator")
    assert given.actor.request_id == "5d1ae5ee-0ab5-4f6b-a0b0-7bd7f3a6c111"
    assert (given.actor.wording, given.consent_terms.price) == (act(name).wording, eur(2))
    assert await stages(world, name) == ["STOPPED", "OPEN", "NEAR", "STOPPED"]


async def test_usage_from_before_the_consent_is_not_charged_when_it_arrives_after(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    await consent(world, name)
    await roam(world, name, 9, minutes=30)
    found = await limit_of(world, name)
    assert (amount(found.spent), amount(found.not_charged)) == (50, 28)


@pytest.mark.parametrize("repeats", [1, 2])
async def test_the_same_consent_is_given_once(world: World, repeats: int) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    request = pb.GiveConsentRequest(
        name=limit_name(name),
        act=act(name),
        shown_price=eur(2),
        request_id=f"5d1ae5ee-0ab5-4f6b-a0b0-7bd7f3a6c20{repeats}",
    )
    answers = [await limits(world).GiveConsent(request) for _ in range(repeats)]
    assert all(answer == answers[0] for answer in answers)
    assert kinds(await events_of(world, name)).count("CONSENTED") == 1


async def test_consent_to_another_price_is_none(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    error = await refusal(consent(world, name, price=1.5))
    assert (error.reason, error.metadata["price"]) == ("ERROR_REASON_CONSENT_TERMS_DIFFER", "2 EUR")
    assert state(await limit_of(world, name)) == "STOPPED"


async def test_there_is_nothing_to_consent_to_before_the_stop_or_after_it(world: World) -> None:
    name = traveller(world)
    assert (await refusal(consent(world, name))).metadata["state"] == "OPEN"
    await roam(world, name, 21)
    assert (await refusal(consent(world, name))).metadata["state"] == "NOTICED"
    await roam(world, name, 9, minutes=9)
    await consent(world, name)
    error = await refusal(consent(world, name))
    assert (error.reason, error.metadata["state"]) == ("ERROR_REASON_LIMIT_NOT_STOPPED", "CONSENTED")


async def test_the_customer_may_choose_another_limit_or_none(world: World) -> None:
    name = traveller(world)
    assert (await choose(world, name, 10)).chosen_limit == eur(10)
    await roam(world, name, 8)
    assert state(await limit_of(world, name)) == "STOPPED"
    assert amount((await limit_of(world, name)).spent) == 10
    raised = await choose(world, name, 30)
    assert (state(raised), amount(raised.left)) == ("OPEN", 20)
    await roam(world, name, 20, start=world.clock.now())
    assert amount((await limit_of(world, name)).spent) == 30
    free = await opt_out(world, name)
    assert (state(free), free.HasField("limit"), free.HasField("left")) == ("OPTED_OUT", False, False)
    await roam(world, name, 500, start=world.clock.now() + timedelta(seconds=1))
    assert amount((await limit_of(world, name)).spent) == 1030
    assert (await opt_in(world, name)).limit == eur(50)
    told = kinds(await events_of(world, name))
    assert told == [
        *("LIMIT_CHOSEN", "STOPPED", "LIMIT_CHOSEN", "OPENED", "STOPPED", "OPTED_OUT", "OPENED", "OPTED_IN")
    ]


async def test_what_is_chosen_again_changes_nothing(world: World) -> None:
    name = traveller(world)
    await choose(world, name, 10)
    await choose(world, name, 10)
    assert kinds(await events_of(world, name)) == ["LIMIT_CHOSEN"]


async def test_choices_hold_in_later_periods_and_the_rest_begins_anew(world: World) -> None:
    name = traveller(world)
    await choose(world, name, 10)
    february = TRIP - timedelta(days=28)
    await roam(world, name, 8, start=february)
    await roam(world, name, 3)
    before, now = await limit_of(world, name, at=february), await limit_of(world, name)
    assert (state(before), amount(before.spent)) == ("STOPPED", 10)
    assert (state(now), amount(now.spent), now.limit) == ("OPEN", 6, eur(10))
    reset = (await events_of(world, name))[-1]
    assert (kinds([reset]), moment(reset.event_time)) == (["RESET"], CYCLE[0])
    assert await stopped_now(world, name) == []


async def test_calls_repeated_or_raced_count_and_tell_once(world: World) -> None:
    name = traveller(world)
    requests = [RecordUsageRequest(records=[session(name, 4, minutes=number)]) for number in range(10)]
    await asyncio.gather(*(world.stub().RecordUsage(each) for each in requests * 3))
    found = await limit_of(world, name)
    assert (amount(found.spent), amount(found.not_charged), await charged(world, name)) == (50, 30, 50)
    assert sorted(kinds(await events_of(world, name))) == ["NOTICED", "STOPPED"]
    assert len(await stages(world, name)) == 2


async def test_consents_and_usage_at_the_same_time_keep_the_limit(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    start = world.clock.now() + timedelta(seconds=1)
    await asyncio.gather(
        consent(world, name), *(roam(world, name, 6, start=start, minutes=number / 10) for number in range(12))
    )
    found = await limit_of(world, name)
    assert amount(found.spent) <= 100
    assert amount(found.spent) + amount(found.not_charged) == 60 + 12 * 12


async def test_what_is_not_charged_is_listed_for_the_bill(world: World) -> None:
    name = traveller(world)
    rows = [session(name, 20), session(name, 10, minutes=1), session(name, 3, minutes=2)]
    await record(world, *rows)
    request = pb.ListUnchargedUsageRequest(parent=f"subscriptions/{name}", page_size=1)
    first = await limits(world, "service/billing-accuracy").ListUnchargedUsage(request)
    request.page_token = first.next_page_token
    second = await limits(world, "service/billing-accuracy").ListUnchargedUsage(request)
    found = [*first.uncharged_usages, *second.uncharged_usages]
    assert [(each.record_id, amount(each.amount), each.exact_amount) for each in found] == [
        (rows[1].record_id, 10, "10"),
        (rows[2].record_id, 6, "6"),
    ]
    assert {(each.charge_code, each.limit_policy) for each in found} == {("data.eu", f"limitPolicies/{EU}")}
    assert second.next_page_token == ""
    line = next(each for each in (await summary(world, name)).lines if each.charge_code == "data.eu")
    assert (line.record_count, line.quantity, amount(line.amount)) == (3, 33_000_000, 50)


async def test_charging_asks_which_usage_is_stopped(world: World) -> None:
    stopped, other = traveller(world), traveller(world)
    await roam(world, stopped, 30)
    await roam(world, other, 3)
    assert await stopped_now(world, stopped, other, "nobody") == [limit_name(stopped)]
    assert await stopped_now(world, stopped, usage_type=USAGE_TYPE_DATA) == [limit_name(stopped)]
    assert await stopped_now(world, stopped, usage_type=USAGE_TYPE_VOICE) == []
    (stop,) = await stops_of(world, stopped, other)
    assert (moment(stop.start_time), moment(stop.effective_time)) == (TRIP, world.clock.now())
    assert moment(stop.end_time) == CYCLE[1]
    await consent(world, stopped)
    (stop,) = await stops_of(world, stopped)
    assert moment(stop.end_time) == world.clock.now()


async def test_usage_at_home_and_calls_abroad_are_not_stopped_by_the_limit_on_data(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    await record(
        world,
        session(name, 100, minutes=5, visited_network=HOME),
        session(name, 100, minutes=6, visited_network=""),
        usage_record(name, 600, start=TRIP, usage_type=USAGE_TYPE_VOICE, visited_network="20801"),
    )
    assert await charged(world, name) == 50 + 1 + 1 + 3


@pytest.mark.parametrize(("taxes", "megabytes"), [(VAT_ADDED, 25), (VAT_CONTAINED, 31)])
async def test_the_legal_limit_counts_without_tax(world: World, taxes: str, megabytes: int) -> None:
    name = traveller(world, taxes)
    await roam(world, name, megabytes)
    expected = 50 if taxes == VAT_ADDED else 49.6
    assert amount((await limit_of(world, name)).spent) == pytest.approx(expected)


async def test_a_cap_over_all_usage_and_the_legal_limit_both_hold(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(20, subscription=f"subscriptions/{name}"))
    await roam(world, name, 8, 7)
    both = {each.name: each for each in (await _all(world, name))}
    assert state(both[limit_name(name, made)]) == "STOPPED"
    assert state(both[limit_name(name)]) == "OPEN"
    assert {amount(each.spent) for each in both.values()} == {20}
    assert await charged(world, name) == 20


async def _all(world: World, name: str) -> list[SpendingLimit]:
    request = pb.ListSpendingLimitsRequest(parent=f"subscriptions/{name}")
    return list((await limits(world).ListSpendingLimits(request)).spending_limits)


async def test_a_daily_limit_begins_anew_each_day(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(5, subscription=f"subscriptions/{name}", period=LIMIT_PERIOD_DAY))
    for day in range(3):
        await roam(world, name, 4, start=TRIP + timedelta(days=day))
    assert await charged(world, name) == 15
    assert kinds(await events_of(world, name, made)) == ["STOPPED", "RESET", "STOPPED", "RESET", "STOPPED"]


async def test_a_limit_that_notifies_stops_nothing(world: World) -> None:
    name = traveller(world)
    scope = LimitScope(place=LIMIT_PLACE_HOME)
    policy = cap(1, subscription=f"subscriptions/{name}", action=LIMIT_ACTION_NOTIFY, scope=scope)
    made = await make_cap(world, policy)
    await record(world, session(name, 300, visited_network=""))
    found = await limit_of(world, name, made)
    assert (state(found), amount(found.spent), amount(found.not_charged)) == ("NOTICED", 3, 0)
    assert await stages(world, name) == ["REACHED"]


INCLUDED = """    allowances:
      - {id: trip, name: Trip, unit: byte, amount: "5000000", covers: [{line: data.eu}]}"""


async def test_what_is_included_in_the_plan_does_not_count_towards_the_limit(world: World) -> None:
    name = traveller(world, INCLUDED)
    await roam(world, name, 10, 30)
    found = await limit_of(world, name)
    assert (state(found), amount(found.spent), amount(found.not_charged)) == ("STOPPED", 50, 20)
    assert found.consent_terms.price == eur(2)
    assert await charged(world, name) == 50


async def test_the_record_for_a_regulator_holds_everything(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 20, 10, 3)
    await consent(world, name)
    request = pb.ExportLimitRecordRequest(name=f"subscriptions/{name}")
    found = await limits(world).ExportLimitRecord(request)
    assert (found.subscription, found.customer) == (f"subscriptions/{name}", f"customers/c-{name}")
    assert EU in {each.name.removeprefix("limitPolicies/") for each in found.limit_policies}
    assert kinds(found.limit_events) == ["NOTICED", "STOPPED", "CONSENTED"]
    assert len(found.limit_stops) == 1
    (total,) = found.uncharged_totals
    assert (total.record_count, amount(total.amount)) == (2, 16)


async def test_what_happened_cannot_be_changed(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 30)
    with pytest.raises(Exception, match="limit events are added, never changed"):
        async with world.service.runtime.store.unit_of_work() as uow:
            await uow.connection.execute(text("UPDATE usage.limit_event SET kind = 'NOTICED'"))


async def test_pages_of_events_hold_each_once(world: World) -> None:
    name = traveller(world)
    await roam(world, name, 20, 10)
    request = pb.ListLimitEventsRequest(parent=f"subscriptions/{name}", page_size=1)
    first = await limits(world).ListLimitEvents(request)
    request.page_token = first.next_page_token
    second = await limits(world).ListLimitEvents(request)
    assert kinds([*first.limit_events, *second.limit_events]) == ["NOTICED", "STOPPED"]
    assert second.next_page_token == ""


async def test_usage_in_another_currency_has_no_legal_limit_in_euros(world: World) -> None:
    name = world.profile.hold()
    await record(world, usage_record(name, 6000, start=MARCH_2))
    assert amount((await limit_of(world, name)).spent) == 0


async def test_a_spend_threshold_sees_what_is_charged_and_not_what_was_used(world: World) -> None:
    name = traveller(world)
    scope = SpendPolicy(
        display_name="Hers", limit=eur(60), threshold_percents=[50, 80, 100], subscription=f"subscriptions/{name}"
    )
    await make_policy(world, scope)
    rows = [session(name, 10), session(name, 20, minutes=1), session(name, 30, minutes=2)]
    await record(world, *rows)  # 120 euros, of which the limit lets 50 be charged
    [crossed] = [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPEND_THRESHOLD]
    assert (crossed.spend_threshold.percent, amount(crossed.spend_threshold.spent)) == (80, 50)
    assert list(crossed.evidence_records) == [f"{each.source}/{each.record_id}" for each in rows[:2]]
    await roam(world, name, 5, minutes=10)
    assert len([each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPEND_THRESHOLD]) == 1
    await consent(world, name)
    await roam(world, name, 5, start=world.clock.now() + timedelta(minutes=1))
    later = [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPEND_THRESHOLD]
    assert sorted(each.spend_threshold.percent for each in later) == [80, 100]
