"""Is granted what may still be spent, and never the same money twice?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from charging_samples import (
    ABROAD,
    DATA,
    FREE,
    MEGABYTE,
    MUSIC,
    create,
    document,
    group,
    only,
    opened,
    records_of,
    release,
    results,
    session_of,
    subscriber,
    update,
    used,
)
from charging_world import INCLUDED
from google.type.money_pb2 import Money
from usage_samples import fresh
from usage_world import World

from cxmesh.profile.v1.customer_pb2 import CHANNEL_WEB
from cxmesh.usage.v1 import charging_service_pb2 as pb
from cxmesh.usage.v1.limit_policy_pb2 import (
    LIMIT_ACTION_STOP,
    LIMIT_PERIOD_BILL_CYCLE,
    LIMIT_PLACE_ROAMING,
    TAX_BASIS_INCLUDED,
    LimitPolicy,
    LimitScope,
)
from cxmesh.usage.v1.limit_service_pb2 import (
    CreateLimitPolicyRequest,
    CustomerAct,
    DeleteLimitPolicyRequest,
    GiveConsentRequest,
    ListSpendingLimitsRequest,
)
from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceStub


def limits(world: World) -> Any:  # Any: the async stub is known to the stubs alone
    return LimitServiceStub(world.service.channel())


async def limit(world: World, dollars: int, **more: Any) -> str:  # Any: fields of several types
    """A limit policy's name; it stops what it limits."""
    name = fresh("limit")
    made = LimitPolicy(
        limit=Money(units=dollars, currency_code="USD"),
        tax_basis=TAX_BASIS_INCLUDED,
        period=LIMIT_PERIOD_BILL_CYCLE,
        action=LIMIT_ACTION_STOP,
        **more,
    )
    await limits(world).CreateLimitPolicy(CreateLimitPolicyRequest(limit_policy_id=name, limit_policy=made))
    return f"limitPolicies/{name}"


async def limited(world: World, dollars: int) -> tuple[str, str]:
    """A new subscriber who may spend so much in a bill cycle: ten megabytes a dollar."""
    name, supi = await subscriber(world)
    await limit(world, dollars, subscription=f"subscriptions/{name}")
    return name, supi


async def test_without_a_limit_what_is_wanted_is_granted(world: World) -> None:
    _, supi = await subscriber(world)
    granted = only(await create(world, document(0, group(wanted=700), supi=supi)))
    assert (granted.result_code, granted.granted_unit.total_volume) == ("SUCCESS", 700 * MEGABYTE)
    assert (granted.validity_time, granted.volume_quota_threshold) == (1800, 140 * MEGABYTE)
    assert not granted.HasField("final_unit_indication")


async def test_where_no_number_is_wanted_the_usual_is_granted(world: World) -> None:
    _, supi = await subscriber(world)
    assert results(await create(world, document(0, group(wanted=0), supi=supi))) == [(DATA, "SUCCESS", 5.0)]


async def test_no_quota_is_granted_that_was_not_asked_for(world: World) -> None:
    _, supi = await subscriber(world)
    assert results(await create(world, document(0, group(DATA, used(1, 1)), supi=supi))) == []


async def test_the_last_quota_is_what_the_limit_leaves(world: World) -> None:
    _, supi = await limited(world, 1)
    opening = await create(world, document(0, group(wanted=8), supi=supi))
    assert results(opening) == [(DATA, "SUCCESS", 8.0)]
    last = await update(world, opening.name, document(1, group(DATA, used(1, 8), wanted=8)))
    assert results(last) == [(DATA, "SUCCESS", 2.0)]
    assert only(last).final_unit_indication.final_unit_action == "TERMINATE"
    assert not only(last).HasField("volume_quota_threshold")
    ended = await update(world, opening.name, document(2, group(DATA, used(1, 2), wanted=8)))
    assert results(ended) == [(DATA, "QUOTA_LIMIT_REACHED", 0.0)]
    assert not only(ended).HasField("granted_unit")


