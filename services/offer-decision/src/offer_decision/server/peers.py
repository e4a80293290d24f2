"""How are the other services asked for facts?"""

from collections.abc import Collection, Mapping, Sequence
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
from mesh.api import from_money

from offer_decision.domain.weigh import PlanCost
from offer_decision.handlers.ports import CustomerFacts, PlanCosts

if TYPE_CHECKING:
    from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceAsyncStub
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

_CUSTOMERS_AT_ONCE: Final = 1000


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

    async def customers(self, names: Collection[str]) -> Mapping[str, CustomerFacts]:
        """From the profile, by name."""
        ordered = sorted(names)
        found: dict[str, CustomerFacts] = {}
        for first in range(0, len(ordered), _CUSTOMERS_AT_ONCE):
            request = profile_service_pb2.BatchGetCustomersRequest(names=ordered[first : first + _CUSTOMERS_AT_ONCE])
            answer = await self._profile.BatchGetCustomers(request)
            found.update({customer.name: _facts(customer) for customer in answer.customers})
        return found

    async def plan_costs(self, subscription: str, cycle_time: datetime) -> PlanCosts:
        """From usage correlation."""
        request = usage_service_pb2.ComparePlansRequest(subscription=subscription)
        request.cycle_time.FromDatetime(cycle_time)
        answer = await self._usage.ComparePlans(request)
        costs = [
            PlanCost(cost.plan, from_money(cost.total, "costs.total"), cost.total.currency_code)
            for cost in answer.costs
        ]
        return PlanCosts(answer.current_plan, tuple(costs))

    async def held_bills(self, customer: str) -> Sequence[str]:
        """From billing accuracy."""
        request = billing_accuracy_service_pb2.ListBillChecksRequest(
            customer=customer, hold_state=bill_check_pb2.HOLD_STATE_HELD
        )
        return [check.name for check in (await self._billing.ListBillChecks(request)).bill_checks]

    async def open_faults(self, customer: str) -> Sequence[str]:
        """From the value-network SLA."""
        request = value_network_sla_service_pb2.ListCustomerBreachesRequest(customer=customer)
        return [breach.name for breach in (await self._network.ListCustomerBreaches(request)).breaches]


def _facts(customer: customer_pb2.Customer) -> CustomerFacts:
    """The latest word on marketing counts, whatever the channel; none means no."""
    words = [one for one in customer.consents if one.purpose == customer_pb2.CONSENT_PURPOSE_MARKETING]
    latest = max(words, key=lambda one: one.time.ToNanoseconds(), default=None)
    return CustomerFacts(customer.time_zone, marketing_consent=latest is not None and latest.granted)
