"""What is asked of the profile about customers, and what follows from the answer?"""

from typing import Any

import grpc
import pytest

from cxmesh.profile.v1 import customer_pb2 as pb
from cxmesh.profile.v1.profile_service_pb2 import BatchGetCustomersRequest, BatchGetCustomersResponse
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from mesh.rpc import RpcError
from usage_correlation.peers.customers import CustomersClient, facts_of

LOCATION, SOCIAL = pb.CONSENT_PURPOSE_LOCATION, pb.CONSENT_PURPOSE_SOCIAL


def customer(*said: tuple[int, bool, int, int], name: str = "customers/c-1", **fields: Any) -> pb.Customer:
    """Consents as (purpose, granted, second, channel)."""
    made = pb.Customer(name=name, **fields)
    for purpose, granted, second, channel in said:
        made.consents.add(purpose=purpose, granted=granted, channel=channel).time.seconds = second
    return made


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ([], False),
        ([(LOCATION, True, 1, 0)], True),
        ([(LOCATION, False, 1, 0)], False),
        ([(LOCATION, True, 1, 0), (LOCATION, False, 2, 0)], False),
        ([(LOCATION, True, 3, 0), (LOCATION, False, 2, 0)], True),
        ([(SOCIAL, True, 1, 0)], False),
        ([(LOCATION, True, 1, pb.CHANNEL_SMS)], False),
        ([(LOCATION, True, 1, 0), (LOCATION, False, 2, pb.CHANNEL_SMS)], True),
    ],
)
def test_the_last_word_for_every_channel_holds(said: list[tuple[int, bool, int, int]], places: bool) -> None:
    assert facts_of(customer(*said)).places is places


def test_region_and_life_cycle() -> None:
    facts = facts_of(customer(region_code="US-KS", life_cycle_state=pb.LIFE_CYCLE_STATE_ACTIVE))
    assert (facts.region, facts.life_cycle) == ("US-KS", "active")
    assert facts_of(customer()).life_cycle == ""


class Strict(ProfileServiceServicer):
    """As the profile: one that is unknown refuses all, and is named."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def BatchGetCustomers(self, request: BatchGetCustomersRequest, context: Any) -> BatchGetCustomersResponse:
        self.asked.append(len(request.names))
        for name in request.names:
            if "gone" in name:
                error = RpcError(
                    grpc.StatusCode.NOT_FOUND, "x", reason="R", domain="profile.cxmesh", metadata={"customer": name}
                )
                await context.abort(error.status, "x", error.trailing_metadata())
            if "broken" in name:
                await context.abort(grpc.StatusCode.NOT_FOUND, "without a name")
        return BatchGetCustomersResponse(customers=[customer(name=name) for name in request.names])


async def asked(ids: list[str]) -> tuple[set[str], list[int]]:
    server, fake = grpc.aio.server(), Strict()
    add_ProfileServiceServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            return set(await CustomersClient(channel).facts(ids)), fake.asked
    finally:
        await server.stop(None)


async def test_those_that_are_unknown_are_left_out() -> None:
    found, sizes = await asked(["a", "b", "gone-1", "gone-2"])
    assert (found, sizes) == ({"a", "b"}, [4, 3, 2])
    assert (await asked(["gone-1"]))[0] == set()


async def test_a_thousand_are_asked_for_at_a_time() -> None:
    found, sizes = await asked([f"c-{number}" for number in range(1500)])
    assert (len(found), sizes) == (1500, [1000, 500])


async def test_an_answer_that_names_nobody_is_an_error() -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await asked(["broken"])
