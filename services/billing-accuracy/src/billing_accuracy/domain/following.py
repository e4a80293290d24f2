"""What follows from the charges of a bill by the rules of its plans: commitment, discounts, taxes?"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import Final

from billing_accuracy.domain.amounts import as_billed, total
from billing_accuracy.domain.bills import FOLLOWING, BillLine, LineType, tax_code
from rating import Cycle, Rounding, Tariff, TaxAmount, Version, apply_rules, format_amount

_NOTHING: Final = Fraction()
_BESIDE: Final = frozenset({LineType.CREDIT, LineType.SURCHARGE})
_REDUCING: Final = frozenset({LineType.DISCOUNT, LineType.COMMITMENT})
Item = tuple[str, Fraction]
"""A charge code and an amount."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one plan contributes to a bill."""

    tariff: Tariff
    version: Version
    """In force when the plan was first held in the period: its rules hold."""
    held: Cycle
    items: tuple[Item, ...]
    """Usage, recurring and one-off charges, in order of the bill."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A surcharge or credit: no plan's discounts and commitments concern it, taxes do."""

    share: int
    """Of which share's plan the taxes are."""
    code: str
    amount: Fraction
    taxed: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How a bill with wrong charges may have come to what follows from them."""

    apart: bool = False
    """Discounts were taken from each line, not from each charge."""
    exempt: bool = False
    """Credits and surcharges that nothing calls for were not taxed."""
    reduced: bool = False
    """Taxes were taken of what discounts and commitment leave as they are billed, not as they should be."""


READINGS: Final = tuple(Reading(*flags) for flags in product((False, True), repeat=3))


@dataclass(frozen=True, slots=True)
class Follower:
    """A commitment, discount or tax that is due."""

    code: str
    line_type: LineType
    exact: Fraction
    amount: Fraction
    """To the micro-unit, as a bill can say it."""
    rounding: Rounding | None
    derivation: tuple[str, ...]
    in_total: bool = True
    """False for a tax that prices include."""
    percents: tuple[Fraction, ...] = ()
    """Of a tax: its rate; several when it changed with the plan."""
    base: Fraction = Fraction()
    """Of a tax: what it is on."""

    def is_rounded_other_way(self, amount: Fraction) -> bool:
        """Whether an amount is right but for the way in which a tie was rounded."""
        if self.rounding is None or not self.rounding.is_tie(self.exact):
            return False
        return amount != self.amount and amount in self.rounding.neighbours(self.exact)


class BillRules:
    """The rules of the plans in force in one bill's period."""

    def __init__(self, shares: Sequence[Share], beside: Sequence[Beside] = ()) -> None:
        """`shares` in order, at least one."""
        self._shares = shares
        self._beside = beside

    @property
    def has_any(self) -> bool:
        """Whether anything can follow."""
        return any(one.version.commitment or one.version.discounts or one.version.taxes for one in self._shares)

    @property
    def codes(self) -> frozenset[str]:
        """Under which codes something can follow, whether it does or not."""
        found: set[str] = set()
        for version in (share.version for share in self._shares):
            found |= {discount.id for discount in version.discounts} | {tax_code(tax.id) for tax in version.taxes}
            if version.commitment:
                found.add(version.commitment.line)
        return frozenset(found)

    def told_apart(self, lines: Iterable[BillLine]) -> tuple[list[BillLine], list[BillLine]]:
        """The charges among a bill's lines, and what follows from them."""
        codes = self.codes
        found: tuple[list[BillLine], list[BillLine]] = ([], [])
        for line in lines:
            found[line.line_type in FOLLOWING or line.charge_code in codes].append(line)
        return found

    def followers(self, asked: Mapping[str, Fraction] | None = None) -> dict[str, Follower]:
        """What is due, by code; where `asked` is given, if charges came to what it says and not to what they should."""
        return self._followers(*self._moved(asked)) if self.has_any else {}

    def followers_of(
        self, charges: Sequence[BillLine], following: Sequence[BillLine], reading: Reading
    ) -> dict[str, Follower]:
        """What is due, by code, if the charges of a bill were right."""
        if not self.has_any:
            return {}
        items, beside = self._moved(_by_code(charges), {one.charge_code for one in charges if one.line_type in _BESIDE})
        if reading.exempt:
            known = {one.code for one in self._beside}
            beside = [one if one.code in known else replace(one, taxed=False) for one in beside]
        if reading.apart:
            items = [_taken_apart(of_share, charges) for of_share in items]
        due = self._followers(items, beside)
        if not reading.reduced:
            return due
        billed = sum((one.amount for one in following if one.line_type in _REDUCING), Fraction())
        ruled = sum((one.amount for one in due.values() if one.line_type in _REDUCING), Fraction())
        return self._followers(items, beside, billed - ruled) if billed != ruled else due

    def _followers(
        self, items: Sequence[Sequence[Item]], beside: Sequence[Beside], moved: Fraction = _NOTHING
    ) -> dict[str, Follower]:
        """`moved`: how much more than the rules say discounts and commitment come to, where taxes are looked at."""
        found: dict[str, list[Follower]] = defaultdict(list)
        taxes: dict[tuple[str, Fraction, bool], dict[int, TaxAmount]] = defaultdict(dict)
        for number, share in enumerate(self._shares):
            ruled = apply_rules(share.version, share.tariff.line_rounding, items[number])
            made = [(LineType.COMMITMENT, one) for one in (ruled.commitment,) if one]
            made += [(LineType.DISCOUNT, one) for one in ruled.discounts]
            for line_type, one in made:
                of = f" on {one.line}" if one.rule else ""
                step = f"{one.name}{of}: {format_amount(one.amount, 2)}"
                code = one.rule or one.line
                amount = as_billed(one.amount, None)
                found[code].append(Follower(code, line_type, one.amount, amount, None, (step,)))
            for tax in ruled.taxes:
                taxes[tax.id, tax.percent, tax.included][number] = tax
        merged = {code: _sum(parts) for code, parts in found.items()}
        by_tax: dict[str, list[Follower]] = defaultdict(list)
        for (tax_id, _, _), by_share in taxes.items():
            by_tax[tax_code(tax_id)].append(self._tax(by_share, beside, moved))
        return {**merged, **{code: _sum(parts) for code, parts in by_tax.items()}}

    def _moved(
        self, asked: Mapping[str, Fraction] | None, to_beside: Collection[str] = ()
    ) -> tuple[list[list[Item]], list[Beside]]:
        """The items of each share and what stands beside them, moved to what is asked.

        What is asked more (or less) for a code goes to the last plan that has it, as the bill doesn't say which; what
        is asked for codes `to_beside` that nobody calls for stands beside.
        """
        items, beside = [list(share.items) for share in self._shares], list(self._beside)
        if asked is None:
            return items, beside
        due: dict[str, Fraction] = defaultdict(Fraction)
        for code, amount in (*(item for one in items for item in one), *((one.code, one.amount) for one in beside)):
            due[code] += amount
        for code in dict.fromkeys([*due, *asked]):
            gap = asked.get(code, Fraction()) - due.get(code, Fraction())
            if not gap or _add_beside(beside, code, gap):
                continue
            if code in to_beside and code not in due:
                beside.append(Beside(len(self._shares) - 1, code, gap, taxed=True))
            else:
                _add_item(items, code, gap)
        return items, beside

    def _tax(self, by_share: Mapping[int, TaxAmount], beside: Iterable[Beside], moved: Fraction) -> Follower:
        """One tax over all plans that have it, rounded once (EN 16931 BR-CO-17)."""
        last = max(by_share)
        tax, rounding = by_share[last], self._shares[last].tariff.line_rounding
        base = sum((one.base for one in by_share.values()), Fraction())
        base += sum((one.amount for one in beside if one.share in by_share and self._taxes(tax.id, one)), Fraction())
        if not any(one.lines for one in self._shares[last].version.taxes if one.id == tax.id):
            base += moved
        exact = base * (tax.percent / (100 + tax.percent) if tax.included else tax.percent / 100)
        amount = as_billed(exact, rounding)
        on = f"{format_amount(tax.percent, 0)} % {'contained in' if tax.included else 'on'} {format_amount(base, 2)}"
        return Follower(
            code=tax_code(tax.id),
            line_type=LineType.TAX,
            exact=exact,
            amount=amount,
            rounding=rounding,
            derivation=(f"{tax.name}: {on} = {format_amount(amount, 2)}",),
            in_total=not tax.included,
            percents=(tax.percent,),
            base=base,
        )

    def _taxes(self, tax_id: str, one: Beside) -> bool:
        """Whether a tax of its plan is on it."""
        lines = next(tax.lines for tax in self._shares[one.share].version.taxes if tax.id == tax_id)
        return one.taxed and (not lines or one.code in lines)


