"""How are the calls on limit policies answered?"""

from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty

from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_policy_pb2 import LimitPolicy
from mesh.api import changed_paths, id_in
from mesh.store import UnitOfWork
from usage_correlation.domain.limits import policies
from usage_correlation.errors import LimitPolicyNotFound
from usage_correlation.handlers.limits.keep_policies import (
    create_limit_policy,
    delete_limit_policy,
    update_limit_policy,
)
from usage_correlation.handlers.policies import check_scope
from usage_correlation.server.limit_cases import LimitCases
from usage_correlation.server.limit_policies import NOT_WRITTEN, changed, policy_message, terms_from
from usage_correlation.server.wire import LIMIT_POLICIES, page

Context = grpc.aio.ServicerContext[Any, Any]
_COLLECTION: Final = LIMIT_POLICIES.rstrip("/")


class LimitPolicyCalls:
    """Calls on limit policies."""

    def __init__(self, cases: LimitCases) -> None:
        self._policy_cases = cases

    async def CreateLimitPolicy(self, request: pb.CreateLimitPolicyRequest, context: Context) -> LimitPolicy:
        """Makes a limit policy."""
        cases, terms = self._policy_cases, terms_from(request.limit_policy)
        await check_scope(cases.directory, terms.holder)
        await cases.policies.get(request.limit_policy_id)  # the shipped ones come first

        async def make(uow: UnitOfWork) -> LimitPolicy:
            made = await create_limit_policy(cases.writer(uow), cases.clock.now(), request.limit_policy_id, terms)
            return policy_message(made)

        return await cases.once("CreateLimitPolicy", request, make)

    async def GetLimitPolicy(self, request: pb.GetLimitPolicyRequest, context: Context) -> LimitPolicy:
        """One limit policy."""
        policy_id = request.name.removeprefix(LIMIT_POLICIES)
        policy = await self._policy_cases.policies.get(policy_id)
        if policy is None:
            raise LimitPolicyNotFound(policy_id)
        return policy_message(policy)

    async def ListLimitPolicies(
        self, request: pb.ListLimitPoliciesRequest, context: Context
    ) -> pb.ListLimitPoliciesResponse:
        """Limit policies by name."""
        wanted = page(request)
        found = await self._policy_cases.policies.page(wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.id,))
        return pb.ListLimitPoliciesResponse(limit_policies=map(policy_message, shown), next_page_token=token)

    async def UpdateLimitPolicy(self, request: pb.UpdateLimitPolicyRequest, context: Context) -> LimitPolicy:
        """Changes the fields in the mask."""
        cases, sent = self._policy_cases, request.limit_policy
        policy_id = id_in(_COLLECTION, sent.name, "limit_policy.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(policy: policies.LimitPolicy) -> policies.LimitTerms:
            return changed(policy, sent, paths)

        async def make(uow: UnitOfWork) -> LimitPolicy:
            writer, ledger = cases.writer(uow), cases.ledger(uow)
            find, now = cases.directory.subscribers, cases.clock.now()
            return policy_message(await update_limit_policy(writer, ledger, find, now, policy_id, change))

        return await cases.once("UpdateLimitPolicy", request, make)

    async def DeleteLimitPolicy(self, request: pb.DeleteLimitPolicyRequest, context: Context) -> Empty:
        """Removes a limit policy."""
        cases, policy_id = self._policy_cases, request.name.removeprefix(LIMIT_POLICIES)

        async def make(uow: UnitOfWork) -> Empty:
            find, now = cases.directory.subscribers, cases.clock.now()
            await delete_limit_policy(cases.writer(uow), cases.ledger(uow), find, now, policy_id)
            return Empty()

        return await cases.once("DeleteLimitPolicy", request, make)
