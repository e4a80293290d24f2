"""What did a service earn, and what is each agreement's part of a period's income reckoned from?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from apportioning.evidence.lines import revenue_inputs
from apportioning.revenue import Basis, share
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.settlement.statement import Item, LineKind, Period


@dataclass(frozen=True, slots=True)
class Income:
    """Money that a service earned."""

    source: str
    income_id: str
    service: str
    trace_id: bytes | None
    """Of the session that earned it; None when it was earned over the interval."""
    start: datetime
    end: datetime
    amount: int
    """Whole smallest units, from 0 up."""
    currency: str


@dataclass(frozen=True, slots=True)
class Earned:
    """Incomes of a period that the same agreements had a hand in, added up."""

    service: str
    currency: str
    amount: int
    participants: Sequence[str] | None
    """Names of agreements; None: all of the service in effect at `start`."""
    start: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """An agreement, and when it was the one in effect for its operation."""

    agreement: Agreement
    start: datetime
    end: datetime

    def within(self, period: Period) -> timedelta:
        """For how much of a period."""
        return max(timedelta(0), min(self.end, period.end) - max(self.start, period.start))


def held_in(agreements: Iterable[Agreement], period: Period) -> Sequence[Held]:
    """The agreements that were in effect at some time of a period, each until a later one took its place."""
    versions: dict[tuple[str, str, str], list[Agreement]] = {}
    for one in sorted(agreements, key=lambda each: (each.effective_time, each.create_time, each.name)):
        versions.setdefault((one.service, one.partner, one.operation), []).append(one)
    found = []
    for group in versions.values():
        ends = [*(later.effective_time for later in group[1:]), period.end]
        found += [Held(one, one.effective_time, end) for one, end in zip(group, ends, strict=True)]
    return sorted((each for each in found if each.within(period)), key=lambda each: each.agreement.name)


def revenue_items(
    held: Sequence[Held], earned: Sequence[Earned], visits: Mapping[str, int], period: Period
) -> Sequence[Item]:
    """What each agreement with revenue terms brings its partner; `visits` by agreement."""
    items = []
    for each in held:
        terms = each.agreement.revenue
        if terms is None:
            continue
        basis = Basis(
            income=sum(one.amount for one in earned if one.currency == terms.currency and _has_a_hand(each, one)),
            visits=visits.get(each.agreement.name, 0),
            seconds_held=round(each.within(period).total_seconds()),
            seconds=round((period.end - period.start).total_seconds()),
        )
        items.append(
            Item(
                LineKind.REVENUE,
                f"revenue:{each.agreement.name}",
                share(terms, basis),
                terms.currency,
                f"{terms.kind.value.lower()} part of the income of {each.agreement.service}",
                each.agreement.name,
                inputs={"revenue": revenue_inputs(terms, basis)},
            )
        )
    return items


def _has_a_hand(held: Held, earned: Earned) -> bool:
    if earned.participants is not None:
        return held.agreement.name in earned.participants
    return held.agreement.service == earned.service and held.start <= earned.start < held.end
