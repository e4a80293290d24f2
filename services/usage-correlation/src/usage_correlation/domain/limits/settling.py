"""What do a batch's records come to once every limit had its say: what is charged, what isn't, what is passed?"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.limits.metering import MeteredRecord
from usage_correlation.domain.limits.policies import NO_CHOICE, Choice, LimitPolicy
from usage_correlation.domain.limits.standing import ALL, Passing, Standing, charge, share_charged

LimitKey = tuple[int, str]
"""Subscription's key and policy's id."""
StandingKey = tuple[int, str, int]
"""Subscription's key, policy's id, start of the period."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A threshold that a record has passed."""

    key: StandingKey
    record: MeteredRecord
    policy: LimitPolicy
    passing: Passing
    standing: Standing
    """After the record."""
    led: tuple[MeteredRecord, ...]
    """The batch's records that count towards it, up to this one."""


@dataclass(frozen=True, slots=True)
class Uncharged:
    """A part of a record's charge that is not charged."""

    record: MeteredRecord
    line: str
    amount: Fraction
    """As rated."""
    policy: LimitPolicy
    """The one that left the least."""


@dataclass(slots=True)
class Settlement:
    """What a batch comes to."""

    standings: MutableMapping[StandingKey, Standing]
    passed: list[Passed] = field(default_factory=list)
    uncharged: list[Uncharged] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Counted:
    """A record with the periods in which it counts, by policy."""

    record: MeteredRecord
    subscription: int
    """Its key."""
    periods: Mapping[str, BillCycle]


def settle(
    records: Sequence[Counted], standings: Mapping[StandingKey, Standing], choices: Mapping[LimitKey, Choice]
) -> Settlement:
    """Take records one after another, in the order in which they began.

    Several limits may hold for a record: it is charged as far as all of them let it, and what isn't charged counts
    towards none. `standings` holds all that the records count in.
    """
    settlement = Settlement(dict(standings))
    led: dict[StandingKey, list[MeteredRecord]] = {}
    for each in records:
        _count(each, settlement, choices, led)
    return settlement


def settle_anew(records: Sequence[Counted], settlement: Settlement, choices: Mapping[LimitKey, Choice]) -> None:
    """After bill cycles were rated anew: what their records cost more than was counted, as if it was used now.

    `records` are all of these cycles, new ones included; those of the batch have been settled before. Where they cost
    less, the limit is not given back: who is stopped was told so.
    """
    by_place: dict[StandingKey, list[Counted]] = {}
    for each in records:
        for policy in each.record.policies:
            key = (each.subscription, policy.id, each.periods[policy.id].start_micros)
            by_place.setdefault(key, []).append(each)
    extras = [extra for key, counted in by_place.items() for extra in _extra(key, counted, settlement, choices)]
    for subscription in dict.fromkeys(extra.key[0] for extra in extras):
        _charge_extras([extra for extra in extras if extra.key[0] == subscription], settlement, choices)


@dataclass(frozen=True, slots=True)
class _Extra:
    """What the records of a period cost more than was counted towards a policy."""

    key: StandingKey
    policy: LimitPolicy
    led: tuple[MeteredRecord, ...]
    cost: Fraction
    """On the policy's tax basis."""
    amount: Fraction
    """As rated."""
    share: Fraction
    """Of it that the policy lets be charged."""

    @property
    def last(self) -> MeteredRecord:
        """It stands for all of them."""
        return self.led[-1]


def _extra(
    key: StandingKey, counted: Sequence[Counted], settlement: Settlement, choices: Mapping[LimitKey, Choice]
) -> list[_Extra]:
    records = tuple(each.record for each in counted)
    policy = next(policy for policy in records[-1].policies if policy.id == key[1])
    standing = settlement.standings[key]
    total = sum((record.cost(policy.terms.tax_basis) for record in records), Fraction(0))
    cost = total - standing.spent - standing.not_charged
    if cost <= 0:
        return []
    amount = cost * sum((record.amount for record in records), Fraction(0)) / total
    choice = choices.get(key[:2], NO_CHOICE)
    share = share_charged(standing, policy.terms, choice, records[-1].start_micros, cost)
    return [_Extra(key, policy, records, cost, amount, share)]


def _charge_extras(extras: Sequence[_Extra], settlement: Settlement, choices: Mapping[LimitKey, Choice]) -> None:
    """Several limits may hold for the same usage: the most that any of them keeps back is not charged."""
    strictest = max(extras, key=lambda extra: extra.amount * (1 - extra.share))
    kept_back = strictest.amount * (1 - strictest.share)
    for extra in extras:
        share = max(Fraction(0), 1 - kept_back / extra.amount)
        settlement.standings[extra.key], passing = charge(
            settlement.standings[extra.key],
            extra.policy.terms,
            choices.get(extra.key[:2], NO_CHOICE),
            extra.last.start_micros,
            extra.cost,
            share,
        )
        if passing is not None:
            standing = settlement.standings[extra.key]
            settlement.passed.append(Passed(extra.key, extra.last, extra.policy, passing, standing, extra.led))
    if kept_back:
        line = strictest.last.pieces[-1].line
        settlement.uncharged.append(Uncharged(strictest.last, line, kept_back, strictest.policy))


def _count(
    each: Counted,
    settlement: Settlement,
    choices: Mapping[LimitKey, Choice],
    led: dict[StandingKey, list[MeteredRecord]],
) -> None:
    record, standings = each.record, settlement.standings
    keys = {p.id: (each.subscription, p.id, each.periods[p.id].start_micros) for p in record.policies}
    said = {p.id: choices.get((each.subscription, p.id), NO_CHOICE) for p in record.policies}
    costs = {p.id: record.cost(p.terms.tax_basis) for p in record.policies}
    shares = {
        p.id: share_charged(standings[keys[p.id]], p.terms, said[p.id], record.start_micros, costs[p.id])
        for p in record.policies
    }
    strictest = min(record.policies, key=lambda p: shares[p.id])
    share = shares[strictest.id]
    for policy in record.policies:
        key = keys[policy.id]
        led.setdefault(key, []).append(record)
        standings[key], passing = charge(
            standings[key], policy.terms, said[policy.id], record.start_micros, costs[policy.id], share
        )
        if passing is not None:
            settlement.passed.append(Passed(key, record, policy, passing, standings[key], tuple(led[key])))
    if share < ALL:
        settlement.uncharged += [
            Uncharged(record, piece.line, piece.amount * (1 - share), strictest)
            for piece in record.pieces
            if piece.amount
        ]
