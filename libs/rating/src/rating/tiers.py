"""What do many cycle totals cost under graduated, volume and package prices?"""

import numpy as np

from rating.amounts import add, multiply
from rating.prices import CycleModel, CyclePrice
from rating.tables import Numerators, Tables
from rating.timeline import FAR_FUTURE, Ints


def cycle_costs(before: Numerators, units: Numerators, rate: Ints, tables: Tables) -> Numerators:
    """What each cycle total's growth costs, over the tariff's scale; 0 at rates without a cycle price."""
    costs: Numerators = np.zeros(len(rate), np.int64)
    for number in tables.cycle_rates:
        here = np.flatnonzero(rate == number)
        price = tables.rows[number].rate.cycle_price
        if len(here) and price:
            after = add(before[here], units[here])
            growth = add(_cost(after, price, tables), -_cost(before[here], price, tables))
            costs = costs.astype(object) if growth.dtype == object else costs
            costs[here] = growth
    return costs


def _cost(units: Numerators, price: CyclePrice, tables: Tables) -> Numerators:
    if price.model is CycleModel.PACKAGE:
        (package,) = price.tiers
        return multiply(-(-units // (package.up_to or 1)), _one(tables.scaled(package.price)))
    total: Numerators = np.zeros(len(units), np.int64)
    low = 0
    for tier in price.tiers:
        within = units if tier.up_to is None else np.minimum(units, tier.up_to)
        if price.model is CycleModel.GRADUATED:
            here = np.maximum(within - low, 0)
        else:
            # The first tier takes totals of 0, whose cost is 0.
            here = np.where((units > low) & (units == within), units, 0)
        total = add(total, multiply(here, _one(tables.scaled(tier.price))))
        low = tier.up_to or low
    return total


def _one(number: int) -> Numerators:
    """A number as an array that broadcasts, in 64 bits where it fits."""
    return np.array([number], np.int64 if abs(number) < FAR_FUTURE else object)