async def test_usage_beyond_a_quota_takes_from_the_next(world: World) -> None:
    _, supi = await limited(world, 1)
    opening = await create(world, document(0, group(wanted=2), supi=supi))
    answer = await update(world, opening.name, document(1, group(DATA, used(1, 9.5), wanted=2)))
    assert results(answer) == [(DATA, "SUCCESS", 0.5)]


async def test_what_other_sessions_hold_is_not_granted_again(world: World) -> None:
    _, supi = await limited(world, 1)
    first = await create(world, document(0, group(wanted=7), supi=supi))
    second = await create(world, document(1, group(wanted=7), supi=supi))
    assert [results(each)[0][2] for each in (first, second)] == [7.0, 3.0]
    third = await create(world, document(2, group(wanted=7), supi=supi))
    assert results(third) == [(DATA, "QUOTA_LIMIT_REACHED", 0.0)]
    await release(world, first.name, document(1, group(DATA, used(1, 1))))
    again = await update(world, third.name, document(3, group(wanted=7)))
    assert results(again) == [(DATA, "SUCCESS", 6.0)]


async def test_sessions_side_by_side_are_granted_no_more_than_there_is(world: World) -> None:
    _, supi = await limited(world, 1)
    answers = await asyncio.gather(
        *(create(world, document(number, group(wanted=3), supi=supi)) for number in range(12))
    )
    granted = sorted(results(each)[0][2] for each in answers)
    assert granted == [0.0] * 8 + [1.0, 3.0, 3.0, 3.0]


async def test_rating_groups_of_one_request_share_what_there_is(world: World) -> None:
    _, supi = await limited(world, 2)
    song = {"ratingGroup": MUSIC, "requestedUnit": {"serviceSpecificUnits": 1}}
    answer = await create(world, document(0, group(wanted=15), song, supi=supi))
    (data, music) = answer.charging_data.multiple_unit_information
    assert data.granted_unit.total_volume == 15 * MEGABYTE
    assert (music.result_code, music.rating_group) == ("QUOTA_LIMIT_REACHED", MUSIC)  # 0.99, where 0.50 is left


async def test_a_quota_of_a_group_that_is_not_reported_stays_held(world: World) -> None:
    _, supi = await limited(world, 1)
    song = {"ratingGroup": MUSIC, "requestedUnit": {"serviceSpecificUnits": 1}}
    opening = await create(world, document(0, song, supi=supi))
    answer = await update(world, opening.name, document(1, group(wanted=5)))
    assert results(answer) == [(DATA, "SUCCESS", 0.1)]
    held = (await session_of(world, opening.name)).reservations
    assert [(each.rating_group, each.quantity) for each in held] == [(DATA, 100_000), (MUSIC, 1)]


async def test_quota_abroad_is_at_the_price_there(world: World) -> None:
    _, supi = await limited(world, 1)
    content = document(0, group(wanted=7), supi=supi)
    content["pDUSessionChargingInformation"]["pduSessionInformation"]["servingCNPlmnId"] = ABROAD
    assert results(await create(world, content)) == [(DATA, "SUCCESS", 1.0)]


async def test_where_the_plan_has_no_price_rating_fails(world: World) -> None:
    _, supi = await subscriber(world)
    content = document(0, group(wanted=7), supi=supi)
    nowhere = {"mcc": "440", "mnc": "10"}
    content["pDUSessionChargingInformation"]["pduSessionInformation"]["servingCNPlmnId"] = nowhere
    assert results(await create(world, content)) == [(DATA, "RATING_FAILED", 0.0)]


async def test_usage_without_quota_is_charged_all_the_same(world: World) -> None:
    _, supi = await limited(world, 1)
    answer = await create(world, document(0, group(FREE, used(1, 4), wanted=7), supi=supi))
    assert results(answer) == [(FREE, "QUOTA_MANAGEMENT_NOT_APPLICABLE", 0.0)]
    assert results(await create(world, document(1, group(wanted=7), supi=supi))) == [(DATA, "SUCCESS", 6.0)]


