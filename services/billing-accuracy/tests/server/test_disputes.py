"""A doubt about a bill is settled in one contact where that can be, and by the right person where not."""

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from billing_messages import bill_message, money
from billing_samples import with_amounts

from billing_accuracy.wiring import build
from cxmesh.billing.v1 import (
    account_service_pb2,
    bill_check_pb2,
    bill_pb2,
    billing_accuracy_service_pb2,
    dispute_pb2,
)
from cxmesh.billing.v1 import dispute_service_pb2 as pb
from cxmesh.billing.v1.dispute_service_pb2_grpc import DisputeServiceStub
from mesh.rpc import error_from

State, Outcome, Authority = dispute_pb2.DisputeState, dispute_pb2.DisputeOutcome, dispute_pb2.CreditAuthority


def stub(world: Any, caller: str | None = None) -> Any:
    return DisputeServiceStub(world.service.channel(caller) if caller else world.service.channel())


async def checked(world: Any, **amounts: str) -> tuple[str, Any]:
    """A bill that was checked, with some amounts wrong."""
    account = world.account()
    run = await world.run()
    [outcome] = (await world.check(run, bill_message(with_amounts(account.right_bill(), **amounts)))).outcomes
    return outcome.bill_check, account


async def opened(world: Any, check: str, *, settle: bool = False, codes: tuple[str, ...] = (), **fields: Any) -> Any:
    dispute = dispute_pb2.Dispute(
        **{"bill_check": check, "charge_codes": codes, "reason": "too much", "contact": "call-1", "agent": "kim"}
        | fields
    )
    request = pb.CreateDisputeRequest(dispute_id=f"d-{uuid.uuid4().hex[:12]}", dispute=dispute, settle=settle)
    return await stub(world).CreateDispute(request)


