"""What of an order is known already?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from billing_accuracy.errors import CustomerNotFound
from billing_accuracy.handlers.check_bills import Sessions
from billing_accuracy.handlers.peers import Catalogue, Customer, Customers, Product
from billing_accuracy.handlers.ports import BillCheck
from rating import Tariff


@dataclass(frozen=True, slots=True)
class Held:
    """A product that the customer holds, with what it costs."""

    product: Product
    recurring: tuple[Fraction, str] | None
    """Amount and currency of a whole cycle; None when the catalogue doesn't know the plan."""
    last_bill: BillCheck | None


@dataclass(frozen=True, slots=True)
class Prefilled:
    """An order in which what is known is filled in."""

    customer: Customer
    products: tuple[Held, ...]
    missing: tuple[str, ...]
    """Names of fields that nobody knows."""

    @property
    def bill_cycle_day(self) -> int:
        """0 when products differ or there is none."""
        days = {one.product.bill_cycle_day for one in self.products}
        return days.pop() if len(days) == 1 else 0


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Fills orders in."""

    customers: Customers
    catalogue: Catalogue
    sessions: Sessions

    async def prefill(self, name: str, now: datetime) -> Prefilled:
        """Everything that profile and billing know. Raises CustomerNotFound."""
        customer = await self.customers.customer(name)
        if customer is None:
            raise CustomerNotFound(name)
        plans = {product.plan for product in customer.products}
        tariffs = await self.catalogue.tariffs(plans) if plans else {}
        async with self.sessions.reading() as kept:
            bills = await kept.checks.last_of({product.name for product in customer.products})
        products = tuple(
            Held(product, _recurring(tariffs, product.plan, now), bills.get(product.name))
            for product in customer.products
        )
        found = Prefilled(customer, products, ())
        known = {
            "display_name": customer.display_name,
            "contact_media": customer.media,
            "language_code": customer.language_code,
            "time_zone": customer.time_zone,
            "region_code": customer.region_code,
            "bill_cycle_day": found.bill_cycle_day,
        }
        return Prefilled(customer, products, tuple(field for field, value in known.items() if not value))


def _recurring(tariffs: Mapping[str, Tariff], plan: str, now: datetime) -> tuple[Fraction, str] | None:
    tariff = tariffs.get(plan)
    version = None if tariff is None else tariff.version_at(now)
    if tariff is None or version is None:
        return None
    return sum((charge.amount for charge in version.recurring), Fraction()), tariff.currency
