"""How are the calls on spend policies answered?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from cxmesh.usage.v1 import usage_service_pb2 as pb
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from mesh.api import changed_paths
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from usage_correlation.domain import policies
from usage_correlation.errors import SpendPolicyNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.policies import SPEND, check_scope, create_policy, delete_policy, update_policy
from usage_correlation.handlers.ports import Policies, PolicyWriter
from usage_correlation.server.authorization import SERVICE
from usage_correlation.server.policies import NOT_WRITTEN, changed, policy_message, terms_from
from usage_correlation.server.wire import POLICIES, page, policy_id_from

R = TypeVar("R", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]
_SCOPE: Final = frozenset(("plan", "subscription"))


Writer = PolicyWriter[policies.SpendPolicy]


@dataclass(frozen=True, slots=True)
class PolicyCases:
    """What is behind the calls on spend policies."""

    store: Store
    writer: Callable[[UnitOfWork], Writer]
    policies: Policies[policies.SpendPolicy]
    directory: Directory
    clock: Clock


class PolicyCalls:
    """Calls on spend policies."""

    def __init__(self, cases: PolicyCases) -> None:
        self._policy_cases = cases

    async def CreateSpendPolicy(self, request: pb.CreateSpendPolicyRequest, context: Context) -> SpendPolicy:
        """Makes a spend policy."""
        cases, terms = self._policy_cases, terms_from(request.spend_policy)
        await check_scope(cases.directory, terms.scope)

        async def make(writer: Writer) -> SpendPolicy:
            return policy_message(await create_policy(SPEND, writer, cases.clock, request.spend_policy_id, terms))

        return await self._once("CreateSpendPolicy", request, make)

    async def GetSpendPolicy(self, request: pb.GetSpendPolicyRequest, context: Context) -> SpendPolicy:
        """One spend policy."""
        policy_id = request.name.removeprefix(POLICIES)
        policy = await self._policy_cases.policies.get(policy_id)
        if policy is None:
            raise SpendPolicyNotFound(policy_id)
        return policy_message(policy)

    async def ListSpendPolicies(
        self, request: pb.ListSpendPoliciesRequest, context: Context
    ) -> pb.ListSpendPoliciesResponse:
        """Spend policies by name."""
        wanted = page(request)
        found = await self._policy_cases.policies.page(wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.id,))
        return pb.ListSpendPoliciesResponse(spend_policies=map(policy_message, shown), next_page_token=token)

    async def UpdateSpendPolicy(self, request: pb.UpdateSpendPolicyRequest, context: Context) -> SpendPolicy:
        """Changes the fields in the mask."""
        cases, sent = self._policy_cases, request.spend_policy
        policy_id = policy_id_from(sent.name, "spend_policy.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(policy: policies.SpendPolicy) -> policies.PolicyTerms:
            return changed(policy, sent, paths)

        async def make(writer: Writer) -> SpendPolicy:
            return policy_message(await update_policy(SPEND, writer, cases.clock, policy_id, change))

        # Looked at before anything is locked: others are asked for it.
        known = await cases.policies.get(policy_id)
        if known is not None and not _SCOPE.isdisjoint(paths):
            await check_scope(cases.directory, change(known).scope)
        return await self._once("UpdateSpendPolicy", request, make)

    async def DeleteSpendPolicy(self, request: pb.DeleteSpendPolicyRequest, context: Context) -> Empty:
        """Removes a spend policy."""

        async def make(writer: Writer) -> Empty:
            await delete_policy(SPEND, writer, request.name.removeprefix(POLICIES))
            return Empty()

        return await self._once("DeleteSpendPolicy", request, make)

    async def _once(self, method: str, request: Message, make: Callable[[Writer], Awaitable[R]]) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        cases = self._policy_cases

        async def change(uow: UnitOfWork) -> R:
            return await uow.idempotent(f"{SERVICE}/{method}", request, lambda: make(cases.writer(uow)))

        return await cases.store.retrying(change)
