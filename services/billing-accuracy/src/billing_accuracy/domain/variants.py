"""What would a bill ask for, had one thing been done otherwise? A wrong amount that is one of these has its cause."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.findings import FindingClass
from billing_accuracy.domain.following import BillRules
from billing_accuracy.domain.prices import beyond_check
from billing_accuracy.domain.rerate import Allowances, Due, Rerating
from billing_accuracy.domain.usage import AccountFacts, BillCase, Segment
from billing_accuracy.domain.usage_table import UsageTable
from rating import Cycle, Rounding, RoundingMethod, Tariff, Version

_CENTS: Final = 2
_MOST_DECIMALS: Final = 4
"""More are on no bill."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a bill's usage and recurring charges come to, had one thing been done otherwise."""

    finding_class: FindingClass
    how: str
    """What was done otherwise, in words that follow "billed"."""
    amounts: Mapping[str, Fraction]
    """By charge code; without codes that come to nothing."""
    plan: str = ""
    """The other plan, when that is what differs."""
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Records and quantity by charge code, where these are what differs."""
    rows: tuple[int, ...] = ()
    """Records that it is about, where it is about certain ones."""
    rules: BillRules | None = None
    """By which discounts and taxes would follow, where these may be others, too."""
    nothing: frozenset[str] = frozenset()
    """Charge codes of usage that comes to nothing so, as far as it is known that this is why."""
    by_chance: bool = False
    """Whether a single wrong amount may well be one of these by chance, so that it takes several."""

    def gives(self, asked: Mapping[str, Fraction]) -> bool:
        """Whether it gives all of these amounts."""
        nothing = {code for code, amount in asked.items() if not amount} & self.nothing
        return {code: amount for code, amount in asked.items() if code not in nothing}.items() <= self.amounts.items()


def variants_of(
    cases: Sequence[BillCase], usage: UsageTable, tariffs: Mapping[str, Tariff], indices: Collection[int]
) -> dict[int, list[Variant]]:
    """For the bills at these places: every other way of rating them, the likelier ones first."""
    found: dict[int, list[Variant]] = {index: [] for index in indices}
    world = _World(cases, usage, tariffs, sorted(indices))
    ways = (
        world.as_stored,
        world.despite_stops,
        world.without_allowances,
        world.other_versions,
        world.other_plans,
        world.record_rounding,
        world.line_decimals,
    )
    for make in ways:
        for index, variant in make():
            found[index].append(variant)
    return {index: _own_first(cases[index], variants) for index, variants in found.items()}


def _own_first(case: BillCase, variants: Sequence[Variant]) -> list[Variant]:
    """The subscription's own plans, past and to come, before others: they are the likelier ones."""
    own = {period.plan for period in case.subscription.plan_periods}
    return sorted(variants, key=lambda one: bool(one.plan) and one.plan not in own)


