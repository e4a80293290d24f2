"""Are limit policies kept as they were made, and does a change hold from the next record?"""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from limit_acts import (
    EU,
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
    opt_out,
    refusal,
    roam,
    state,
    stopped_now,
    stops_of,
    traveller,
)
from usage_acts import signals_of
from usage_samples import fresh
from usage_world import World

from cxmesh.usage.v1 import limit_policy_pb2 as lp
from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.signal_pb2 import (
    SIGNAL_KIND_SPENDING_LIMIT,
    SPENDING_LIMIT_STAGE_OPEN,
    SPENDING_LIMIT_STAGE_STOPPED,
    Signal,
)
from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_DATA, USAGE_TYPE_VOICE

FULL: dict[str, Any] = {
    "display_name": "Everything but home",
    "scope": lp.LimitScope(
        usage_types=[USAGE_TYPE_DATA, USAGE_TYPE_VOICE],
        place=lp.LIMIT_PLACE_ROAMING,
        roaming_zones=["eu"],
        visited_networks=["208"],
    ),
    "tax_basis": lp.TAX_BASIS_INCLUDED,
    "period": lp.LIMIT_PERIOD_MONTH,
    "notice_percents": [50, 80],
    "further_limits": [eur(20), eur(30.5)],
    "offered_limits": [eur(5)],
    "opt_out_allowed": True,
    "price_quantity": 1000,
    "template_prefix": "own-limit",
    "legal_basis": "National rule 7",
    "paused": True,
}


async def change(world: World, policy: str, **fields: Any) -> lp.LimitPolicy:
    sent = lp.LimitPolicy(name=f"limitPolicies/{policy}", **fields)
    request = pb.UpdateLimitPolicyRequest(limit_policy=sent, update_mask=FieldMask(paths=list(fields)))
    return await limits(world).UpdateLimitPolicy(request)


async def remove(world: World, policy: str) -> None:
    await limits(world).DeleteLimitPolicy(pb.DeleteLimitPolicyRequest(name=f"limitPolicies/{policy}"))


async def test_a_policy_is_kept_as_it_was_made(world: World) -> None:
    name, plan = fresh("cap"), world.catalogue.sell(fresh("plan"))
    sent = cap(10, plan=f"plans/{plan}", **FULL)
    request = pb.CreateLimitPolicyRequest(limit_policy_id=name, limit_policy=sent, request_id=str(uuid.uuid4()))
    made = await limits(world).CreateLimitPolicy(request)
    assert made == await limits(world).CreateLimitPolicy(request)
    assert made == await limits(world).GetLimitPolicy(pb.GetLimitPolicyRequest(name=f"limitPolicies/{name}"))
    assert (made.name, made.revision) == (f"limitPolicies/{name}", 1)
    for field, _ in sent.ListFields():
        assert getattr(made, field.name) == getattr(sent, field.name), field.name


async def test_a_policy_of_the_same_name_that_says_something_else_is_refused(world: World) -> None:
    name = await make_cap(world, cap(10, paused=True))
    again = pb.CreateLimitPolicyRequest(limit_policy_id=name, limit_policy=cap(10, paused=True))
    assert (await limits(world).CreateLimitPolicy(again)).revision == 1
    other = pb.CreateLimitPolicyRequest(limit_policy_id=name, limit_policy=cap(11, paused=True))
    assert (await refusal(limits(world).CreateLimitPolicy(other))).reason == "ERROR_REASON_ALREADY_EXISTS"


async def test_policies_are_listed_with_the_shipped_one(world: World) -> None:
    made = await make_cap(world, cap(10, paused=True))
    request = pb.ListLimitPoliciesRequest(page_size=1)
    names: list[str] = []
    while True:
        page = await limits(world).ListLimitPolicies(request)
        names += [policy.name for policy in page.limit_policies]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert {f"limitPolicies/{made}", f"limitPolicies/{EU}"} <= set(names)
    assert names == sorted(set(names))


async def notices(world: World, name: str) -> list[Signal]:
    """What the customer is told of limits, oldest first."""
    return [each for each in await signals_of(world, name) if each.kind == SIGNAL_KIND_SPENDING_LIMIT]


async def test_a_change_holds_from_the_next_record_and_is_counted(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 3)
    changed = await change(world, made, limit=eur(20), display_name="Twice as much")
    assert (changed.revision, changed.display_name, list(changed.notice_percents)) == (2, "Twice as much", [80])
    await roam(world, name, 6, minutes=5)
    found = await limit_of(world, name, made)
    assert (state(found), amount(found.spent), found.limit) == ("NOTICED", 18, eur(20))
    assert (await events_of(world, name, made))[-1].policy_revision == 2
    record = await limits(world).ExportLimitRecord(pb.ExportLimitRecordRequest(name=f"subscriptions/{name}"))
    shown = [(each.revision, each.limit) for each in record.limit_policies if each.name.endswith(made)]
    assert shown == [(2, eur(20))]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scope": lp.LimitScope(place=lp.LIMIT_PLACE_HOME)}, "limit_policy.scope"),
        ({"tax_basis": lp.TAX_BASIS_INCLUDED}, "limit_policy.tax_basis"),
        ({"period": lp.LIMIT_PERIOD_DAY}, "limit_policy.period"),
        ({"plan": "plans/standard"}, "limit_policy.holder"),
        ({"further_limits": [eur(9)]}, "limit_policy.further_limits"),
        ({"notice_percents": [80, 50]}, "limit_policy.notice_percents"),
        ({"notice_percents": [100]}, "limit_policy.notice_percents[0]"),
    ],
)
async def test_what_was_counted_stays_about_the_same(world: World, fields: dict[str, Any], field: str) -> None:
    made = await make_cap(world, cap(10, paused=True))
    error = await refusal(change(world, made, **fields))
    assert field in {violation.field for violation in error.field_violations}