async def test_a_subscription_without_a_plan_is_denied(world: World) -> None:
    name, session = await opened(world)
    held = world.profile.known[f"subscriptions/{name}"]
    held.plan_periods[-1].end_time.FromDatetime(world.clock.now() - timedelta(seconds=1))
    world.clock.advance(timedelta(seconds=301))
    answer = await update(world, session, document(1, group(wanted=7)))
    assert results(answer) == [(DATA, "END_USER_SERVICE_DENIED", 0.0)]


async def test_a_limit_that_is_gone_limits_nothing(world: World) -> None:
    name, supi = await subscriber(world)
    made = await limit(world, 1, subscription=f"subscriptions/{name}")
    assert results(await create(world, document(0, group(wanted=30), supi=supi)))[0][2] == 10.0
    await limits(world).DeleteLimitPolicy(DeleteLimitPolicyRequest(name=made))
    assert results(await create(world, document(1, group(wanted=30), supi=supi)))[0][2] == 30.0


async def test_a_limit_on_other_usage_limits_nothing(world: World) -> None:
    name, supi = await subscriber(world)
    abroad = LimitScope(place=LIMIT_PLACE_ROAMING)
    await limit(world, 1, subscription=f"subscriptions/{name}", scope=abroad)
    assert results(await create(world, document(0, group(wanted=30), supi=supi)))[0][2] == 30.0


async def test_what_is_stopped_is_denied_until_the_customer_consents(world: World) -> None:
    name, supi = await limited(world, 1)
    opening = await create(world, document(0, group(wanted=10), supi=supi))
    over = await update(world, opening.name, document(1, group(DATA, used(1, 10.5), wanted=1)))
    assert results(over) == [(DATA, "QUOTA_LIMIT_REACHED", 0.0)]
    listed = await limits(world).ListSpendingLimits(ListSpendingLimitsRequest(parent=f"subscriptions/{name}"))
    (standing,) = (each for each in listed.spending_limits if each.HasField("consent_terms"))
    act = CustomerAct(customer=f"customers/c-{name}", channel=CHANNEL_WEB, wording="go on at this price")
    await limits(world).GiveConsent(
        GiveConsentRequest(name=standing.name, act=act, shown_price=standing.consent_terms.price)
    )
    again = await update(world, opening.name, document(2, group(wanted=3)))
    assert results(again) == [(DATA, "SUCCESS", 3.0)]


async def test_an_allowance_is_granted_before_money(world: World) -> None:
    name, supi = await subscriber(world, INCLUDED)
    await limit(world, 1, subscription=f"subscriptions/{name}")
    first = await create(world, document(0, group(wanted=15), supi=supi))
    second = await create(world, document(1, group(wanted=20), supi=supi))
    # 20 are included, and a dollar buys ten more.
    assert [results(each)[0][2] for each in (first, second)] == [15.0, 15.0]
    await release(world, first.name, document(1, group(DATA, used(1, 15))))
    third = await create(world, document(2, group(wanted=20), supi=supi))
    assert results(third) == [(DATA, "QUOTA_LIMIT_REACHED", 0.0)]


async def test_a_call_is_granted_whole_increments(world: World) -> None:
    _, supi = await limited(world, 2)
    wish = {"ratingGroup": 1, "requestedUnit": {"time": 600}}
    content = document(0, wish, supi=supi)
    del content["pDUSessionChargingInformation"]
    answer = await create(world, content | {"iMSChargingInformation": {"calledPartyAddress": "tel:+12125550100"}})
    granted = only(answer)
    # 60 cents a minute begun: three minutes for two dollars.
    assert (granted.granted_unit.time, granted.final_unit_indication.final_unit_action) == (180, "TERMINATE")


