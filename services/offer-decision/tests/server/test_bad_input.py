"""What each call answers to what it cannot serve."""

import uuid
from typing import Any

import grpc
import pytest
from offer_events import signal_raised
from offer_samples import tariff
from offer_world import World, campaign, plan

from cxmesh.catalog.v1 import catalog_service_pb2 as catalog
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.offer.v1 import offer_decision_service_pb2 as offers
from cxmesh.offer.v1.offer_decision_service_pb2_grpc import OfferDecisionServiceStub
from mesh.rpc import RpcError, error_from
from mesh.testkit import Certificates

STUBS = {
    "cxmesh.catalog.v1.CatalogService": CatalogServiceStub,
    "cxmesh.offer.v1.OfferDecisionService": OfferDecisionServiceStub,
}
METHODS = {
    method.name: service
    for file in (catalog, offers)
    for service in [next(iter(file.DESCRIPTOR.services_by_name.values())).full_name]
    for method in next(iter(file.DESCRIPTOR.services_by_name.values())).methods
}
READERS = {"GetPlan", "BatchGetPlans", "ListPlans"}
"""What those who rate may call beside the operator."""
RATERS = {"service/usage-correlation", "service/billing-accuracy"}
OTHERS = {*RATERS, "service/profile", "service/notification", "service/value-network-sla", "service/offer-decision"}
TOO_LONG = "x" * 64
DECISION = "decisions/d-1"


def call(world: World, method: str, request: Any, as_: str = "service/operator") -> Any:
    """Any: the call of any method."""
    return getattr(STUBS[METHODS[method]](world.service.channel(as_)), method)(request)


async def refused(made: Any) -> RpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await made
    return error_from(caught.value)