@pytest.mark.parametrize("how", ["pause", "notify", "delete"])
async def test_a_policy_that_ends_opens_what_it_stopped(world: World, how: str) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 8)
    assert await stopped_now(world, name) == [limit_name(name, made)]
    world.clock.advance(timedelta(seconds=1))
    if how == "delete":
        await remove(world, made)
    else:
        await change(world, made, **{"paused": True} if how == "pause" else {"action": lp.LIMIT_ACTION_NOTIFY})
    assert await stopped_now(world, name) == []
    (stop,) = await stops_of(world, name)
    assert stop.end_time.seconds == int(world.clock.now().timestamp())
    events = await events_of(world, name, made)
    assert kinds(events) == ["STOPPED", "OPENED"]
    told = await notices(world, name)
    assert [each.spending_limit.stage for each in told] == [SPENDING_LIMIT_STAGE_STOPPED, SPENDING_LIMIT_STAGE_OPEN]
    assert not told[1].spending_limit.HasField("limit")
    assert events[1].signal == told[1].name


async def test_a_higher_limit_opens_for_those_who_have_not_spent_it(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 8)
    world.clock.advance(timedelta(seconds=1))
    await change(world, made, display_name="Said otherwise")
    await change(world, made, limit=eur(10.5), display_name="A little more")
    assert await stopped_now(world, name) == []
    await change(world, made, limit=eur(10.6))  # whoever is not stopped is told nothing
    assert kinds(await events_of(world, name, made)) == ["STOPPED", "OPENED"]
    [_, told] = await notices(world, name)
    assert told.spending_limit.stage == SPENDING_LIMIT_STAGE_OPEN
    assert (told.spending_limit.limit, amount(told.spending_limit.spent)) == (eur(10.5), 10)
    # What began while it was stopped is not charged; what begins now is, up to the new limit.
    await roam(world, name, 0.1, start=world.clock.now())
    found = await limit_of(world, name, made)
    assert (state(found), amount(found.spent)) == ("OPEN", 10.2)


async def test_a_lower_limit_opens_nothing_and_nor_does_one_for_who_chose_their_own(world: World) -> None:
    name, own = traveller(world), traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    chosen = await make_cap(world, cap(10, subscription=f"subscriptions/{own}", offered_limits=[eur(5)]))
    await choose(world, own, 5, chosen)
    for each in (name, own):
        await roam(world, each, 8)
    await change(world, made, limit=eur(5))
    await change(world, chosen, limit=eur(50))
    assert await stopped_now(world, name, own) == [limit_name(name, made), limit_name(own, chosen)]


async def test_a_removed_policy_is_gone_but_not_what_it_did(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 8)
    await remove(world, made)
    assert (await refusal(limit_of(world, name, made))).reason == "ERROR_REASON_SPENDING_LIMIT_NOT_FOUND"
    gone = limits(world).GetLimitPolicy(pb.GetLimitPolicyRequest(name=f"limitPolicies/{made}"))
    assert (await refusal(gone)).reason == "ERROR_REASON_LIMIT_POLICY_NOT_FOUND"
    record = await limits(world).ExportLimitRecord(pb.ExportLimitRecordRequest(name=f"subscriptions/{name}"))
    assert [total.limit_policy for total in record.uncharged_totals] == [f"limitPolicies/{made}"]
    assert (f"limitPolicies/{made}", 1) in {(each.name, each.revision) for each in record.limit_policies}
    request = pb.CreateLimitPolicyRequest(limit_policy_id=made, limit_policy=cap(99, paused=True))
    assert (await limits(world).CreateLimitPolicy(request)).revision == 2


async def test_policies_hold_for_those_whom_they_name(world: World) -> None:
    mine, other = traveller(world), traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{mine}"))
    plan = world.profile.known[f"subscriptions/{other}"].plan
    theirs = await make_cap(world, cap(30, plan=plan))
    for name in (mine, other):
        await roam(world, name, 8)
    assert state(await limit_of(world, mine, made)) == "STOPPED"
    assert (await refusal(limit_of(world, other, made))).reason == "ERROR_REASON_SPENDING_LIMIT_NOT_FOUND"
    assert amount((await limit_of(world, other, theirs)).spent) == 16


async def test_a_policy_for_nobody_is_refused(world: World) -> None:
    for holder, reason in [
        ({"plan": "plans/nobody-sells"}, "ERROR_REASON_PLAN_NOT_FOUND"),
        ({"subscription": "subscriptions/nobody"}, "ERROR_REASON_SUBSCRIPTION_NOT_FOUND"),
    ]:
        assert (await refusal(make_cap(world, cap(10, **holder)))).reason == reason


async def test_without_leave_to_opt_out_nobody_does(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}", offered_limits=[eur(5)]))
    assert (await refusal(opt_out(world, name, made))).reason == "ERROR_REASON_OPT_OUT_NOT_ALLOWED"
    error = await refusal(choose(world, name, 7, made))
    assert (error.field_violations[0].field, "one of 5 EUR, 10 EUR" in error.message) == ("limit", True)
    assert (await choose(world, name, 5, made)).limit == eur(5)


async def test_a_consent_without_further_limits_opens_for_the_rest_of_the_period(world: World) -> None:
    name = traveller(world)
    made = await make_cap(world, cap(10, subscription=f"subscriptions/{name}"))
    await roam(world, name, 8)
    opened = await consent(world, name, made)
    assert (state(opened), opened.HasField("limit"), opened.HasField("left")) == ("CONSENTED", False, False)