async def test_a_quota_that_was_not_reported_in_time_is_free_again(world: World) -> None:
    _, supi = await limited(world, 1)
    await create(world, document(0, group(wanted=10), supi=supi))
    assert results(await create(world, document(1, group(wanted=10), supi=supi)))[0][1] == "QUOTA_LIMIT_REACHED"
    world.clock.advance(timedelta(seconds=2101))  # validity and patience
    assert results(await create(world, document(2, group(wanted=10), supi=supi)))[0][2] == 10.0


EVENT = {"oneTimeEvent": True, "oneTimeEventType": "IEC"}


def text_message(sequence: int, supi: str, count: int = 1, **more: object) -> dict[str, object]:
    content = document(sequence, {"ratingGroup": 1, "requestedUnit": {"serviceSpecificUnits": count}}, supi=supi)
    del content["pDUSessionChargingInformation"]
    recipient = {"recipientGPSI": "msisdn-12125550100"}
    return content | {"sMSChargingInformation": {"recipientInfo": [recipient]}} | EVENT | more


async def test_an_event_is_charged_at_once(world: World) -> None:
    name, supi = await limited(world, 1)
    answer = await create(world, text_message(0, supi, 3))
    assert (only(answer).result_code, only(answer).granted_unit.service_specific_units) == ("SUCCESS", 3)
    (record,) = await records_of(world, name)
    assert (record.quantity, record.destination) == (3, "12125550100")
    found = await session_of(world, answer.name)
    assert (found.state, len(found.reservations)) == (pb.CHARGING_SESSION_STATE_RELEASED, 0)
    assert await create(world, text_message(0, supi, 3)) == answer
    assert len(await records_of(world, name)) == 1


async def test_an_event_is_charged_whole_or_not_at_all(world: World) -> None:
    name, supi = await limited(world, 1)
    answer = await create(world, text_message(0, supi, 6))  # 1.20 of 1.00
    assert (only(answer).result_code, only(answer).HasField("granted_unit")) == ("QUOTA_LIMIT_REACHED", False)
    assert await records_of(world, name) == []
    assert only(await create(world, text_message(1, supi, 5))).result_code == "SUCCESS"
    assert only(await create(world, text_message(2, supi, 1))).result_code == "QUOTA_LIMIT_REACHED"


async def test_an_event_that_has_happened_is_charged_whatever_the_limit(world: World) -> None:
    name, supi = await limited(world, 1)
    content = text_message(0, supi, oneTimeEventType="PEC")
    content["multipleUnitUsage"] = [
        {"ratingGroup": 1, "usedUnitContainer": [{"localSequenceNumber": 0, "serviceSpecificUnits": 9}]}
    ]
    assert results(await create(world, content)) == []
    assert [each.quantity for each in await records_of(world, name)] == [9]


async def test_a_message_reported_without_a_number_is_one(world: World) -> None:
    name, supi = await subscriber(world)
    content = text_message(0, supi, oneTimeEventType="PEC")
    content["multipleUnitUsage"] = [{"ratingGroup": 1, "usedUnitContainer": [{"localSequenceNumber": 0}]}]
    await create(world, content)
    assert [each.quantity for each in await records_of(world, name)] == [1]


async def test_events_side_by_side_do_not_overspend(world: World) -> None:
    name, supi = await limited(world, 1)
    answers = await asyncio.gather(*(create(world, text_message(number, supi)) for number in range(9)))
    assert sorted(only(each).result_code for each in answers) == ["QUOTA_LIMIT_REACHED"] * 4 + ["SUCCESS"] * 5
    assert len(await records_of(world, name)) == 5


@pytest.mark.parametrize("as_", ["service/operator", "partner/acme"])
async def test_whoever_charges_stores_usage_in_its_own_name(world: World, as_: str) -> None:
    name, supi = await subscriber(world)
    await create(world, document(0, group(DATA, used(1, 1)), supi=supi), as_)
    assert [each.source for each in await records_of(world, name)] == ["acme:chf" if "acme" in as_ else "chf"]
