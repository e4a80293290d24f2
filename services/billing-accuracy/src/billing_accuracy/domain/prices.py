"""Which charges does a tariff have at a time, and at what plain price of a base unit?"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import cast

from rating import Cycle, Tariff


def charge_codes(tariff: Tariff, held: Cycle) -> set[str]:
    """Codes of what may be charged in a stretch of time: usage in it, and what recurs when it starts."""
    version = tariff.version_at(held.start)
    codes = {charge.line for charge in version.recurring} if version else set()
    ends = [later.active_from for _, later in pairwise(tariff.versions)]
    for one, end in zip(tariff.versions, [*ends, held.end], strict=True):
        if one.active_from < held.end and end > held.start:
            codes |= {rate.line for rate in one.rates}
    return codes


def plain_prices(tariff: Tariff, version_start: datetime, service: str) -> Mapping[str, Fraction]:
    """Price of a base unit of a service by charge code, in the version that came into force at `version_start`.

    A code with several prices, steps or connection fees has no price that one could name, and is left out.
    """
    # Kept with the tariff: looking through ten thousand rates again for every wrong line would be slow.
    key = f"billing_accuracy.plain_prices {version_start.isoformat()} {service}"
    if key not in tariff.memo:
        tariff.memo[key] = _plain_prices(tariff, version_start, service)
    return cast("Mapping[str, Fraction]", tariff.memo[key])


def _plain_prices(tariff: Tariff, version_start: datetime, service: str) -> Mapping[str, Fraction]:
    prices: dict[str, set[Fraction | None]] = defaultdict(set)
    for version in tariff.versions:
        for rate in version.rates:
            if version.active_from == version_start and rate.service == service:
                plain = len(rate.steps) == 1 and not rate.connection_fee
                prices[rate.line].add(rate.steps[0].price if plain else None)
    single = {code: min(found, key=str) for code, found in prices.items() if len(found) == 1}
    return {code: price for code, price in single.items() if price is not None}
