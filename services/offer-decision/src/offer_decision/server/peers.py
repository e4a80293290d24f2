"""How are the other services asked for facts?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.billing.v1 import bill_check_pb2, billing_accuracy_service_pb2
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.profile.v1 import customer_pb2, profile_service_pb2
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.sla.v1 import value_network_sla_service_pb2
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from cxmesh.usage.v1 import usage_service_pb2
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.rpc import error_from
from offer_decision.domain.facts import Customer, PlanCosts
from offer_decision.server.amounts import amount_of

if TYPE_CHECKING:
    from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceAsyncStub
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

_CUSTOMERS_AT_ONCE: Final = 1000
_NO_ANSWER: Final = frozenset(
    {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT}
)
"""What usage correlation says of usage that can't be priced: asking again would not help."""


class PeerClients:
    """The services that know."""

    def __init__(
        self,
        profile: grpc.aio.Channel,
        usage: grpc.aio.Channel,
        billing: grpc.aio.Channel,
        network: grpc.aio.Channel,
    ) -> None:
        self._profile: ProfileServiceAsyncStub = ProfileServiceStub(profile)
        self._usage: UsageServiceAsyncStub = UsageServiceStub(usage)
        self._billing: BillingAccuracyServiceAsyncStub = BillingAccuracyServiceStub(billing)
        self._network: ValueNetworkSlaServiceAsyncStub = ValueNetworkSlaServiceStub(network)

    async def customers(self, names: Collection[str]) -> Mapping[str, Customer]:
        """Those that the profile knows, by name."""
        ordered = sorted(names)
        found: dict[str, Customer] = {}
        for first in range(0, len(ordered), _CUSTOMERS_AT_ONCE):
            found |= await self._customers(ordered[first : first + _CUSTOMERS_AT_ONCE])
        return found

    async def _customers(self, names: list[str]) -> Mapping[str, Customer]:
        """The profile refuses a batch for the first name that it doesn't know: ask again without that one."""
        while names:
            try:
                answer = await self._profile.BatchGetCustomers(
                    profile_service_pb2.BatchGetCustomersRequest(names=names)
                )
            except grpc.aio.AioRpcError as error:
                unknown = error_from(error).metadata.get("customer")
                if error.code() is not grpc.StatusCode.NOT_FOUND or unknown not in names:
                    raise
                names = [name for name in names if name != unknown]
            else:
                return {customer.name: _customer(customer) for customer in answer.customers}
        return {}

    async def plan_costs(self, subscription: str, cycle_time: datetime) -> PlanCosts | None:
        """From usage correlation, for the bill cycle around a moment; None when it has no answer for this usage."""
        request = usage_service_pb2.ComparePlansRequest(subscription=subscription)
        request.cycle_time.FromDatetime(cycle_time)
        try:
            answer = await self._usage.ComparePlans(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _NO_ANSWER:
                raise
            return None
        return PlanCosts(answer.current_plan, {cost.plan: amount_of(cost.total) for cost in answer.costs})

    async def held_bills(self, customer: str) -> Sequence[str]:
        """From billing accuracy: the first of the customer's `billChecks/…` that are held now."""
        request = billing_accuracy_service_pb2.ListBillChecksRequest(
            customer=customer, hold_state=bill_check_pb2.HOLD_STATE_HELD, page_size=1
        )
        return [check.name for check in (await self._billing.ListBillChecks(request)).bill_checks]

    async def open_faults(self, customer: str) -> Sequence[str]:
        """From the value-network SLA: `breaches/…` of the last day."""
        request = value_network_sla_service_pb2.ListCustomerBreachesRequest(customer=customer)
        return [breach.name for breach in (await self._network.ListCustomerBreaches(request)).breaches]


def _customer(message: customer_pb2.Customer) -> Customer:
    return Customer(message.time_zone, marketing_consent=_may_be_sold_to(message.consents))


def _may_be_sold_to(consents: Iterable[customer_pb2.Consent]) -> bool:
    """Whether any channel is open for marketing; which one carries a message the notification service decides.

    The last word about a channel holds, and a word about all channels is one about each. Of a grant and a withdrawal in
    the same moment, the withdrawal holds.
    """
    words = [word for word in consents if word.purpose == customer_pb2.CONSENT_PURPOSE_MARKETING]
    open_channels: set[int] = set()
    for word in sorted(words, key=lambda word: (word.time.ToNanoseconds(), not word.granted)):
        if word.channel == customer_pb2.CHANNEL_UNSPECIFIED:
            open_channels.clear()
        if word.granted:
            open_channels.add(word.channel)
        else:
            open_channels.discard(word.channel)
    return bool(open_channels)
