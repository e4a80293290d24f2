"""The catalogue takes in sound tariffs, protects what is in force, and shows plans in order."""

import asyncio
import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from offer_events import stamp
from offer_samples import tariff, version
from offer_world import World, plan

from cxmesh.catalog.v1 import catalog_service_pb2 as pb
from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, PLAN_STATE_DRAFT, PLAN_STATE_RETIRED, Plan
from mesh.rpc import RpcError, error_from

PAST, FUTURE = version("2020-01-01"), version("2099-01-01", "0.25")


async def refused(call: Any) -> RpcError:
    """Why a call failed."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


async def update(world: World, sent: Plan, *paths: str) -> Plan:
    return await world.catalog().UpdatePlan(pb.UpdatePlanRequest(plan=sent, update_mask=FieldMask(paths=paths)))


def padded(document: str, size: int) -> str:
    return f"{document}# {'x' * size}\n"


async def test_a_plan_is_made_with_what_follows_from_its_tariff(world: World):
    made = await world.create_plan("gold", name="plans/ignored", tariff_digest="ignored", etag="ignored")

    assert made == Plan(
        name="plans/gold",
        display_name="Gold",
        state=PLAN_STATE_ACTIVE,
        tariff_document=tariff(),
        tariff_digest=hashlib.sha256(tariff().encode()).hexdigest(),
        currency_code="USD",
        create_time=stamp(world.clock.now()),
        update_time=stamp(world.clock.now()),
        etag="r1",
    )
    assert await world.catalog().GetPlan(pb.GetPlanRequest(name="plans/gold")) == made
    assert await world.published() == [PlanChanged(plan="plans/gold", tariff_digest=made.tariff_digest)]


async def test_a_plan_that_names_no_state_is_a_draft(world: World):
    assert (await world.create_plan("gold", state=0)).state == PLAN_STATE_DRAFT


async def test_every_fault_of_a_tariff_is_told_with_its_line(world: World):
    faulty = tariff(version("2020-01-01", "0,17"), currency="USX")
    error = await refused(world.create_plan("gold", tariff_document=faulty))

    assert (error.status.name, error.reason, error.domain) == (
        "INVALID_ARGUMENT",
        "ERROR_REASON_INVALID_TARIFF",
        "catalog.cxmesh",
    )
    assert error.metadata == {"plan": "plans/gold", "faults": "2"}
    assert {one.field for one in error.field_violations} == {"plan.tariff_document"}
    for violation, (path, value) in zip(
        error.field_violations, [("currency", "USX"), ("versions[0].rates[0].price", "0,17")], strict=True
    ):
        told = re.fullmatch(r"line (\d+), column (\d+): (.*): (.*) is refused; expected .+", violation.description)
        assert told is not None
        assert told.group(3, 4) == (path, value)
        assert value in faulty.splitlines()[int(told[1]) - 1][int(told[2]) - 1 :]
    assert await world.published() == []
    unknown = await refused(world.catalog().GetPlan(pb.GetPlanRequest(name="plans/gold")))
    assert unknown.status.name == "NOT_FOUND"


async def test_a_tariff_with_hundreds_of_faults_is_refused_with_the_first_and_their_number(world: World):
    rates = [f'{{line: "{"l" * 70}", service: {"pigeon" * 20}, price: "{"x" * 80}", per: minute}}' for _ in range(200)]
    document = tariff() + f"    rates_again: [{', '.join(rates)}]\n"
    faulty = document.replace("rates: [{line: calls", f"rates: [{', '.join(rates)}, {{line: calls")
    error = await refused(world.create_plan("gold", tariff_document=faulty))

    assert error.reason == "ERROR_REASON_INVALID_TARIFF"
    assert int(error.metadata["faults"]) > 200
    assert len(error.field_violations) == 10
    assert error.message.endswith("…") or f"and {int(error.metadata['faults']) - 3} more" in error.message


@pytest.mark.parametrize("document", ["{", "a: b: c", "[]", "42", "\t", "format: other", "&a [*a]", "\x01"])
async def test_what_is_no_tariff_at_all_is_refused_in_the_same_way(world: World, document: str):
    error = await refused(world.create_plan("gold", tariff_document=document))

    assert (error.status.name, error.reason) == ("INVALID_ARGUMENT", "ERROR_REASON_INVALID_TARIFF")
    assert re.match(r"line [12], column \d+: ", error.field_violations[0].description)


async def test_a_name_is_taken_once(world: World):
    await world.create_plan("gold")
    error = await refused(world.create_plan("gold", display_name="Another"))

    assert (error.status.name, error.reason, error.domain) == (
        "ALREADY_EXISTS",
        "ERROR_REASON_ALREADY_EXISTS",
        "catalog.cxmesh",
    )
    assert error.metadata == {"plan": "plans/gold"}


async def test_of_several_who_take_a_name_at_the_same_time_one_gets_it(world: World):
    made = await asyncio.gather(*(world.create_plan("gold") for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(one, Plan) for one in made) == 1
    assert len(await world.published()) == 1


async def test_a_request_that_comes_again_gets_the_same_answer_and_does_nothing(world: World):
    request = pb.CreatePlanRequest(plan_id="gold", plan=plan(), request_id=str(uuid.uuid4()))
    made = await world.catalog().CreatePlan(request)
    world.clock.advance(timedelta(hours=1))
    change = pb.UpdatePlanRequest(plan=made, request_id=str(uuid.uuid4()))
    change.plan.display_name = "Or"
    changed = await world.catalog().UpdatePlan(change)

    assert await world.catalog().CreatePlan(request) == made
    assert await world.catalog().UpdatePlan(change) == changed
    assert len(await world.published()) == 2


async def test_an_update_changes_what_the_mask_names(world: World):
    made = await world.create_plan("gold", description="Shiny")
    world.clock.advance(timedelta(hours=1))
    sent = plan(name="plans/gold", display_name="Silver", description="Dull", state=PLAN_STATE_RETIRED)
    changed = await update(world, sent, "display_name", "state")

    made.display_name, made.state, made.etag = "Silver", PLAN_STATE_RETIRED, "r2"
    made.update_time.CopyFrom(stamp(world.clock.now()))
    assert changed == made
    assert await world.catalog().GetPlan(pb.GetPlanRequest(name="plans/gold")) == made
    assert (await world.published())[1:] == [PlanChanged(plan="plans/gold", tariff_digest=made.tariff_digest)]


async def test_an_update_without_a_mask_changes_what_is_set(world: World):
    await world.create_plan("gold", description="Shiny")
    changed = await update(world, Plan(name="plans/gold", display_name="Or"))

    assert (changed.display_name, changed.description, changed.state) == ("Or", "Shiny", PLAN_STATE_ACTIVE)


async def test_a_star_replaces_everything(world: World):
    await world.create_plan("gold", description="Shiny")
    changed = await update(world, plan(name="plans/gold", state=PLAN_STATE_RETIRED), "*")

    assert (changed.description, changed.state) == ("", PLAN_STATE_RETIRED)


async def test_a_version_with_a_later_activation_is_added(world: World):
    made = await world.create_plan("gold")
    longer = tariff(PAST, FUTURE)
    changed = await update(world, plan(name="plans/gold", tariff_document=longer), "tariff_document")

    assert changed.tariff_document == longer
    assert changed.tariff_digest == hashlib.sha256(longer.encode()).hexdigest() != made.tariff_digest
    assert (await world.published())[-1] == PlanChanged(plan="plans/gold", tariff_digest=changed.tariff_digest)


@pytest.mark.parametrize(
    "document", [tariff(version("2020-01-01", "0.18")), tariff(FUTURE), tariff(PAST, currency="EUR")]
)
async def test_a_version_in_force_can_not_change(world: World, document: str):
    made = await world.create_plan("gold")
    error = await refused(update(world, plan(name="plans/gold", tariff_document=document), "tariff_document"))

    assert (error.status.name, error.reason, error.domain) == (
        "FAILED_PRECONDITION",
        "ERROR_REASON_TARIFF_VERSION_IN_FORCE",
        "catalog.cxmesh",
    )
    assert error.metadata == {"plan": "plans/gold", "version": "2020-01-01T05:00:00+00:00"}
    assert await world.catalog().GetPlan(pb.GetPlanRequest(name="plans/gold")) == made


async def test_a_version_can_be_put_right_until_it_comes_into_force(world: World):
    soon = world.clock.now() + timedelta(hours=1)
    coming, other = (version(soon.isoformat(timespec="seconds"), price) for price in ("0.20", "0.21"))
    await world.create_plan("gold", tariff_document=tariff(PAST, coming))
    await update(world, plan(name="plans/gold", tariff_document=tariff(PAST, other)), "tariff_document")
    world.clock.advance(timedelta(hours=1))

    back = plan(name="plans/gold", tariff_document=tariff(PAST, coming))
    assert (await refused(update(world, back, "tariff_document"))).reason == "ERROR_REASON_TARIFF_VERSION_IN_FORCE"


async def test_a_faulty_tariff_is_refused_on_an_update_too(world: World):
    await world.create_plan("gold")
    error = await refused(update(world, plan(name="plans/gold", tariff_document="{"), "tariff_document"))

    assert (error.reason, error.metadata["plan"]) == ("ERROR_REASON_INVALID_TARIFF", "plans/gold")


async def test_who_gives_the_etag_back_is_refused_when_somebody_else_wrote_in_between(world: World):
    made = await world.create_plan("gold")
    first = await update(world, made, "state")
    error = await refused(update(world, made, "state"))

    assert (error.status.name, error.reason) == ("ABORTED", "ERROR_REASON_ETAG_MISMATCH")
    assert error.metadata == {"plan": "plans/gold"}
    assert (await update(world, first, "state")).etag == "r3"


async def test_of_several_who_write_at_the_same_time_with_one_etag_one_succeeds(world: World):
    made = await world.create_plan("gold")
    results = await asyncio.gather(*(update(world, made, "state") for _ in range(5)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in results) == ["AioRpcError"] * 4 + ["Plan"]
    assert (await world.catalog().GetPlan(pb.GetPlanRequest(name="plans/gold"))).etag == "r2"


async def test_a_batch_comes_in_the_order_asked_for(world: World):
    for plan_id in ("a", "b", "c"):
        await world.create_plan(plan_id)
    names = ["plans/c", "plans/a", "plans/b", "plans/a"]
    found = await world.catalog().BatchGetPlans(pb.BatchGetPlansRequest(names=names))

    assert [one.name for one in found.plans] == names


async def test_a_batch_names_the_first_that_is_unknown(world: World):
    await world.create_plan("a")
    names = ["plans/a", "plans/y", "plans/x"]
    error = await refused(world.catalog().BatchGetPlans(pb.BatchGetPlansRequest(names=names)))

    assert (error.status.name, error.reason) == ("NOT_FOUND", "ERROR_REASON_PLAN_NOT_FOUND")
    assert error.metadata == {"plan": "plans/y"}


async def walk(world: World, **asked: Any) -> list[list[str]]:
    """The names on each page."""
    pages, request = [], pb.ListPlansRequest(**asked)
    while True:
        page = await world.catalog().ListPlans(request)
        pages.append([one.name for one in page.plans])
        if not page.next_page_token:
            return pages
        request.page_token = page.next_page_token


async def test_plans_are_listed_by_name_page_by_page_and_by_state(world: World):
    for plan_id in ("b", "a", "d", "c", "e"):
        await world.create_plan(plan_id, state=PLAN_STATE_RETIRED if plan_id == "c" else PLAN_STATE_ACTIVE)

    assert await walk(world) == [[f"plans/{plan_id}" for plan_id in "abcde"]]
    assert await walk(world, page_size=2) == [["plans/a", "plans/b"], ["plans/c", "plans/d"], ["plans/e"]]
    assert await walk(world, page_size=2, state=PLAN_STATE_ACTIVE) == [["plans/a", "plans/b"], ["plans/d", "plans/e"]]
    assert await walk(world, state=PLAN_STATE_DRAFT) == [[]]


async def test_a_page_of_long_tariffs_is_shorter_than_asked_for(world: World):
    for plan_id, size in (("a", 200_000), ("b", 200_000), ("c", 600_000), ("d", 10)):
        await world.create_plan(plan_id, tariff_document=padded(tariff(), size))

    assert await walk(world) == [["plans/a", "plans/b"], ["plans/c"], ["plans/d"]]
    assert await walk(world, page_size=1) == [["plans/a"], ["plans/b"], ["plans/c"], ["plans/d"]]


async def test_other_calls_are_answered_while_a_long_tariff_is_read(world: World):
    rates = "".join(
        f'\n    - {{line: l{number}, service: voice, zone: z{number}, price: "0.1", per: minute}}'
        for number in range(1500)
    )
    zones = "".join(f'\n    - {{id: z{number}, prefixes: ["{number}"]}}' for number in range(1500))
    document = tariff(f'\n  - from: "2020-01-01"\n    zones:{zones}\n    rates:{rates}')
    making = asyncio.ensure_future(world.create_plan("long", tariff_document=document))
    answered = 0
    while not making.done():
        await world.catalog().ListPlans(pb.ListPlansRequest(state=PLAN_STATE_DRAFT))
        answered += 1

    assert (await making).currency_code == "USD"
    assert answered > 3
