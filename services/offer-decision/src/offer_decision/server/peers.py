"""How are the other services asked for facts?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import grpc

from cxmesh.billing.v1 import (
    account_entry_pb2,
    account_service_pb2,
    bill_check_pb2,
    billing_accuracy_service_pb2,
    error_reason_pb2,
)
from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceStub
from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceStub
from cxmesh.profile.v1 import customer_pb2, profile_service_pb2, subscription_pb2
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.sla.v1 import value_network_sla_service_pb2
from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceStub
from cxmesh.usage.v1 import usage_service_pb2
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.api import moment_message, to_money
from mesh.rpc import error_from
from offer_decision.domain.facts import Customer, PlanCosts
from offer_decision.domain.recovery import Held
from offer_decision.handlers.ports import DueCredit
from offer_decision.server.amounts import amount_of

if TYPE_CHECKING:
    from cxmesh.billing.v1.account_service_pb2_grpc import AccountServiceAsyncStub
    from cxmesh.billing.v1.billing_accuracy_service_pb2_grpc import BillingAccuracyServiceAsyncStub
    from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceAsyncStub
    from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import ValueNetworkSlaServiceAsyncStub
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

_CUSTOMERS_AT_ONCE: Final = 1000
_SUBSCRIPTIONS_AT_ONCE: Final = 1000
_SOURCE: Final = "offer-decision"
_CHARGE_CODE: Final = "service-recovery"
"""What the credit is called on a bill."""
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
        self._accounts: AccountServiceAsyncStub = AccountServiceStub(billing)
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

    async def subscriptions(self, customer: str) -> Sequence[Held]:
        """From the profile: the customer's active subscriptions."""
        request = profile_service_pb2.ListSubscriptionsRequest(customer=customer, page_size=_SUBSCRIPTIONS_AT_ONCE)
        active = subscription_pb2.SUBSCRIPTION_STATE_ACTIVE
        held: list[Held] = []
        while True:
            page = await self._profile.ListSubscriptions(request)
            held += [
                Held(each.name, _service(each.service_type)) for each in page.subscriptions if each.state == active
            ]
            if not page.next_page_token:
                return held
            request.page_token = page.next_page_token

    async def credit(self, due: Sequence[DueCredit]) -> Mapping[str, str]:
        """Put credits on accounts, each once however often it is asked; by decision, why some were refused."""
        request = account_service_pb2.RecordAccountEntriesRequest(entries=map(_entry, due))
        answer = await self._accounts.RecordAccountEntries(request)
        return {due[each.index].decision_id: _refusal(each) for each in answer.rejections}


def _service(kind: "subscription_pb2.ServiceType.ValueType") -> str:
    """A kind of subscription in the words of services to customers: "fixed-voice"."""
    name = subscription_pb2.ServiceType.Name(kind)
    return name.removeprefix("SERVICE_TYPE_").lower().replace("_", "-")


def _entry(due: DueCredit) -> account_entry_pb2.AccountEntry:
    """The same for the same decision, however often it is sent."""
    recovery = due.recovery
    if recovery.credit is None:
        raise ValueError(f"decisions/{due.decision_id} gives no credit, but one is due")
    return account_entry_pb2.AccountEntry(
        source=_SOURCE,
        entry_id=due.decision_id,
        subscription=recovery.subscription,
        kind=account_entry_pb2.ACCOUNT_ENTRY_KIND_CREDIT,
        effective_time=moment_message(due.decide_time),
        charge_code=_CHARGE_CODE,
        amount=to_money(recovery.credit.micros, recovery.credit.currency),
        reason=f"makes up for the fault of {recovery.service} since {recovery.fault_time.isoformat()}",
        reference=f"decisions/{due.decision_id}",
    )


def _refusal(rejection: account_service_pb2.AccountEntryRejection) -> str:
    return f"{error_reason_pb2.ErrorReason.Name(rejection.reason)}: {rejection.field}: {rejection.description}"


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
