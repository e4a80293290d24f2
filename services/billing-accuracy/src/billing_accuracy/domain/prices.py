"""Which charges does a tariff have at a time, and at what plain price of a base unit?"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import cast

from rating import Cycle, Rate, Tariff, rollover_cycles


def charge_codes(tariff: Tariff, held: Cycle) -> set[str]:
    """Codes of what may be charged in a stretch of time: usage in it, and what recurs when it starts."""
    version = tariff.version_at(held.start)
    codes = {charge.line for charge in version.recurring} if version else set()
    ends = [later.active_from for _, later in pairwise(tariff.versions)]
    for one, end in zip(tariff.versions, [*ends, held.end], strict=True):
        if one.active_from < held.end and end > held.start:
            codes |= {rate.line for rate in (*one.rates, *(one.fallback.rates if one.fallback else ()))}
    return codes


def charges_values(tariff: Tariff) -> bool:
    """Whether it charges a percentage of records' own prices."""
    return any(
        rate.percentage
        for one in tariff.versions
        for rate in (*one.rates, *(one.fallback.rates if one.fallback else ()))
    )


def rolls_over(tariff: Tariff) -> bool:
    """Whether unused parts of allowances are kept for later cycles."""
    return rollover_cycles(tariff) > 0


def shared_allowances(tariff: Tariff) -> frozenset[str]:
    """Ids of the allowances that a group shares."""
    return frozenset(each.id for version in tariff.versions for each in version.allowances if each.shared)


def use_of_others(allowance: str) -> str:
    """What a bill depends on where an allowance is shared."""
    return f"how others use {allowance}, which is shared"


def beyond_check(tariff: Tariff, held: Cycle, *, with_history: bool = False, with_others: bool = False) -> str | None:
    """What of a tariff makes a bill depend on more than the usage and the period that it covers; None when nothing.

    `with_history`: usage of the cycles before is known, too; `with_others`: that of all who share allowances.
    """
    version = tariff.version_at(held.start)
    if tariff.fallback is not None and (version is None or version.fallback is None):
        return f"prices of its fallback, {tariff.fallback}"
    for allowance in version.allowances if version else ():
        if allowance.rollover_cycles and not with_history:
            return f"what rolled over of {allowance.id} from earlier periods"
        if allowance.shared and not with_others:
            return use_of_others(allowance.id)
    return None


def places(tariff: Tariff, version_start: datetime, code: str) -> frozenset[tuple[str | None, str | None]]:
    """Zones and roaming zones of a charge's rates, in the version that came into force at `version_start`."""
    key = f"billing_accuracy.places {version_start.isoformat()}"
    if key not in tariff.memo:
        found: dict[str, set[tuple[str | None, str | None]]] = defaultdict(set)
        for rate in (rate for one in tariff.versions if one.active_from == version_start for rate in one.rates):
            found[rate.line].add((rate.zone, rate.roaming))
        tariff.memo[key] = {line: frozenset(places) for line, places in found.items()}
    by_line = cast("Mapping[str, frozenset[tuple[str | None, str | None]]]", tariff.memo[key])
    return by_line.get(code, frozenset())


def plain_prices(tariff: Tariff, version_start: datetime, service: str) -> Mapping[str, Fraction]:
    """Price of a base unit of a service by charge code, in the version that came into force at `version_start`.

    A code with several prices, or with more to its price than that, has none that one could name, and is left out.
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
                nothing_more = Rate(rate.line, rate.service, rate.zone, rate.band, rate.roaming, rate.steps)
                plain = len(rate.steps) == 1 and rate == nothing_more
                prices[rate.line].add(rate.steps[0].price if plain else None)
    single = {code: min(found, key=str) for code, found in prices.items() if len(found) == 1}
    return {code: price for code, price in single.items() if price is not None}
