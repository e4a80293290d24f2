"""What are metered plans, their policies and re-rating made of?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from cxmesh.profile.v1 import subscription_pb2
from cxmesh.usage.v1.allowance_policy_service_pb2_grpc import add_AllowancePolicyServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Job, Runtime
from usage_correlation.domain.signals import Signal
from usage_correlation.domain.subscribers import Subscription
from usage_correlation.handlers.directory import Directory, Sources
from usage_correlation.handlers.ledger_ports import Ledger, Reactions
from usage_correlation.handlers.ports import Keys
from usage_correlation.handlers.rerate_usage import RerateUsage
from usage_correlation.peers.profile import subscription_from
from usage_correlation.server.allowance_policy_calls import AllowancePolicyCases, AllowancePolicyServicer
from usage_correlation.server.authorization import ALLOWANCE_POLICY_SERVICE
from usage_correlation.store.allowance_policies import ALLOWANCE
from usage_correlation.store.kept_policies import PolicyStore, PostgresPolicyWriter
from usage_correlation.store.rated_plans import note_changed_plans
from usage_correlation.store.subscribers import RerateRequests, SubscriberStore

_RERATE_EVERY: Final = timedelta(seconds=0.2)


@dataclass(frozen=True, slots=True)
class AccountParts:
    """What the service is given."""

    servicer: Servicer
    job: Job


def accounts(
    runtime: Runtime,
    directory: Directory,
    ledger: Ledger,
    keys: Keys,
    sources: Sources,
    signalled: Callable[[Sequence[Signal], datetime], None],
    reactions: Reactions,
) -> AccountParts:
    """Policies on allowances, and the job that rates usage anew."""
    store, clock = runtime.store, runtime.clock
    rerate = RerateUsage(
        directory,
        ledger,
        keys,
        clock,
        RerateRequests(store, clock),
        sources.catalogue,
        sources.tariffs,
        signalled=signalled,
        reactions=reactions,
    )
    cases = AllowancePolicyCases(
        store,
        lambda uow: PostgresPolicyWriter(uow.connection, ALLOWANCE, clock),
        PolicyStore(store, ALLOWANCE),
        directory,
        clock,
    )
    servicer = AllowancePolicyServicer(cases)
    return AccountParts(
        Servicer(add_AllowancePolicyServiceServicer_to_server, servicer, ALLOWANCE_POLICY_SERVICE),
        Job("rate-usage-anew", _RERATE_EVERY, rerate),
    )


class ChangesOfOthers:
    """What profile and catalogue tell, as far as usage of the past is concerned."""

    def __init__(self, subscribers: SubscriberStore) -> None:
        self._subscribers = subscribers

    async def subscriptions(
        self, connection: AsyncConnection, messages: Sequence[subscription_pb2.Subscription]
    ) -> None:
        """Subscriptions have changed."""
        read = [subscription_from(message) for message in messages]
        await self._subscribers.changed(connection, [each for each in read if isinstance(each, Subscription)])

    async def plans(self, connection: AsyncConnection, plan_ids: Sequence[str]) -> None:
        """Plans have changed."""
        await note_changed_plans(connection, plan_ids)
