"""From when on do two states of a tariff price usage differently?"""

from datetime import datetime

from rating import Tariff


def first_difference(before: Tariff, after: Tariff) -> datetime | None:
    """The first moment whose usage may cost something else; None when no usage does."""
    first = min(before.versions[0].active_from, after.versions[0].active_from)
    if _frame(before) != _frame(after):
        return first
    for one, other in zip(before.versions, after.versions, strict=False):
        if one != other:
            return min(one.active_from, other.active_from)
    rest = (*before.versions[len(after.versions) :], *after.versions[len(before.versions) :])
    return rest[0].active_from if rest else None


def _frame(tariff: Tariff) -> tuple[object, ...]:
    return tariff.currency, tariff.time_zone, tariff.home_networks, tariff.record_rounding, tariff.line_rounding
