"""Whose are subscriber identifiers, and who says so?"""

from collections.abc import Mapping, Sequence

from usage_correlation.errors import SubscriptionNotFound, UserUnknown
from usage_correlation.handlers.charging.ports import Identifiers
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Clock


class Subscribers:
    """Finds subscriptions by the names that networks have for subscribers."""

    def __init__(self, identifiers: Identifiers, directory: Directory, clock: Clock) -> None:
        self._identifiers = identifiers
        self._directory = directory
        self._clock = clock

    async def find(self, identifiers: Sequence[str]) -> str:
        """The subscription of the first identifier that is known. Raises UserUnknown."""
        known = await self._identifiers.subscriptions(identifiers)
        for each in identifiers:
            if each in known:
                return known[each]
        raise UserUnknown

    async def find_all(self, identifiers: Sequence[str]) -> Mapping[str, str]:
        """The subscriptions of those that are known."""
        return await self._identifiers.subscriptions(identifiers)

    async def assign(self, subscriptions: Mapping[str, str]) -> None:
        """Say whose identifiers are; an empty subscription forgets one. Raises SubscriptionNotFound."""
        wanted = {each for each in subscriptions.values() if each}
        await self._directory.catch_up()
        known = await self._directory.subscribers(wanted)
        for each in sorted(wanted):
            if each not in known:
                raise SubscriptionNotFound(each)
        await self._identifiers.assign(subscriptions, self._clock.now())