@dataclass(frozen=True, slots=True)
class _World:
    """The bills in question, and what there is to rate them otherwise."""

    cases: Sequence[BillCase]
    usage: UsageTable
    tariffs: Mapping[str, Tariff]
    indices: Sequence[int]

    def as_stored(self) -> Iterator[tuple[int, Variant]]:
        """With usage that was reported twice counted twice."""
        usage = self.usage.as_stored()
        twice = [index for index in self.indices if self._has_repeats(self.cases[index])]
        if not twice:
            return
        rerating = Rerating([self.cases[index] for index in twice], usage, self.tariffs)
        for place, index in enumerate(twice):
            due = rerating.due(place)
            counts = {code: (max(charge.records), max(charge.quantity)) for code, charge in due.charges.items()}
            how = "with usage counted twice that is stored under two ids"
            yield index, Variant(FindingClass.DUPLICATE_RECORD, how, _amounts(due), counts=counts)

    def despite_stops(self) -> Iterator[tuple[int, Variant]]:
        """With usage that a spending limit had stopped."""
        stopped = [index for index in self.indices if self.cases[index].account.uncharged]
        cases = [replace(self.cases[index], account=AccountFacts()) for index in stopped]
        for index, due in self._dues(stopped, cases, self.tariffs):
            case = self.cases[index]
            moments = [one.start_micros for one in case.account.uncharged]
            rows = tuple(row for row in self.usage.rows_at(case.bill.subscription, moments) if row >= 0)
            how = "with usage while a spending limit had stopped the service"
            yield index, Variant(FindingClass.OVERCHARGE, how, _amounts(due), rows=rows)

    def _has_repeats(self, case: BillCase) -> bool:
        return bool(self.usage.repeated_rows(case.bill.subscription, case.segments[0].cycle))

    def without_allowances(self) -> Iterator[tuple[int, Variant]]:
        """As if nobody shared them; none at all; all of it where a part was due; without what was left before."""
        shared = [index for index in self.indices if self._shares(self.cases[index])]
        cases = [_alone(self.cases[index]) for index in shared]
        for index, due in self._dues(shared, cases, self.tariffs):
            how = "as if nobody else used the allowances that are shared"
            yield index, Variant(FindingClass.ALLOWANCE, how, _amounts(due), nothing=_free(due))
        with_some = [index for index in self.indices if any(map(self._grants, self.cases[index].segments))]
        for allowances, how in (
            (Allowances.NONE, "without the allowances of the plan"),
            (Allowances.WHOLE, "with the allowances of a whole period, which the plan was not held"),
        ):
            yield from self._rated(with_some, self.tariffs, (FindingClass.ALLOWANCE, how, ""), allowances)
        rolling = [index for index in self.indices if self.cases[index].has_past]
        cases = _without_past([self.cases[index] for index in rolling])
        for index, due in self._dues(rolling, cases, self.tariffs):
            how = "without what was left of the allowances of earlier periods"
            yield index, Variant(FindingClass.ALLOWANCE, how, _amounts(due))

    def _shares(self, case: BillCase) -> bool:
        return any(one.subscription != case.bill.subscription for group in case.groups for one in group.holdings)

    def _grants(self, segment: Segment) -> bool:
        return any(version.allowances for version in self.tariffs[segment.plan].versions)

    def other_versions(self) -> Iterator[tuple[int, Variant]]:
        """Under a version of the plan's tariff that was not in force all the time."""
        for plan in sorted({segment.plan for index in self.indices for segment in self.cases[index].segments}):
            tariff = self.tariffs[plan]
            held = [index for index in self.indices if any(one.plan == plan for one in self.cases[index].segments)]
            for version in tariff.versions:
                changed = [index for index in held if not self._is_throughout(version, self.cases[index], plan)]
                if not changed:
                    continue
                how = f"under the tariff of {plan} as of {version.active_from.date().isoformat()}"
                others = {**self.tariffs, plan: tariff.as_of(version.active_from)}
                yield from self._rated(changed, others, (FindingClass.STALE_TARIFF, how, ""))

    def _is_throughout(self, version: Version, case: BillCase, plan: str) -> bool:
        tariff = self.tariffs[plan]
        edges = [moment for one in case.segments if one.plan == plan for moment in (one.held.start, one.held.end)]
        later = [other.active_from for other in tariff.versions if min(edges) < other.active_from < max(edges)]
        return not later and tariff.version_at(min(edges)) == version

    def other_plans(self) -> Iterator[tuple[int, Variant]]:
        """Under one plan that was not in force all the time."""
        for plan, tariff in sorted(self.tariffs.items()):
            cases = {index: _throughout(self.cases[index], plan) for index in self.indices}
            may = [index for index, case in cases.items() if _may_follow(self.cases[index], case, tariff)]
            throughout = " all the time"
            for index, due in self._dues(may, [cases[index] for index in may], self.tariffs):
                how = f"as under {plan}{throughout if plan in self.cases[index].plans else ''}"
                yield index, Variant(FindingClass.WRONG_PLAN, how, _amounts(due), plan, rules=due.rules)

    def line_decimals(self) -> Iterator[tuple[int, Variant]]:
        """With lines rounded to other decimals."""
        for decimals in range(_MOST_DECIMALS + 1):
            others = {plan: _lines_rounded(tariff, decimals) for plan, tariff in self.tariffs.items()}
            yield from self._otherwise(others, f"with lines rounded to {decimals} decimals")

    def record_rounding(self) -> Iterator[tuple[int, Variant]]:
        """With every record rounded, or none, against what the tariff declares."""
        methods = (None, RoundingMethod.HALF_UP, RoundingMethod.UP, RoundingMethod.DOWN, RoundingMethod.HALF_EVEN)
        for method in methods:
            others = {plan: _records_rounded(tariff, method) for plan, tariff in self.tariffs.items()}
            shown = str(method).replace("_", " ")
            how = "without rounding each record" if method is None else f"with each record rounded {shown}"
            yield from self._otherwise(others, how)

    def _otherwise(self, others: Mapping[str, Tariff], how: str) -> Iterator[tuple[int, Variant]]:
        """With tariffs that round otherwise, of bills that these concern."""
        changed = [
            index
            for index in self.indices
            if any(others[one.plan] != self.tariffs[one.plan] for one in self.cases[index].segments)
        ]
        for index, variant in self._rated(changed, others, (FindingClass.ROUNDING_METHOD, how, "")):
            yield index, replace(variant, by_chance=True)

    def _rated(
        self,
        indices: Sequence[int],
        tariffs: Mapping[str, Tariff],
        named: tuple[FindingClass, str, str],
        allowances: Allowances = Allowances.AS_DECLARED,
    ) -> Iterator[tuple[int, Variant]]:
        finding_class, how, plan = named
        cases = [self.cases[index] for index in indices]
        for index, due in self._dues(indices, cases, tariffs, allowances):
            other = due.rules if finding_class is FindingClass.STALE_TARIFF else None
            yield index, Variant(finding_class, how, _amounts(due), plan, rules=other)

    def _dues(
        self,
        indices: Sequence[int],
        cases: Sequence[BillCase],
        tariffs: Mapping[str, Tariff],
        allowances: Allowances = Allowances.AS_DECLARED,
    ) -> Iterator[tuple[int, Due]]:
        """What those bills come to all of whose records have a price so."""
        if not indices:
            return
        plain = [replace(case, account=replace(case.account, entries=())) for case in cases]
        rerating = Rerating(plain, self.usage, tariffs, allowances)
        for place, index in enumerate(indices):
            if not rerating.unrated_count(place):
                yield index, rerating.due(place)


