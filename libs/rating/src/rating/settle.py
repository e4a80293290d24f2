"""What does one record cost an account? Free records, allowances, prices, maximum, rounding, money, in this order."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil

from rating.allowance import MONEY, Account, Allowance, Bucket, Counter
from rating.charge import Charge, Cover, Credit, CycleUse, Portion, usage_cost
from rating.money import Rounding
from rating.prices import AtMaximum, Rate
from rating.record import UsageRecord
from rating.services import Service
from rating.tables import Tables
from rating.timeline import from_epoch, to_epoch
from rating.walk import Stretch

_NOTHING = Fraction(0)


class Settlement:
    """One record being settled against an account; the account's own objects are replaced, never changed."""

    def __init__(self, record: UsageRecord, tables: Tables, account: Account) -> None:
        self.record = record
        self.tables = tables
        self.start = to_epoch(record.start)
        self.before = account.counters
        self.buckets = tables.allowances.in_order_of_use(account.buckets)
        self.counters = dict(account.counters)

    def run(self, stretches: Sequence[Stretch]) -> tuple[tuple[Charge, ...], int | None, Account]:
        """The charges, where a maximum cost cuts the record off, and the account after it."""
        charges: list[Charge] = []
        for stretch in stretches:
            charge = self._charge(stretch, first=not charges)
            charges.append(charge)
            if self.record.quantity and charge.line in self.tables.counted_lines:
                self._count(charge)
        cut_off = None
        if self.tables.has_maximum:
            charges, cut_off = self._cap(charges, stretches)
        if self.tables.tariff.record_rounding:
            charges = self._round(charges, self.tables.tariff.record_rounding)
        if self.buckets:
            charges = [self._credit(charge, stretch) for charge, stretch in zip(charges, stretches, strict=True)]
        return tuple(charges), cut_off, Account(tuple(self.buckets), self.counters)

    def _count(self, charge: Charge) -> None:
        """Add a charge to its line's counter; the record itself counts once a line."""
        now = self.counters.get(charge.line, Counter())
        covered = sum(portion.covered for portion in charge.portions)
        units = 0 if charge.is_free else charge.units - covered
        self.counters[charge.line] = Counter(now.units + units, self._records(charge.line) + 1)

    def _records(self, line: str) -> int:
        """How many records the line had gathered before this one."""
        return self.before.get(line, Counter()).records

    def _charge(self, stretch: Stretch, *, first: bool) -> Charge:
        record, rate = self.record, stretch.row.rate
        free = bool(rate.free_records) and record.quantity > 0 and self._records(rate.line) < rate.free_records
        units = sum(portion.units for portion in stretch.portions)
        covers = () if free or not self.buckets else self._cover(stretch, units)
        covered = sum(cover.units for cover in covers)
        opening = first and record.quantity > 0 and not free
        portions = with_covered(stretch.portions, covered) if covered else stretch.portions
        cycle = None if free else self._cycle_use(rate, units - covered)
        # The fee belongs to the first unit: an allowance that covers that one covers the fee.
        fee = rate.connection_fee if opening and not covered else _NOTHING
        value = record.value * rate.percentage / 100 if opening and rate.percentage else _NOTHING
        exact = _NOTHING if free else usage_cost(portions, covers, cycle) + fee + value
        return Charge(
            line=rate.line,
            service=record.service,
            zone=rate.zone,
            band=rate.band,
            roaming=rate.roaming,
            version=self.tables.tariff.versions[stretch.row.version].active_from,
            start=from_epoch(self.start + (stretch.offset if record.service is Service.VOICE else 0)),
            quantity=stretch.quantity,
            portions=portions,
            connection_fee=fee,
            exact=exact,
            amount=exact,
            covers=covers,
            cycle=cycle,
            value=value,
            is_free=free,
            from_fallback=stretch.row.from_fallback,
        )

    def _cycle_use(self, rate: Rate, units: int) -> CycleUse | None:
        if rate.cycle_price is None:
            return None
        gathered = self.counters.get(rate.line, Counter()).units
        return CycleUse(rate.cycle_price, gathered, gathered + units)

    def _cover(self, stretch: Stretch, units: int) -> tuple[Cover, ...]:
        """Let buckets cover so many units, in order of use."""
        covers: list[Cover] = []
        for position, bucket in enumerate(self.buckets):
            allowance = self.tables.allowances.in_version(stretch.row.version, bucket.allowance)
            factor = allowance.factor(stretch.row.rate.line) if allowance else None
            if not units or allowance is None or factor is None or allowance.unit == MONEY or not self._usable(bucket):
                continue
            definition = self.tables.allowances.definition_of(bucket)
            limit = limit_of(bucket, definition)
            # The base unit during which a bucket runs out is covered whole.
            covered = min(max(ceil((limit - bucket.used) / factor), 0), units)
            if covered:
                used = min(bucket.used + covered * factor, limit)
                blocks = blocks_begun(bucket, definition, used) - blocks_begun(bucket, definition, bucket.used)
                block_price = definition.block.price if definition.block else _NOTHING
                covers.append(Cover(allowance.id, bucket.owner, covered, allowance.price, blocks, block_price))
                self.buckets[position] = replace(bucket, used=used)
                units -= covered
        return tuple(covers)

    def _cap(self, charges: list[Charge], stretches: Sequence[Stretch]) -> tuple[list[Charge], int | None]:
        """Keep the record's running total within each rate's maximum."""
        total, cut_off = _NOTHING, None
        capped: list[Charge] = []
        for charge, stretch in zip(charges, stretches, strict=True):
            maximum, reached = stretch.row.rate.maximum, total + charge.exact
            limited = reached if maximum is None else min(reached, max(maximum.amount, total))
            if maximum and limited < reached and maximum.then is AtMaximum.CUT_OFF and cut_off is None:
                cut_off = stretch.offset + _served(charge, limited - total)
            kept = limited - total
            capped.append(replace(charge, exact=kept, amount=kept, capped=reached - limited))
            total = limited
        return capped, cut_off

    def _round(self, charges: list[Charge], rounding: Rounding) -> list[Charge]:
        """The record is rounded once; each charge is what the rounded running total grew by."""
        exact, before = _NOTHING, _NOTHING
        rounded: list[Charge] = []
        for charge in charges:
            exact += charge.exact
            after = rounding.apply(exact)
            rounded.append(replace(charge, amount=after - before))
            before = after
        return rounded

    def _credit(self, charge: Charge, stretch: Stretch) -> Charge:
        """Let buckets of money pay, in order of use."""
        owed, paid_from = charge.amount, list[Credit]()
        for position, bucket in enumerate(self.buckets):
            allowance = self.tables.allowances.in_version(stretch.row.version, bucket.allowance)
            if allowance is None or allowance.unit != MONEY or allowance.factor(charge.line) is None:
                continue
            paid = min(max(bucket.amount - bucket.used, _NOTHING), max(owed, _NOTHING))
            if paid and self._usable(bucket):
                paid_from.append(Credit(allowance.id, bucket.owner, paid))
                self.buckets[position] = replace(bucket, used=bucket.used + paid)
                owed -= paid
        return replace(charge, amount=owed, credits=tuple(paid_from)) if paid_from else charge

    def _usable(self, bucket: Bucket) -> bool:
        return to_epoch(bucket.valid_from) <= self.start < to_epoch(bucket.valid_until)


