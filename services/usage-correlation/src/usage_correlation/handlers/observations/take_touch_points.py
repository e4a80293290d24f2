"""How do a customer's touch-points become events of the subscriptions that the customer holds?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mesh.store import UnitOfWork
from usage_correlation.domain.moments import to_micros
from usage_correlation.domain.observations.observation import Observation, events_of
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.observations.ports import ObservationWriter, SourceKeys
from usage_correlation.handlers.patterns.handing_over import HandOver
from usage_correlation.handlers.ports import Clock

Writing = Callable[[UnitOfWork, Mapping[str, int]], ObservationWriter]


@dataclass(frozen=True, slots=True)
class TouchPointSeen:
    """A touch-point of a customer; the subscription is still to be found."""

    customer: str
    observation: Observation


class TakeTouchPoints:
    """Stores touch-points, once for each subscription that the customer holds, and hands them over to patterns."""

    def __init__(
        self, directory: Directory, writing: Writing, keys: SourceKeys, hand_over: HandOver, clock: Clock
    ) -> None:
        self._directory = directory
        self._writing = writing
        self._keys = keys
        self._hand_over = hand_over
        self._clock = clock

    async def __call__(self, uow: UnitOfWork, seen: Sequence[TouchPointSeen]) -> None:
        """Take them in within a transaction; what is known already is left as it is."""
        await self._directory.catch_up()
        households = await self._directory.households({each.customer for each in seen})
        holders = {subscriber.subscription.id: subscriber for some in households.values() for subscriber in some}
        found: dict[tuple[str, str], Observation] = {}
        for each in seen:
            for subscriber in households.get(each.customer, ()):
                name = subscriber.subscription.id
                # Ids of touch-points are a customer's own, and it stands once for each subscription.
                one = replace(each.observation, id=f"{each.customer}/{each.observation.id}/{name}", subscription=name)
                found.setdefault(one.key, one)
        if not found:
            return
        writer = self._writing(uow, await self._keys.of_sources({each.source for each in found.values()}))
        known = await writer.claim({key: each.digest() for key, each in found.items()})
        fresh: list[Observation] = [each for key, each in found.items() if key not in known]
        if fresh:
            now = to_micros(self._clock.now())
            await writer.append(fresh, holders, now)
            await self._hand_over(uow, events_of(fresh, now))
