"""Where in the life cycle are customers whose subscriptions began or ended?"""

from collections.abc import Iterable
from dataclasses import replace

from customer_profile.domain.customers import Customer
from customer_profile.domain.subscriptions import life_cycle_after
from customer_profile.handlers.ports import Work


async def follow_life_cycle(work: Work, customers: Iterable[Customer], *, holds_any: bool) -> None:
    """Move those on whose state no longer says whether they hold a subscription; they must be locked."""
    moved = []
    for customer in customers:
        state = life_cycle_after(customer.facts.life_cycle_state, holds_any=holds_any)
        if state is not customer.facts.life_cycle_state:
            moved.append(customer.with_facts(replace(customer.facts, life_cycle_state=state), work.now))
    if not moved:
        return
    await work.records.customers.save(moved)
    for customer in moved:
        work.announce.customer_changed(customer, ("life_cycle_state",))