async def refused(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from(caught.value)


def resolve(name: str, **fields: Any) -> pb.ResolveDisputeRequest:
    usual = {
        "outcome": Outcome.DISPUTE_OUTCOME_JUSTIFIED,
        "credit": money("16.78"),
        "authority": Authority.CREDIT_AUTHORITY_AGENT,
        "agent": "kim",
        "reason": "billed at the day rate",
        "contact": "call-1",
    }
    return pb.ResolveDisputeRequest(name=name, **{key: one for key, one in (usual | fields).items() if one is not None})


async def credits_of(world: Any, subscription: str) -> list[Any]:
    request = account_service_pb2.ListAccountEntriesRequest(parent=subscription)
    return list((await world.accounts.ListAccountEntries(request)).entries)


async def test_a_justified_doubt_has_evidence_and_a_credit_at_once(world: Any) -> None:
    check, account = await checked(world, evening="33.56")
    dispute = await opened(world, check, codes=("voice.evening",))
    assert dispute.state == State.DISPUTE_STATE_ACKNOWLEDGED
    assert (dispute.evidence.billed, dispute.evidence.expected) == (money("33.56"), money("16.78"))
    assert [one.finding_class for one in dispute.evidence.findings] == [bill_pb2.FINDING_CLASS_WRONG_BAND]
    assert dispute.evidence.derivation
    assert dispute.proposal.outcome == Outcome.DISPUTE_OUTCOME_JUSTIFIED
    assert dispute.proposal.credit == money("16.78")
    assert dispute.proposal.confidence == pytest.approx(0.99)
    assert "the rate of voice.day" in dispute.proposal.explanation
    assert dispute.subscription == account.name


async def test_it_is_settled_in_the_first_contact_and_the_credit_is_on_the_account(world: Any) -> None:
    check, account = await checked(world, evening="33.56")
    dispute = await opened(world, check, settle=True)
    assert dispute.state == State.DISPUTE_STATE_RESOLVED
    assert dispute.resolution.authority == Authority.CREDIT_AUTHORITY_AUTOMATIC
    assert dispute.resolution.first_contact
    [entry] = await credits_of(world, account.name)
    assert (entry.amount, entry.tax_exempt) == (money("16.78"), True)
    assert dispute.resolution.account_entry == f"disputes/{entry.entry_id}"
    assert entry.reference == dispute.name


async def test_a_right_bill_is_explained_and_costs_nothing(world: Any) -> None:
    check, account = await checked(world)
    dispute = await opened(world, check, settle=True, codes=("voice.day",))
    assert dispute.resolution.outcome == Outcome.DISPUTE_OUTCOME_EXPLAINED
    assert not dispute.resolution.HasField("credit")
    assert dispute.evidence.billed == dispute.evidence.expected == money("45.90")
    assert await credits_of(world, account.name) == []


async def test_a_charge_that_is_right_is_explained_though_another_is_wrong(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    dispute = await opened(world, check, codes=("voice.day",))
    assert dispute.proposal.outcome == Outcome.DISPUTE_OUTCOME_EXPLAINED


async def test_what_nothing_explains_waits_for_a_person(world: Any) -> None:
    check, _ = await checked(world, day="48.40")
    dispute = await opened(world, check, settle=True)
    assert dispute.proposal.confidence == pytest.approx(0.8)
    assert dispute.state == State.DISPUTE_STATE_ACKNOWLEDGED


async def test_more_than_the_automatic_limit_waits_for_a_person(world: Any) -> None:
    check, _ = await checked(world, night="50.00", evening="33.56")
    dispute = await opened(world, check, settle=True)
    assert dispute.state == State.DISPUTE_STATE_ACKNOWLEDGED


async def test_a_customer_who_doubts_more_than_was_billed_speaks_with_a_person(world: Any) -> None:
    check, _ = await checked(world)
    dispute = await opened(world, check, codes=("voice.night",), disputed_amount=money("99.00"))
    assert dispute.proposal.outcome == Outcome.DISPUTE_OUTCOME_NEEDS_PERSON


async def test_a_corrected_bill_is_right(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    await world.billing.ReleaseBill(
        billing_accuracy_service_pb2.ReleaseBillRequest(
            name=check, kind=bill_check_pb2.RELEASE_KIND_CORRECTED, agent="kim", reason="corrected"
        )
    )
    dispute = await opened(world, check)
    assert dispute.proposal.outcome == Outcome.DISPUTE_OUTCOME_EXPLAINED


async def test_an_agent_grants_within_the_limit_a_supervisor_beyond(world: Any) -> None:
    check, account = await checked(world, day="400.00")
    dispute = await opened(world, check)
    error = await refused(stub(world).ResolveDispute(resolve(dispute.name, credit=money("354.10"))))
    assert (error.status, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ERROR_REASON_BEYOND_AUTHORITY")
    assert error.metadata["limit"] == "100.00 USD"
    settled = await stub(world).ResolveDispute(
        resolve(dispute.name, credit=money("354.10"), authority=Authority.CREDIT_AUTHORITY_SUPERVISOR, contact="call-2")
    )
    assert settled.state == State.DISPUTE_STATE_RESOLVED
    assert not settled.resolution.first_contact
    assert [one.amount for one in await credits_of(world, account.name)] == [money("354.10")]


async def test_the_same_request_again_credits_once(world: Any) -> None:
    check, account = await checked(world, evening="33.56")
    dispute = await opened(world, check)
    request = resolve(dispute.name, request_id=str(uuid.uuid4()))
    first, again = [await stub(world).ResolveDispute(request) for _ in range(2)]
    assert first == again
    assert len(await credits_of(world, account.name)) == 1
    error = await refused(stub(world).ResolveDispute(resolve(dispute.name)))
    assert error.reason == "ERROR_REASON_WRONG_STATE"


async def test_a_second_open_dispute_about_the_same_charges_is_refused_and_names_the_first(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    first = await opened(world, check, codes=("voice.evening",))
    error = await refused(opened(world, check))
    assert (error.status, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_DISPUTED_ALREADY")
    assert error.metadata["dispute"] == first.name
    assert (await opened(world, check, codes=("voice.day",))).state == State.DISPUTE_STATE_ACKNOWLEDGED


async def test_a_settled_dispute_is_opened_again_for_a_person(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    dispute = await opened(world, check, settle=True)
    again = await stub(world).ReopenDispute(pb.ReopenDisputeRequest(name=dispute.name, reason="still wrong"))
    assert again.state == State.DISPUTE_STATE_IN_PROGRESS
    assert again.proposal.outcome == Outcome.DISPUTE_OUTCOME_NEEDS_PERSON
    assert again.reopen_count == 1
    assert not again.HasField("resolution")
    settled = await stub(world).ResolveDispute(
        resolve(dispute.name, outcome=Outcome.DISPUTE_OUTCOME_GOODWILL, credit=money("5"))
    )
    assert not settled.resolution.first_contact
    assert [one.state for one in settled.history] == [
        State.DISPUTE_STATE_ACKNOWLEDGED,
        State.DISPUTE_STATE_RESOLVED,
        State.DISPUTE_STATE_IN_PROGRESS,
        State.DISPUTE_STATE_RESOLVED,
    ]


async def test_a_new_dispute_knows_of_earlier_ones_and_is_less_sure(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    first = await opened(world, check, settle=True)
    second = await opened(world, check, settle=True)
    assert list(second.evidence.earlier_disputes) == [first.name]
    assert second.state == State.DISPUTE_STATE_ACKNOWLEDGED


async def test_it_goes_where_it_may_and_nowhere_else(world: Any) -> None:
    check, _ = await checked(world)
    dispute = await opened(world, check)

    def to(state: int) -> Any:
        return stub(world).AdvanceDispute(pb.AdvanceDisputeRequest(name=dispute.name, state=state, agent="kim"))

    error = await refused(to(State.DISPUTE_STATE_CLOSED))
    assert error.metadata["state"] == "ACKNOWLEDGED"
    for state in (State.DISPUTE_STATE_IN_PROGRESS, State.DISPUTE_STATE_PENDING, State.DISPUTE_STATE_CANCELLED):
        assert (await to(state)).state == state
    assert (await refused(to(State.DISPUTE_STATE_IN_PROGRESS))).reason == "ERROR_REASON_WRONG_STATE"
    reopening = pb.ReopenDisputeRequest(name=dispute.name, reason="again")
    assert (await refused(stub(world).ReopenDispute(reopening))).reason == "ERROR_REASON_WRONG_STATE"


async def test_what_nobody_objects_to_is_closed_in_time(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    dispute = await opened(world, check, settle=True)
    world.clock.advance(timedelta(days=15))
    [job] = [one for one in build(world.service.runtime).jobs if one.name == "close-settled-disputes"]
    await job.run()
    found = await stub(world).GetDispute(pb.GetDisputeRequest(name=dispute.name))
    assert found.state == State.DISPUTE_STATE_CLOSED
    world.clock.advance(timedelta(days=30))
    late = pb.ReopenDisputeRequest(name=dispute.name, reason="late")
    assert (await refused(stub(world).ReopenDispute(late))).reason == "ERROR_REASON_WRONG_STATE"


async def test_disputes_are_listed_by_what_they_are_about(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    first = await opened(world, check, codes=("voice.evening",))
    second = await opened(world, check, codes=("voice.day",))
    names = []
    token = ""
    for _ in range(2):
        page = await stub(world).ListDisputes(pb.ListDisputesRequest(bill_check=check, page_size=1, page_token=token))
        names += [one.name for one in page.disputes]
        token = page.next_page_token
    assert sorted(names) == sorted([first.name, second.name])
    assert token == ""
    customer = first.customer
    found = await stub(world).ListDisputes(
        pb.ListDisputesRequest(customer=customer, state=State.DISPUTE_STATE_RESOLVED)
    )
    assert list(found.disputes) == []


BAD = [
    ("CreateDispute", pb.CreateDisputeRequest(dispute_id="d"), "dispute"),
    (
        "CreateDispute",
        pb.CreateDisputeRequest(dispute_id="d", dispute=dispute_pb2.Dispute(bill_check="billChecks/a.b")),
        "dispute.reason",
    ),
    (
        "CreateDispute",
        pb.CreateDisputeRequest(dispute_id="d", dispute=dispute_pb2.Dispute(bill_check="x", reason="r")),
        "dispute.bill_check",
    ),
    ("GetDispute", pb.GetDisputeRequest(name="d"), "name"),
    ("ListDisputes", pb.ListDisputesRequest(page_size=-1), "page_size"),
    ("AdvanceDispute", pb.AdvanceDisputeRequest(name="disputes/d", state=4, agent="a"), "state"),
    ("AdvanceDispute", pb.AdvanceDisputeRequest(name="disputes/d", state=2), "agent"),
    ("ResolveDispute", resolve("disputes/d", outcome=Outcome.DISPUTE_OUTCOME_NEEDS_PERSON), "outcome"),
    ("ResolveDispute", resolve("disputes/d", credit=None), "credit"),
    ("ResolveDispute", resolve("disputes/d", credit=money("-1")), "credit"),
    ("ResolveDispute", resolve("disputes/d", outcome=Outcome.DISPUTE_OUTCOME_EXPLAINED), "credit"),
    ("ResolveDispute", resolve("disputes/d", authority=Authority.CREDIT_AUTHORITY_AUTOMATIC), "authority"),
    ("ReopenDispute", pb.ReopenDisputeRequest(name="disputes/d"), "reason"),
]


@pytest.mark.parametrize(("method", "request_", "field"), BAD)
async def test_a_request_that_cannot_be_names_the_field(world: Any, method: str, request_: Any, field: str) -> None:
    error = await refused(getattr(stub(world), method)(request_))
    assert error.status is grpc.StatusCode.INVALID_ARGUMENT
    assert error.field_violations[0].field == field


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("GetDispute", pb.GetDisputeRequest(name="disputes/none")),
        ("ReopenDispute", pb.ReopenDisputeRequest(name="disputes/none", reason="r")),
        ("ResolveDispute", resolve("disputes/none")),
        (
            "CreateDispute",
            pb.CreateDisputeRequest(
                dispute_id="d", dispute=dispute_pb2.Dispute(bill_check="billChecks/none.none", reason="r")
            ),
        ),
    ],
)
async def test_what_is_not_there_is_not_found(world: Any, method: str, request_: Any) -> None:
    assert (await refused(getattr(stub(world), method)(request_))).status is grpc.StatusCode.NOT_FOUND


async def test_a_foreign_currency_is_refused(world: Any) -> None:
    check, _ = await checked(world, evening="33.56")
    error = await refused(opened(world, check, disputed_amount=money("1", "EUR")))
    assert [one.field for one in error.field_violations] == ["dispute.disputed_amount.currency_code"]
    dispute = await opened(world, check)
    error = await refused(stub(world).ResolveDispute(resolve(dispute.name, credit=money("1", "EUR"))))
    assert [one.field for one in error.field_violations] == ["credit.currency_code"]


@pytest.mark.parametrize("caller", ["service/offer-decision", "partner/acme"])
async def test_others_may_not_settle(world: Any, caller: str) -> None:
    error = await refused(stub(world, caller).ResolveDispute(resolve("disputes/d")))
    assert error.status is grpc.StatusCode.PERMISSION_DENIED
