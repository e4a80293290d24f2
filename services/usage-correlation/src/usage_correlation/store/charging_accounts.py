"""What is left of a subscription's allowances while a quota is granted?"""

from typing import Final

from rating import Account
from usage_correlation.domain.accounts import GroupName, Stint, stints_within
from usage_correlation.domain.book import Book, Metering
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.charging.ports import Settling, Wish
from usage_correlation.store.accounts import AccountWriter

_LONGEST_CYCLE: Final = 32 * 86_400 * MICROS
"""More than any bill cycle, in microseconds."""


class StoredAccounts:
    """Accounts of metered plans as they are stored. They are read, not locked: usage waits for no quota."""

    async def account(self, settling: Settling, wish: Wish, metering: Metering) -> Account:
        """The subscription's account under the plan of the wish, shared allowances included."""
        subscription = wish.subscriber.subscription
        household = metering.households.get(subscription.customer, ())
        members = [wish.subscriber, *(each for each in household if each.key != wish.subscriber.key)]
        wanted: dict[int, tuple[int, int]] = {}
        groups: dict[GroupName, tuple[int, int]] = {}
        for member in members:
            since = wish.cycle.start_micros - (metering.lookback(member.subscription) + 1) * _LONGEST_CYCLE
            wanted[member.key] = (member.shard, since)
            for group in _groups(member, metering):
                known = groups.get(group)
                groups[group] = (metering.groups[group], min(since, known[1]) if known else since)
        writer = AccountWriter(settling.uow.connection)
        book = Book(metering, await writer.cycles(wanted), await writer.groups(groups))
        return book.account(wish.subscriber, wish.cycle, _stint(wish))


def _groups(member: Subscriber, metering: Metering) -> set[GroupName]:
    plans = {period.plan for period in member.subscription.plan_periods}
    found = (metering.group_of(member.subscription, plan) for plan in plans)
    return {group for group in found if group is not None}


def _stint(wish: Wish) -> Stint:
    """The part of the cycle in which the plan of the wish is held now."""
    now = to_micros(wish.now)
    stints = stints_within(wish.subscriber.subscription, wish.cycle)
    return next(stint for stint in stints if stint.start_micros <= now < stint.end_micros)