def limit_of(bucket: Bucket, definition: Allowance) -> Fraction:
    """How far a bucket may be used, its blocks included."""
    block = definition.block if bucket.is_extended else None
    return bucket.amount + (block.size * block.at_most if block else 0)


def blocks_begun(bucket: Bucket, definition: Allowance, used: Fraction) -> int:
    """How many blocks have been begun when so much is used."""
    return max(ceil((used - bucket.amount) / definition.block.size), 0) if definition.block else 0


def with_covered(portions: tuple[Portion, ...], covered: int) -> tuple[Portion, ...]:
    """The first so many units of the portions are covered."""
    result = []
    for portion in portions:
        here = min(covered, portion.units)
        result.append(replace(portion, covered=here) if here else portion)
        covered -= here
    return tuple(result)


def _served(charge: Charge, money: Fraction) -> int:
    """Base units of a charge served for so much money: the last increment is served when it is paid in part."""
    parts = [charge.connection_fee, charge.value, *(cover.exact for cover in charge.covers)]
    money = max(money - sum(parts, _NOTHING), _NOTHING)
    served = sum(portion.covered for portion in charge.portions)
    for portion in charge.portions:
        if portion.exact > money:
            per_increment = portion.price * portion.increment
            return served + min(ceil(money / per_increment) * portion.increment, portion.units - portion.covered)
        money -= portion.exact
        served += portion.units - portion.covered
    return served
