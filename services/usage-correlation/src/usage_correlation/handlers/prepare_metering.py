"""What must be known to rate metered records: tariffs, and whose records are rated together?"""

from collections.abc import Iterable
from dataclasses import replace

import rating
from rating import Tariff
from usage_correlation.domain.accounts import shared_allowances
from usage_correlation.domain.bill_cycles import BillCalendar
from usage_correlation.domain.book import Metering
from usage_correlation.domain.refusals import Refusal
from usage_correlation.domain.subscribers import Subscriber
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.ports import Keys


async def prepare(
    directory: Directory, keys: Keys, calendar: BillCalendar, subscribers: Iterable[Subscriber]
) -> Metering:
    """What must be known to rate these subscribers' metered records; before the transaction."""
    chosen = {each.key: each for each in subscribers}
    tariffs = await _metered(directory, chosen.values())
    sharing = {
        each.subscription.customer
        for each in chosen.values()
        if any(shared_allowances(tariffs[plan]) for plan in plans_of(each) if plan in tariffs)
    }
    households = await directory.households(sharing) if sharing else {}
    members = [each for household in households.values() for each in household]
    tariffs = {**tariffs, **await _metered(directory, members)} if members else tariffs
    metering = Metering(tariffs, households, calendar)
    groups = {
        group
        for each in (*chosen.values(), *members)
        for plan in plans_of(each)
        if (group := metering.group_of(each.subscription, plan)) is not None
    }
    return replace(metering, groups=await keys.of_groups(groups)) if groups else metering


def plans_of(subscriber: Subscriber) -> set[str]:
    """The plans that a subscriber held or holds."""
    return {period.plan for period in subscriber.subscription.plan_periods}


async def _metered(directory: Directory, subscribers: Iterable[Subscriber]) -> dict[str, Tariff]:
    found = await directory.tariffs({plan for each in subscribers for plan in plans_of(each)})
    return {
        plan: tariff
        for plan, tariff in found.items()
        if not isinstance(tariff, Refusal) and rating.keeps_accounts(tariff)
    }
