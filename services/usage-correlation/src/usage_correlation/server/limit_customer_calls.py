"""How are the calls answered by which customers say what they want of their limits?"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.type.money_pb2 import Money

from cxmesh.profile.v1.customer_pb2 import Channel
from cxmesh.usage.v1 import limit_service_pb2 as pb
from cxmesh.usage.v1.limit_state_pb2 import SpendingLimit
from mesh.rpc import current_identity
from mesh.store import UnitOfWork
from usage_correlation.domain.amounts import nearest_nanos
from usage_correlation.domain.limits.events import Actor
from usage_correlation.domain.limits.policies import Choice, ChoiceKind
from usage_correlation.errors import InvalidValue, SpendingLimitNotFound
from usage_correlation.handlers.limits.customer_acts import Act, Price, choose, give_consent
from usage_correlation.handlers.limits.ports import LimitLedger
from usage_correlation.handlers.limits.views import LimitView
from usage_correlation.server.limit_cases import LimitCases
from usage_correlation.server.limit_states import limit_message
from usage_correlation.server.wire import CUSTOMERS, SUBSCRIPTIONS, amount_from

Context = grpc.aio.ServicerContext[Any, Any]
Request = pb.GiveConsentRequest | pb.ChooseLimitRequest | pb.OptOutRequest | pb.OptInRequest
_NANOS = 1_000_000_000


class LimitCustomerCalls:
    """Calls that carry a customer's word."""

    def __init__(self, cases: LimitCases) -> None:
        self._customer_cases = cases

    async def GiveConsent(self, request: pb.GiveConsentRequest, context: Context) -> SpendingLimit:
        """The customer consents to more."""
        shown = Price(_nanos_of(request.shown_price, "shown_price"), request.shown_price.currency_code)
        return await self._say("GiveConsent", request, lambda ledger, act: give_consent(ledger, act, shown))

    async def ChooseLimit(self, request: pb.ChooseLimitRequest, context: Context) -> SpendingLimit:
        """The customer chooses another limit."""
        wanted = request.limit
        choice = Choice(ChoiceKind.LIMIT, _nanos_of(wanted, "limit"))

        async def act(ledger: LimitLedger, act: Act) -> LimitView:
            currency = act.policy.terms.currency
            if wanted.currency_code != currency:
                raise InvalidValue("limit.currency_code", wanted.currency_code, f"{currency}, as the policy's limit")
            return await choose(ledger, act, choice)

        return await self._say("ChooseLimit", request, act)

    async def OptOut(self, request: pb.OptOutRequest, context: Context) -> SpendingLimit:
        """The customer does without."""
        choice = Choice(ChoiceKind.OPT_OUT)
        return await self._say("OptOut", request, lambda ledger, act: choose(ledger, act, choice))

    async def OptIn(self, request: pb.OptInRequest, context: Context) -> SpendingLimit:
        """The customer has the policy's own limit again."""
        choice = Choice(ChoiceKind.DEFAULT)
        return await self._say("OptIn", request, lambda ledger, act: choose(ledger, act, choice))

    async def _say(
        self, method: str, request: Request, take: Callable[[LimitLedger, Act], Awaitable[LimitView]]
    ) -> SpendingLimit:
        """What follows from a customer's word, once for each request."""
        cases = self._customer_cases
        _, subscription_id, _, policy_id = request.name.split("/")
        subscriber = await cases.read.subscriber(subscription_id)
        policy = next((each for each in cases.read.policies(subscriber) if each.id == policy_id), None)
        if policy is None:
            raise SpendingLimitNotFound(subscription_id, policy_id)
        said = _actor(request)
        expected = f"{CUSTOMERS}{subscriber.subscription.customer}"
        if request.act.customer != expected:
            holder = f"the holder of {SUBSCRIPTIONS}{subscription_id}"
            raise InvalidValue("act.customer", request.act.customer, holder)

        async def make(uow: UnitOfWork) -> SpendingLimit:
            return limit_message(await take(cases.ledger(uow), Act(subscriber, policy, said, cases.clock.now())))

        return await cases.once(method, request, make)


def _actor(request: Request) -> Actor:
    act = request.act
    if "\0" in act.wording:
        raise InvalidValue("act.wording", "text with NUL characters", "text without NUL characters")
    return Actor(
        customer=act.customer.removeprefix(CUSTOMERS),
        channel=Channel.Name(act.channel).removeprefix("CHANNEL_"),
        wording=act.wording,
        agent=act.agent,
        caller=str(current_identity()),
        request_id=request.request_id,
    )


def _nanos_of(amount: Money, field: str) -> int:
    """An amount that a customer was shown or chose, in billionths. Raises InvalidValue."""
    if abs(amount.nanos) >= _NANOS or amount.units < 0 or amount.nanos < 0:
        shown = f"{amount.units} units, {amount.nanos} nanos"
        raise InvalidValue(field, shown, "an amount that is not negative, with less than 1,000,000,000 nanos")
    return nearest_nanos(amount_from(amount))