INVALID = [
    ("CreatePlan", catalog.CreatePlanRequest(), "plan_id"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id="gold"), "plan"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id=TOO_LONG, plan=plan()), "plan_id"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id="-gold", plan=plan()), "plan_id"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id="a/b", plan=plan()), "plan_id"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id="gold", plan=plan(etag="x" * 65)), "plan.etag"),
    ("CreatePlan", catalog.CreatePlanRequest(plan_id="gold", plan=plan(), request_id="no uuid"), "request_id"),
    ("GetPlan", catalog.GetPlanRequest(), "name"),
    ("GetPlan", catalog.GetPlanRequest(name=f"plans/{TOO_LONG}"), "name"),
    ("GetPlan", catalog.GetPlanRequest(name="campaigns/gold"), "name"),
    ("BatchGetPlans", catalog.BatchGetPlansRequest(), "names"),
    ("BatchGetPlans", catalog.BatchGetPlansRequest(names=["plans/"]), "names[0]"),
    ("BatchGetPlans", catalog.BatchGetPlansRequest(names=["plans/a", "plans/b c"]), "names[1]"),
    ("BatchGetPlans", catalog.BatchGetPlansRequest(names=["plans/a"] * 101), "names"),
    ("ListPlans", catalog.ListPlansRequest(page_size=-1), "page_size"),
    ("ListPlans", catalog.ListPlansRequest(page_token="made up"), "page_token"),
    ("ListPlans", catalog.ListPlansRequest(page_token="x" * 1025), "page_token"),
    ("ListPlans", catalog.ListPlansRequest(state=99), "state"),
    ("UpdatePlan", catalog.UpdatePlanRequest(), ""),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan()), "plan.name"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="gold")), "plan.name"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="plans/\0")), "plan.name"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="plans/gold"), request_id="1"), "request_id"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="plans/g"), update_mask={"paths": ["x"]}), "update_mask"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="plans/g"), update_mask={"paths": [""]}), "update_mask"),
    (
        "UpdatePlan",
        catalog.UpdatePlanRequest(plan=plan(name="plans/g"), update_mask={"paths": ["x" * 100_000]}),
        "update_mask",
    ),
    ("CreateCampaign", offers.CreateCampaignRequest(), "campaign_id"),
    ("CreateCampaign", offers.CreateCampaignRequest(campaign_id="c"), "campaign"),
    ("CreateCampaign", offers.CreateCampaignRequest(campaign_id=TOO_LONG, campaign=campaign()), "campaign_id"),
    (
        "CreateCampaign",
        offers.CreateCampaignRequest(campaign_id="c", campaign=campaign(), request_id="1"),
        "request_id",
    ),
    ("GetCampaign", offers.GetCampaignRequest(), "name"),
    ("GetCampaign", offers.GetCampaignRequest(name=f"campaigns/{TOO_LONG}"), "name"),
    ("ListCampaigns", offers.ListCampaignsRequest(page_size=-1), "page_size"),
    ("ListCampaigns", offers.ListCampaignsRequest(page_token="made up"), "page_token"),
    ("UpdateCampaign", offers.UpdateCampaignRequest(), ""),
    ("UpdateCampaign", offers.UpdateCampaignRequest(campaign=campaign()), "campaign.name"),
    ("UpdateCampaign", offers.UpdateCampaignRequest(campaign=campaign(name="bill-shock")), "campaign.name"),
    ("UpdateCampaign", offers.UpdateCampaignRequest(campaign=campaign(name=f"campaigns/{TOO_LONG}")), "campaign.name"),
    (
        "UpdateCampaign",
        offers.UpdateCampaignRequest(campaign=campaign(name="campaigns/c"), update_mask={"paths": ["plan"]}),
        "update_mask",
    ),
    ("GetDecision", offers.GetDecisionRequest(), "name"),
    ("GetDecision", offers.GetDecisionRequest(name="decisions/../d"), "name"),
    ("GetDecision", offers.GetDecisionRequest(name=f"decisions/{TOO_LONG}"), "name"),
    ("ListDecisions", offers.ListDecisionsRequest(customer="ada"), "customer"),
    ("ListDecisions", offers.ListDecisionsRequest(campaign="customers/ada"), "campaign"),
    ("ListDecisions", offers.ListDecisionsRequest(page_size=-1), "page_size"),
    ("ListDecisions", offers.ListDecisionsRequest(page_token="made up"), "page_token"),
    ("RecordOutcome", offers.RecordOutcomeRequest(), "name"),
    ("RecordOutcome", offers.RecordOutcomeRequest(name=DECISION), "outcome"),
    ("RecordOutcome", offers.RecordOutcomeRequest(name=DECISION, outcome=3), "outcome"),  # READ is heard of
    ("RecordOutcome", offers.RecordOutcomeRequest(name=DECISION, outcome=99), "outcome"),
    ("RecordOutcome", offers.RecordOutcomeRequest(name=DECISION, outcome=4, request_id="1"), "request_id"),
]


@pytest.mark.parametrize(("method", "request_", "field"), INVALID)
async def test_what_breaks_the_rules_is_refused_and_named(world: World, method: str, request_, field: str):
    error = await refused(call(world, method, request_))

    assert error.status.name == "INVALID_ARGUMENT"
    assert error.reason
    if field != "page_token":
        assert field in [one.field for one in error.field_violations]