def _by_code(lines: Iterable[BillLine]) -> dict[str, Fraction]:
    found: dict[str, list[Fraction]] = defaultdict(list)
    for line in lines:
        found[line.charge_code].append(line.amount)
    return {code: total(amounts) for code, amounts in found.items()}


def _taken_apart(items: Sequence[Item], lines: Iterable[BillLine]) -> list[Item]:
    """The items, each in as many as the bill has lines of it."""
    amounts: dict[str, list[Fraction]] = defaultdict(list)
    for line in lines:
        amounts[line.charge_code].append(line.amount)
    return [
        (code, part)
        for code, amount in items
        for part in (amounts[code] if total(amounts[code]) == amount and len(amounts[code]) > 1 else [amount])
    ]


def _add_beside(beside: list[Beside], code: str, gap: Fraction) -> bool:
    for place in reversed(range(len(beside))):
        one = beside[place]
        if one.code == code:
            beside[place] = Beside(one.share, code, one.amount + gap, one.taxed)
            return True
    return False


def _add_item(items: Sequence[list[Item]], code: str, gap: Fraction) -> None:
    for of_share in reversed(items):
        for place in reversed(range(len(of_share))):
            if of_share[place][0] == code:
                of_share[place] = (code, of_share[place][1] + gap)
                return
    items[-1].append((code, gap))


def _sum(parts: Sequence[Follower]) -> Follower:
    """What follows under one code, from all plans."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return Follower(
        code=first.code,
        line_type=first.line_type,
        exact=sum((part.exact for part in parts), Fraction()),
        amount=sum((part.amount for part in parts), Fraction()),
        rounding=None,
        derivation=tuple(step for part in parts for step in part.derivation),
        in_total=first.in_total,
        percents=tuple(percent for part in parts for percent in part.percents),
        base=sum((part.base for part in parts), Fraction()),
    )
