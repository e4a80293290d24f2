"""What is done with the events of others? What changed is noted, for every replica to forget."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cxmesh.catalog.v1.events_pb2 import PlanChanged
from cxmesh.profile.v1 import subscription_pb2
from cxmesh.profile.v1.events_pb2 import SubscriptionChanged
from mesh.clock import Clock
from mesh.events import Delivery, Subscription
from mesh.store import UnitOfWork
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.server.wire import PLANS, SUBSCRIPTIONS

NoteChanges = Callable[[AsyncConnection, Iterable[tuple[ChangeKind, str]], datetime], Awaitable[None]]
SubscriptionsChanged = Callable[[AsyncConnection, Sequence[subscription_pb2.Subscription]], Awaitable[None]]
PlansChanged = Callable[[AsyncConnection, Sequence[str]], Awaitable[None]]


def subscriptions(
    group: str,
    note_changes: NoteChanges,
    clock: Clock,
    subscriptions_changed: SubscriptionsChanged,
    plans_changed: PlansChanged,
) -> list[Subscription[Any]]:
    """What this service subscribes to; Any: each its own type of event.

    `subscriptions_changed` and `plans_changed` see to it that usage of the past is rated anew.
    """

    async def on_subscriptions(uow: UnitOfWork, deliveries: Sequence[Delivery[SubscriptionChanged]]) -> None:
        names = [delivery.message.subscription.name.removeprefix(SUBSCRIPTIONS) for delivery in deliveries]
        await note_changes(uow.connection, [(ChangeKind.SUBSCRIPTION, name) for name in names], clock.now())
        await subscriptions_changed(uow.connection, [delivery.message.subscription for delivery in deliveries])

    async def on_plans(uow: UnitOfWork, deliveries: Sequence[Delivery[PlanChanged]]) -> None:
        names = [delivery.message.plan.removeprefix(PLANS) for delivery in deliveries]
        await note_changes(uow.connection, [(ChangeKind.PLAN, name) for name in names], clock.now())
        await plans_changed(uow.connection, names)

    return [
        Subscription(group, SubscriptionChanged, on_subscriptions),
        Subscription(group, PlanChanged, on_plans),
    ]