def test_every_call_has_bad_input_here():
    assert {method for method, _, _ in INVALID} == set(METHODS)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": ""}, "campaign.display_name"),
        ({"display_name": "x" * 201}, "campaign.display_name"),
        ({"display_name": "two\nlines"}, "campaign.display_name"),
        ({"state": 99}, "campaign.state"),
        ({"trigger": 0}, "campaign.trigger"),
        ({"trigger": 99}, "campaign.trigger"),
        ({"purpose": 0}, "campaign.purpose"),
        ({"purpose": 99}, "campaign.purpose"),
        ({"template": ""}, "campaign.template"),
        ({"template": "bill-shock"}, "campaign.template"),
        ({"template": "templates/" + TOO_LONG}, "campaign.template"),
        ({"priority": -1}, "campaign.priority"),
        ({"priority": 1001}, "campaign.priority"),
        ({"min_threshold_percent": -1}, "campaign.min_threshold_percent"),
        ({"min_threshold_percent": 1001}, "campaign.min_threshold_percent"),
        ({"max_messages": -1, "window_days": 1}, "campaign.max_messages"),
        ({"max_messages": 1, "window_days": 367}, "campaign.window_days"),
        ({"max_messages": 1}, "campaign"),
        ({"window_days": 1}, "campaign"),
    ],
)
async def test_the_limits_of_a_campaign_hold_when_it_is_made_and_for_what_an_update_leaves(
    world: World, change, field: str
):
    create = offers.CreateCampaignRequest(campaign_id="c", campaign=campaign(**change))
    mask = {"paths": list(change)}
    update = offers.UpdateCampaignRequest(campaign=campaign(name="campaigns/c", **change), update_mask=mask)

    made = await refused(call(world, "CreateCampaign", create))
    await world.run_campaign("c")
    updated = await refused(call(world, "UpdateCampaign", update))
    assert made.status.name == updated.status.name == "INVALID_ARGUMENT"
    assert field in [one.field for one in made.field_violations]
    assert updated.field_violations == made.field_violations


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"display_name": ""}, "plan.display_name"),
        ({"display_name": "x" * 201}, "plan.display_name"),
        ({"display_name": "two\nlines"}, "plan.display_name"),
        ({"description": "x" * 1001}, "plan.description"),
        ({"description": "a\x1bb"}, "plan.description"),
        ({"description": "\U0010ffff" * 999 + "\x1b"}, "plan.description"),
        ({"state": 99}, "plan.state"),
        ({"tariff_document": ""}, "plan.tariff_document"),
    ],
)
async def test_the_limits_of_a_plan_hold_when_it_is_made_and_for_what_an_update_leaves(
    world: World, change, field: str
):
    create = catalog.CreatePlanRequest(plan_id="p", plan=plan(**change))
    update = catalog.UpdatePlanRequest(plan=plan(name="plans/p", **change), update_mask={"paths": list(change)})

    made = await refused(call(world, "CreatePlan", create))
    await world.create_plan("p")
    updated = await refused(call(world, "UpdatePlan", update))
    assert made.status.name == updated.status.name == "INVALID_ARGUMENT"
    assert [one.field for one in made.field_violations] == [field]
    assert updated.field_violations == made.field_violations


UNKNOWN = [
    ("GetPlan", catalog.GetPlanRequest(name="plans/x"), "PLAN"),
    ("BatchGetPlans", catalog.BatchGetPlansRequest(names=["plans/x"]), "PLAN"),
    ("UpdatePlan", catalog.UpdatePlanRequest(plan=plan(name="plans/x")), "PLAN"),
    ("GetCampaign", offers.GetCampaignRequest(name="campaigns/x"), "CAMPAIGN"),
    ("UpdateCampaign", offers.UpdateCampaignRequest(campaign=campaign(name="campaigns/x")), "CAMPAIGN"),
    ("GetDecision", offers.GetDecisionRequest(name="decisions/x"), "DECISION"),
    ("GetDecision", offers.GetDecisionRequest(name="decisions/00ff"), "DECISION"),
    ("RecordOutcome", offers.RecordOutcomeRequest(name="decisions/x", outcome=4), "DECISION"),
]


@pytest.mark.parametrize(("method", "request_", "what"), UNKNOWN)
async def test_what_is_unknown_is_not_found(world: World, method: str, request_, what: str):
    error = await refused(call(world, method, request_))

    assert (error.status.name, error.reason) == ("NOT_FOUND", f"ERROR_REASON_{what}_NOT_FOUND")
    assert error.domain == ("catalog.cxmesh" if what == "PLAN" else "offer.cxmesh")
    assert next(iter(error.metadata.values())).rpartition("/")[2] in error.message


async def test_lists_of_what_is_unknown_are_empty(world: World):
    request = offers.ListDecisionsRequest(customer="customers/x", campaign="campaigns/x")

    assert not (await call(world, "ListDecisions", request)).decisions
    assert not (await call(world, "ListPlans", catalog.ListPlansRequest(state=3))).plans


