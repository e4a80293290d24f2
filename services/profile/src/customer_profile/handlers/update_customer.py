"""How does a profile change, and who else has to know?"""

from collections.abc import Callable

from customer_profile.domain.customers import Customer, CustomerFacts, changed_fields
from customer_profile.errors import CustomerNotFound
from customer_profile.handlers.ports import Work


async def update_customer(
    work: Work, customer_id: str, etag: str, change: Callable[[Customer], CustomerFacts]
) -> Customer:
    """Apply `change`; one that changes nothing writes nothing and tells nobody.

    Raises CustomerNotFound, EtagMismatch, and whatever `change` raises.
    """
    customer = (await work.records.customers.lock([customer_id])).get(customer_id)
    if customer is None:
        raise CustomerNotFound(customer_id)
    customer.stamp.expect(etag, customer.name)
    facts = change(customer)
    fields = changed_fields(customer.facts, facts)
    if not fields:
        return customer
    customer = customer.with_facts(facts, work.now)
    await work.records.customers.save([customer])
    work.announce.customer_changed(customer, fields)
    if "time_zone" in fields:  # a copy of it stands in each subscription, and others keep that
        for subscription in await work.records.subscriptions.mark_changed(customer_id, work.now):
            work.announce.subscription_changed(subscription)
    return customer