def _amounts(due: Due) -> dict[str, Fraction]:
    return {code: one.amount for code, one in due.charges.items() if one.amount}


def _free(due: Due) -> frozenset[str]:
    return frozenset(code for code, one in due.charges.items() if not one.amount)


def _alone(case: BillCase) -> BillCase:
    return replace(case, groups=tuple(group.alone(case.bill.subscription) for group in case.groups))


def _without_past(cases: Sequence[BillCase]) -> list[BillCase]:
    """The bills without the cycles before; those of one group keep one group, which is rated once."""
    groups = {id(group): group for case in cases for group in case.groups}
    now = {key: group.of_cycle() for key, group in groups.items()}
    return [replace(case, history=None, groups=tuple(now[id(group)] for group in case.groups)) for case in cases]


def _throughout(case: BillCase, plan: str) -> BillCase:
    """As if the plan had been in force in all of the segments."""
    first, last = case.segments[0], case.segments[-1]
    return replace(case, segments=(Segment(plan, first.cycle, Cycle(first.held.start, last.held.end)),))


def _may_follow(case: BillCase, throughout: BillCase, tariff: Tariff) -> bool:
    """Whether a bill may follow a plan other than its own: one that had prices then, and needs no more to know."""
    [segment] = throughout.segments
    is_other = set(case.plans) != {segment.plan}
    has_prices = tariff.version_at(segment.held.start) is not None
    return is_other and has_prices and not beyond_check(tariff, segment.held)


def _lines_rounded(tariff: Tariff, decimals: int) -> Tariff:
    declared = tariff.line_rounding
    return tariff if declared is None else replace(tariff, line_rounding=replace(declared, decimals=decimals))


def _records_rounded(tariff: Tariff, method: RoundingMethod | None) -> Tariff:
    """The tariff with its records rounded so, to the decimals of its lines."""
    lines = tariff.line_rounding
    decimals = lines.decimals if lines else _CENTS
    return replace(tariff, record_rounding=None if method is None else Rounding(method, decimals))
