"""How are the calls on subscriptions answered?"""

from collections.abc import Iterable
from datetime import datetime

from customer_profile.domain.subscriptions import PlanChange, Subscription, SubscriptionFacts
from customer_profile.errors import InvalidValue, inside
from customer_profile.handlers.create_subscriptions import NewSubscription, create_subscriptions
from customer_profile.handlers.ports import Work
from customer_profile.handlers.read_profiles import find_subscriptions, get_subscription
from customer_profile.handlers.update_subscription import update_subscription
from customer_profile.server.calls import Calls, Context
from customer_profile.server.pages import page
from customer_profile.server.subscriptions import NOT_WRITTEN, facts_from, plan_from, subscription_message
from customer_profile.server.times import moment_from
from cxmesh.profile.v1 import profile_service_pb2 as pb
from cxmesh.profile.v1 import subscription_pb2
from mesh.api import changed_paths, id_in, merged


class SubscriptionCalls(Calls):
    """Calls on subscriptions."""

    async def CreateSubscription(
        self, request: pb.CreateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Makes a subscription of an existing customer."""

        async def make(work: Work) -> subscription_pb2.Subscription:
            new = _new(request, "subscription", work.now)
            (subscription,) = await create_subscriptions(work, [new])
            return subscription_message(subscription, work.now)

        return await self._once("CreateSubscription", request, make)

    async def BatchCreateSubscriptions(
        self, request: pb.BatchCreateSubscriptionsRequest, context: Context
    ) -> pb.BatchCreateSubscriptionsResponse:
        """Makes up to 1,000 subscriptions, all or none."""
        for each in request.requests:
            each.ClearField("request_id")  # ignored, so two requests that differ in it alone are the same

        async def make(work: Work) -> pb.BatchCreateSubscriptionsResponse:
            batch = [_new(each, f"requests[{n}].subscription", work.now) for n, each in enumerate(request.requests)]
            subscriptions = await create_subscriptions(work, batch)
            return pb.BatchCreateSubscriptionsResponse(subscriptions=_messages(subscriptions, work.now))

        return await self._once("BatchCreateSubscriptions", request, make)

    async def GetSubscription(
        self, request: pb.GetSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """One subscription."""
        async with self._reading() as records:
            subscription = await get_subscription(records.subscriptions, _id(request.name))
        return subscription_message(subscription, self._clock.now())

    async def BatchGetSubscriptions(
        self, request: pb.BatchGetSubscriptionsRequest, context: Context
    ) -> pb.BatchGetSubscriptionsResponse:
        """Up to 1,000 subscriptions; unknown names are told apart."""
        async with self._reading() as records:
            found, unknown = await find_subscriptions(records.subscriptions, [_id(name) for name in request.names])
        return pb.BatchGetSubscriptionsResponse(
            subscriptions=_messages(found, self._clock.now()),
            unknown_names=[f"subscriptions/{each}" for each in unknown],
        )

    async def ListSubscriptions(
        self, request: pb.ListSubscriptionsRequest, context: Context
    ) -> pb.ListSubscriptionsResponse:
        """Subscriptions, of one customer or all, page by page."""
        wanted = page(request)
        customer_id = request.customer.removeprefix("customers/")
        async with self._reading() as records:
            found = await records.subscriptions.page(customer_id, wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.subscription_id,))
        messages = _messages(shown, self._clock.now())
        return pb.ListSubscriptionsResponse(subscriptions=messages, next_page_token=token)

    async def UpdateSubscription(
        self, request: pb.UpdateSubscriptionRequest, context: Context
    ) -> subscription_pb2.Subscription:
        """Changes the fields in the mask; a new plan takes effect at `plan_start_time`."""
        sent = request.subscription
        changed_id = id_in("subscriptions", sent.name, "subscription.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)
        plan = _plan_change(request, paths)

        async def make(work: Work) -> subscription_pb2.Subscription:
            def change(current: Subscription) -> tuple[SubscriptionFacts, PlanChange | None]:
                message = merged(subscription_message(current, work.now), sent, paths, inside="subscription")
                if message.customer != f"customers/{current.customer_id}":
                    expected = "the holder that it has: end this subscription and make one for the new holder"
                    raise InvalidValue("subscription.customer", expected, value=message.customer)
                with inside("subscription"):
                    return facts_from(message), plan

            revised = await update_subscription(work, changed_id, sent.etag, change)
            return subscription_message(revised, work.now)

        return await self._once("UpdateSubscription", request, make)


def _plan_change(request: pb.UpdateSubscriptionRequest, paths: Iterable[str]) -> PlanChange | None:
    start = None
    if request.HasField("plan_start_time"):
        start = moment_from(request.plan_start_time, "plan_start_time")
    if "plan" not in paths:
        if start is not None:
            raise InvalidValue("plan_start_time", "no time, unless the plan is changed: name it in update_mask")
        return None
    with inside("subscription"):
        return PlanChange(plan_from(request.subscription), start)


def _new(request: pb.CreateSubscriptionRequest, field: str, now: datetime) -> NewSubscription:
    message = request.subscription
    with inside(field):
        return NewSubscription(
            subscription_id=request.subscription_id,
            customer_id=message.customer.removeprefix("customers/"),
            facts=facts_from(message, new_at=now),
            plan=plan_from(message),
        )


def _id(name: str) -> str:
    return name.removeprefix("subscriptions/")


def _messages(subscriptions: Iterable[Subscription], now: datetime) -> list[subscription_pb2.Subscription]:
    return [subscription_message(subscription, now) for subscription in subscriptions]
