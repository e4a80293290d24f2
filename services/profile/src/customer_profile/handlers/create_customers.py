"""How does a customer come into the profile?"""

from collections.abc import Sequence
from dataclasses import dataclass

from customer_profile.domain.customers import Customer, CustomerFacts
from customer_profile.domain.stamps import Stamp
from customer_profile.handlers.batches import check_distinct
from customer_profile.handlers.ports import Work


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer to be made, with checked facts."""

    customer_id: str
    facts: CustomerFacts


async def create_customers(work: Work, batch: Sequence[NewCustomer]) -> list[Customer]:
    """Make all or none. Raises InvalidValue when an id comes twice, AlreadyExists when one is taken."""
    check_distinct((new.customer_id for new in batch), "customer_id")
    customers = [Customer(new.customer_id, new.facts, Stamp.first(work.now)) for new in batch]
    await work.records.customers.add(customers)
    for customer in customers:
        work.announce.customer_changed(customer, ())
    return customers
