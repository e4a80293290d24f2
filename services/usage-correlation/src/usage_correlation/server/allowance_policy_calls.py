"""How are the calls on allowance policies answered?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from cxmesh.usage.v1 import allowance_policy_service_pb2 as pb
from cxmesh.usage.v1.allowance_policy_pb2 import AllowancePolicy
from cxmesh.usage.v1.allowance_policy_service_pb2_grpc import AllowancePolicyServiceServicer
from mesh.api import changed_paths
from mesh.clock import Clock
from mesh.store import Store, UnitOfWork
from usage_correlation.domain import allowance_policies
from usage_correlation.errors import AllowancePolicyNotFound
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.policies import ALLOWANCE, check_scope, create_policy, delete_policy, update_policy
from usage_correlation.handlers.ports import Policies, PolicyWriter
from usage_correlation.server.allowance_policies import NOT_WRITTEN, changed, policy_message, terms_from
from usage_correlation.server.authorization import ALLOWANCE_POLICY_SERVICE
from usage_correlation.server.wire import ALLOWANCE_POLICIES, allowance_policy_id_from, page

R = TypeVar("R", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]
_SCOPE: Final = frozenset(("plan", "subscription"))


Writer = PolicyWriter[allowance_policies.AllowancePolicy]


@dataclass(frozen=True, slots=True)
class AllowancePolicyCases:
    """What is behind the calls on allowance policies."""

    store: Store
    writer: Callable[[UnitOfWork], Writer]
    policies: Policies[allowance_policies.AllowancePolicy]
    directory: Directory
    clock: Clock


class AllowancePolicyServicer(AllowancePolicyServiceServicer):
    """Calls on allowance policies."""

    def __init__(self, cases: AllowancePolicyCases) -> None:
        self._cases = cases

    async def CreateAllowancePolicy(
        self, request: pb.CreateAllowancePolicyRequest, context: Context
    ) -> AllowancePolicy:
        """Makes an allowance policy."""
        cases, terms = self._cases, terms_from(request.allowance_policy)
        await check_scope(cases.directory, terms.scope)

        async def make(writer: Writer) -> AllowancePolicy:
            return policy_message(
                await create_policy(ALLOWANCE, writer, cases.clock, request.allowance_policy_id, terms)
            )

        return await self._once("CreateAllowancePolicy", request, make)

    async def GetAllowancePolicy(self, request: pb.GetAllowancePolicyRequest, context: Context) -> AllowancePolicy:
        """One allowance policy."""
        policy_id = request.name.removeprefix(ALLOWANCE_POLICIES)
        policy = await self._cases.policies.get(policy_id)
        if policy is None:
            raise AllowancePolicyNotFound(policy_id)
        return policy_message(policy)

    async def ListAllowancePolicies(
        self, request: pb.ListAllowancePoliciesRequest, context: Context
    ) -> pb.ListAllowancePoliciesResponse:
        """Allowance policies by name."""
        wanted = page(request)
        found = await self._cases.policies.page(wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.id,))
        return pb.ListAllowancePoliciesResponse(allowance_policies=map(policy_message, shown), next_page_token=token)

    async def UpdateAllowancePolicy(
        self, request: pb.UpdateAllowancePolicyRequest, context: Context
    ) -> AllowancePolicy:
        """Changes the fields in the mask."""
        cases, sent = self._cases, request.allowance_policy
        policy_id = allowance_policy_id_from(sent.name, "allowance_policy.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(policy: allowance_policies.AllowancePolicy) -> allowance_policies.AllowanceTerms:
            return changed(policy, sent, paths)

        async def make(writer: Writer) -> AllowancePolicy:
            return policy_message(await update_policy(ALLOWANCE, writer, cases.clock, policy_id, change))

        # Looked at before anything is locked: others are asked for it.
        known = await cases.policies.get(policy_id)
        if known is not None and not _SCOPE.isdisjoint(paths):
            await check_scope(cases.directory, change(known).scope)
        return await self._once("UpdateAllowancePolicy", request, make)

    async def DeleteAllowancePolicy(self, request: pb.DeleteAllowancePolicyRequest, context: Context) -> Empty:
        """Removes an allowance policy."""

        async def make(writer: Writer) -> Empty:
            await delete_policy(ALLOWANCE, writer, request.name.removeprefix(ALLOWANCE_POLICIES))
            return Empty()

        return await self._once("DeleteAllowancePolicy", request, make)

    async def _once(
        self,
        method: str,
        request: Message,
        make: Callable[[Writer], Awaitable[R]],
    ) -> R:
        """The answer that `make` gives, or gave before to the same request; what it changes commits with it."""
        cases = self._cases

        async def change(uow: UnitOfWork) -> R:
            return await uow.idempotent(
                f"{ALLOWANCE_POLICY_SERVICE}/{method}", request, lambda: make(cases.writer(uow))
            )

        return await cases.store.retrying(change)
