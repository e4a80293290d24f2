"""How do value networks cross the wire?"""

from datetime import datetime

from apportioning.orders import Pair, label
from apportioning.terms import Policy
from cxmesh.sla.v1 import apportioning_service_pb2 as network_pb2
from mesh.api import moment_message
from value_network_sla.domain.network import ProviderBudget, ValueNetwork
from value_network_sla.errors import InvalidValue
from value_network_sla.server.moments import duration_of_ns, moment_from, ns_from

_POLICY = "APPORTIONING_POLICY_"


def network_from(message: network_pb2.ValueNetwork, network_id: str, now: datetime) -> ValueNetwork:
    """A version to be made, under the id that the caller chose; raises InvalidValue."""
    field = "value_network"
    budgets = tuple(
        ProviderBudget(
            each.operation,
            ns_from(each.latency_budget, f"{field}.provider_budgets[{place}].latency_budget"),
            each.learned,
        )
        for place, each in enumerate(message.provider_budgets)
    )
    operations = [budget.operation for budget in budgets]
    for place, operation in enumerate(operations):
        if operation in operations[:place]:
            raise InvalidValue(f"{field}.provider_budgets[{place}].operation", operation, "each operation once")
    unspecified = message.policy == network_pb2.APPORTIONING_POLICY_UNSPECIFIED
    policy = network_pb2.ApportioningPolicy.Name(message.policy).removeprefix(_POLICY)
    return ValueNetwork(
        name=f"valueNetworks/{network_id}",
        service=message.service,
        policy=Policy.SHAPLEY if unspecified else Policy(policy),
        budgets=budgets,
        beside=frozenset(
            Pair.of(_label(each.within), _label(each.one), _label(each.other)) for each in message.concurrent_calls
        ),
        effective_time=moment_from(message.effective_time, f"{field}.effective_time"),
        create_time=now,
    )


def network_message(network: ValueNetwork) -> network_pb2.ValueNetwork:
    """A version as a message."""
    return network_pb2.ValueNetwork(
        name=network.name,
        service=network.service,
        policy=network_pb2.ApportioningPolicy.Value(_POLICY + network.policy.value),
        provider_budgets=map(budget_message, network.budgets),
        concurrent_calls=[
            network_pb2.ConcurrentCalls(within=_call(pair.parent), one=_call(pair.one), other=_call(pair.other))
            for pair in sorted(network.beside)
        ],
        effective_time=moment_message(network.effective_time),
        create_time=moment_message(network.create_time),
    )


def budget_message(budget: ProviderBudget) -> network_pb2.ProviderBudget:
    """A budget as a message."""
    return network_pb2.ProviderBudget(
        operation=budget.operation,
        latency_budget=duration_of_ns(budget.latency_budget_ns),
        learned=budget.learned,
    )


def _label(call: network_pb2.NamedCall) -> str:
    return label(call.partner, call.operation)


def _call(known_as: str) -> network_pb2.NamedCall:
    partner, operation = known_as.split(" ", 1)
    return network_pb2.NamedCall(partner=partner, operation=operation)