async def test_a_request_id_with_another_body_is_refused(world: World):
    ada = world.customer()
    plans = [plan(display_name=name) for name in ("A", "B")]
    campaigns = [campaign(priority=number) for number in (1, 2)]
    named = [plan(name="plans/p", display_name=name) for name in ("C", "D")]
    renamed = [campaign(name="campaigns/c", priority=number) for number in (3, 4)]
    pairs: dict[str, list[Any]] = {
        "CreatePlan": [catalog.CreatePlanRequest(plan_id="p", plan=each) for each in plans],
        "UpdatePlan": [catalog.UpdatePlanRequest(plan=each) for each in named],
        "CreateCampaign": [offers.CreateCampaignRequest(campaign_id="c", campaign=each) for each in campaigns],
        "UpdateCampaign": [offers.UpdateCampaignRequest(campaign=each) for each in renamed],
        "RecordOutcome": [],
    }
    for method, (first, other) in list(pairs.items())[:4]:
        await _repeat(world, method, first, other)
    decided = await world.decided(signal_raised(ada), ada)
    answers = [offers.RecordOutcomeRequest(name=decided.name, outcome=answer) for answer in (4, 5)]
    await _repeat(world, "RecordOutcome", *answers)

    mutating = {name for name in METHODS if name.startswith(("Create", "Update", "Record"))}
    assert set(pairs) == mutating


async def _repeat(world: World, method: str, first: Any, other: Any) -> None:
    """Any: requests of any method."""
    first.request_id = other.request_id = str(uuid.uuid4())
    assert await call(world, method, first) == await call(world, method, first)
    error = await refused(call(world, method, other))
    assert (error.status.name, error.reason) == ("ALREADY_EXISTS", "ERROR_REASON_REQUEST_ID_REUSED")


OVERSIZED = {
    "CreatePlan": catalog.CreatePlanRequest(plan=plan(tariff_document=tariff() + "#" * 2_000_000)),
    "UpdatePlan": catalog.UpdatePlanRequest(plan=plan(tariff_document=tariff() + "#" * 2_000_000)),
    "BatchGetPlans": catalog.BatchGetPlansRequest(names=["plans/" + "x" * 1000] * 2000),
    "GetPlan": catalog.GetPlanRequest(name="x" * 2_000_000),
    "ListPlans": catalog.ListPlansRequest(page_token="x" * 2_000_000),
    "CreateCampaign": offers.CreateCampaignRequest(campaign=campaign(display_name="x" * 2_000_000)),
    "UpdateCampaign": offers.UpdateCampaignRequest(campaign=campaign(display_name="x" * 2_000_000)),
    "GetCampaign": offers.GetCampaignRequest(name="x" * 2_000_000),
    "ListCampaigns": offers.ListCampaignsRequest(page_token="x" * 2_000_000),
    "GetDecision": offers.GetDecisionRequest(name="x" * 2_000_000),
    "ListDecisions": offers.ListDecisionsRequest(page_token="x" * 2_000_000),
    "RecordOutcome": offers.RecordOutcomeRequest(name="x" * 2_000_000),
}


@pytest.mark.parametrize("method", list(METHODS))
async def test_an_oversized_message_is_refused(world: World, method: str):
    assert (await refused(call(world, method, OVERSIZED[method]))).status.name == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize("method", list(METHODS))
async def test_a_caller_without_a_certificate_gets_no_answer(world: World, certificates: Certificates, method: str):
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes())
    options = [("grpc.ssl_target_name_override", "offer-decision")]
    request = next(request for name, request, _ in INVALID if name == method)
    async with grpc.aio.secure_channel(world.service.address, credentials, options) as channel:
        stub = STUBS[METHODS[method]](channel)
        assert (await refused(getattr(stub, method)(request, timeout=5))).status.name == "UNAVAILABLE"


@pytest.mark.parametrize("method", list(METHODS))
async def test_only_those_named_may_call(world: World, method: str):
    request = next(request for name, request, _ in INVALID if name == method)
    for identity in (*OTHERS, "partner/streamly"):
        error = await refused(call(world, method, request, identity))
        allowed = identity in RATERS and method in READERS
        assert error.status.name == ("INVALID_ARGUMENT" if allowed else "PERMISSION_DENIED"), identity
        if not allowed:
            assert error.metadata["method"] == f"/{METHODS[method]}/{method}"
