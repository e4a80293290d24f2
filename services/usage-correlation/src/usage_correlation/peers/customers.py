"""What does the profile say of customers?"""

from collections.abc import Collection, Mapping
from typing import Final

import grpc

from cxmesh.profile.v1 import customer_pb2
from cxmesh.profile.v1.customer_pb2 import Consent, Customer
from cxmesh.profile.v1.profile_service_pb2 import BatchGetCustomersRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from mesh.rpc import error_from
from usage_correlation.handlers.patterns.people import CustomerFacts

_MOST: Final = 1000
_CUSTOMERS: Final = "customers/"
_STATE: Final = "LIFE_CYCLE_STATE_"


class CustomersClient:
    """Asks the profile."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = ProfileServiceStub(channel)

    async def facts(self, customers: Collection[str]) -> Mapping[str, CustomerFacts]:
        """Those that exist, by id, with one call for each 1,000."""
        names = [f"{_CUSTOMERS}{each}" for each in sorted(customers)]
        found: dict[str, CustomerFacts] = {}
        for first in range(0, len(names), _MOST):
            for customer in await self._known(names[first : first + _MOST]):
                found[customer.name.removeprefix(_CUSTOMERS)] = facts_of(customer)
        return found

    async def _known(self, names: list[str]) -> list[Customer]:
        """The profile refuses all when one is unknown, and names it: it is left out, and the others asked for again."""
        while names:
            try:
                answer = await self._stub.BatchGetCustomers(BatchGetCustomersRequest(names=names))
                return list(answer.customers)
            except grpc.aio.AioRpcError as error:
                unknown = error_from(error).metadata.get("customer") if error.code() is _NOT_FOUND else None
                if unknown not in names:
                    raise
                names = [name for name in names if name != unknown]
        return []


_NOT_FOUND: Final = grpc.StatusCode.NOT_FOUND


def facts_of(customer: Customer) -> CustomerFacts:
    """What patterns know of a customer."""
    state = customer_pb2.LifeCycleState.Name(customer.life_cycle_state).removeprefix(_STATE).lower()
    return CustomerFacts(
        region=customer.region_code,
        life_cycle="" if state == "unspecified" else state,
        places=_granted(customer.consents, customer_pb2.CONSENT_PURPOSE_LOCATION),
    )


def _granted(consents: Collection[Consent], purpose: customer_pb2.ConsentPurpose.ValueType) -> bool:
    """What the customer said last about a purpose, for every channel, holds; without a word there is no consent."""
    said = [each for each in consents if each.purpose == purpose and each.channel == customer_pb2.CHANNEL_UNSPECIFIED]
    return bool(said) and max(said, key=lambda each: (each.time.seconds, each.time.nanos)).granted
