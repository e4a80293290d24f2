"""What is said of each thing that can be wrong with a bill?"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from billing_accuracy.domain import phrases, words
from billing_accuracy.domain.billed import BilledCharge
from billing_accuracy.domain.bills import Bill, LineType
from billing_accuracy.domain.cause import Cause, instead, of_total, replacing, sum_of
from billing_accuracy.domain.evidence.moves import Move
from billing_accuracy.domain.evidence.records import UsedOn
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge
from billing_accuracy.domain.findings import Finding, FindingClass
from billing_accuracy.domain.matching import Pair
from billing_accuracy.domain.variants import Variant
from rating import RecurringAmount

_MADE_OUT: Final = "{}: billed {}, right is {}"
_OF_ENTRIES: Final = {
    LineType.ONE_OFF: FindingClass.ONE_OFF,
    LineType.SURCHARGE: FindingClass.ONE_OFF,
    LineType.CREDIT: FindingClass.CREDIT,
}
"""Classes of what is wrong with lines that account entries call for."""


class Causes:
    """Puts what is wrong with one bill into words and amounts."""

    def __init__(self, bill: Bill, expected: ExpectedBill) -> None:
        self._currency = bill.currency
        self._known_codes = expected.known_codes
        self._plans = list(dict.fromkeys(expected.plans))
        self._plan = words.names(self._plans)

    def tie(self, pair: Pair) -> Cause:
        """A tie was rounded the other way."""
        exact = sum((part.source.exact for part in pair.charge.parts), Fraction())
        text = (
            f"{phrases.comes_to(pair.charge)} {self._money(exact)} before rounding, half-way between two amounts; the "
            f"tariff rounds to {self._money(pair.charge.amount)}, the bill to {self._money(pair.billed.amount)}"
        )
        return instead(FindingClass.ROUNDING, pair, text, "a tie rounded the other way")

    def quantity(self, pair: Pair) -> Cause:
        """Count or quantity is not what was used."""
        text = f"{phrases.stored(pair.charge)}, the bill says {phrases.said(pair)}"
        return self._made_out(FindingClass.QUANTITY, pair, text)

    def line_type(self, pair: Pair) -> Cause:
        """The plan has no charge of this type under this code."""
        wrong = next(line for line in pair.billed.lines if line.line_type not in pair.charge.line_types)
        text = (
            f"line {wrong.line_id} has {pair.charge.charge_code} as {phrases.TYPES[wrong.line_type]}, while under "
            f"{self._plan} it is {phrases.TYPES[pair.charge.line_type]}"
        )
        return self._made_out(FindingClass.UNKNOWN_CHARGE, pair, text, f"as {phrases.TYPES[wrong.line_type]}")

    def other_rounding(self, pair: Pair, how: str) -> Cause:
        """The amount is rounded otherwise than declared, and it is no tie."""
        exact = sum((part.source.exact for part in pair.charge.parts), Fraction())
        text = f"{phrases.comes_to(pair.charge)} {self._money(exact)} before rounding; it was rounded {how}"
        return self._made_out(FindingClass.ROUNDING_METHOD, pair, text, f"rounded {how}")

    def proration(self, pair: Pair, days: int) -> Cause:
        """A recurring charge is for another number of days."""
        source = pair.charge.parts[0].source
        if not isinstance(source, RecurringAmount):
            raise TypeError(f"{pair.charge.charge_code} doesn't recur")
        held = f"held on {source.days} of {source.cycle_days} days"
        text = f"{pair.charge.charge_code} was billed for {words.counted(days, 'day')}, and its plan was {held}"
        cause = "for the whole period" if days == source.cycle_days else "for other days"
        return self._made_out(FindingClass.PRORATION, pair, text, cause)

    def other_price(self, pair: Pair, charge_code: str) -> Cause:
        """The amount is that of another charge's rate."""
        finding_class = FindingClass.WRONG_BAND
        if pair.charge.parts[0].is_of_other_zone(pair.charge.charge_code, charge_code):
            finding_class = FindingClass.WRONG_ZONE
        part, service = pair.charge.parts[0], pair.charge.service or ""
        other = words.price(service, part.other_prices()[charge_code], self._currency)
        text = f"{phrases.used(pair.charge)} were billed at {other}, the rate of {charge_code}"
        if len(pair.charge.parts) == 1 and part.price is not None:
            text += f"; {self._plan} charges {words.price(service, part.price, self._currency)}"
        return self._made_out(finding_class, pair, text, f"the rate of {charge_code}")

    def misnamed(self, pair: Pair) -> Cause:
        """A line is right but for its code."""
        line, known = pair.billed.lines[0], self.is_known(pair.billed)
        why = "" if known else f", which {self._plan} doesn't have,"
        text = f"line {line.line_id} has under {line.charge_code}{why} what is {phrases.used(pair.charge)}"
        finding_class = FindingClass.WRONG_BAND if known else FindingClass.UNKNOWN_CHARGE
        return instead(finding_class, pair, text, f"under {line.charge_code}")

    @property
    def _in_force(self) -> str:
        return f"{self._plan} {'was' if len(self._plans) == 1 else 'were'} in force"

    def varied(
        self, variant: Variant, pairs: Sequence[Pair], extra: Sequence[BilledCharge], missing: Sequence[ExpectedCharge]
    ) -> Cause:
        """Amounts are those of another way of rating: of these pairs, of what it adds, and of what it leaves out."""
        lines = [line for billed in (*(pair.billed for pair in pairs), *extra) for line in billed.lines]
        charges = [*(pair.charge for pair in pairs), *missing]
        codes = dict.fromkeys([*(line.charge_code for line in lines), *(charge.charge_code for charge in charges)])
        while_in_force = f", while {self._in_force}" if variant.plan else ""
        text = _MADE_OUT.format(
            f"{words.names(list(codes))}: billed {variant.how}{while_in_force}",
            self._money(sum_of(lines)),
            self._money(sum_of(charges)),
        )
        cause = replacing(variant.finding_class, lines, charges, text, cause=variant.how)
        return replace(cause, rows=variant.rows, rules=variant.rules)

    def reported_twice(self, pairs: Sequence[Pair], rows: Sequence[int]) -> Cause:
        """Usage that was reported under two ids is billed twice."""
        codes = words.names([pair.charge.charge_code for pair in pairs])
        lines, charges = [line for pair in pairs for line in pair.billed.lines], [pair.charge for pair in pairs]
        text = f"{codes}: usage that is stored under two ids is billed twice"
        made_out = _MADE_OUT.format(text, self._money(sum_of(lines)), self._money(sum_of(charges)))
        cause = replacing(FindingClass.DUPLICATE_RECORD, lines, charges, made_out, cause="stored under two ids")
        return replace(cause, rows=tuple(rows))

    def billed_twice(self, pair: Pair, again: Sequence[UsedOn]) -> Cause:
        """Single records are billed twice."""
        stored = phrases.stored(pair.charge)
        text = f"{stored}, the bill says {phrases.said(pair)}: {words.counted(len(again), 'record')} counted twice"
        cause = self._made_out(FindingClass.DUPLICATE_RECORD, pair, text, "a record counted twice")
        return replace(cause, rows=tuple(one.row for one in again))

    def moved(self, move: Move, rows: Sequence[UsedOn]) -> Cause:
        """Records of one charge are billed as another."""
        left, right = move.left, move.right.charge
        part = left.parts[0]
        other_zone = part.is_of_other_zone(left.charge_code, right.charge_code)
        used = words.quantity(left.service or "", move.quantity)
        what = f"{words.counted(move.count, 'record')} of {left.charge_code} ({used})"
        stand = "stands" if move.count == 1 else "stand"
        lines = [*(move.billed.lines if move.billed else ()), *move.right.billed.lines]
        cause = replacing(
            FindingClass.WRONG_ZONE if other_zone else FindingClass.WRONG_BAND,
            lines,
            [left, right],
            _MADE_OUT.format(
                f"{what} {stand} under {right.charge_code}",
                self._money(sum_of(lines)),
                self._money(left.amount + right.amount),
            ),
            cause=f"{left.charge_code} billed as {right.charge_code}",
        )
        return replace(cause, rows=tuple(one.row for one in rows))

    def difference(self, pair: Pair) -> Cause:
        """The amount is wrong, and nothing says why."""
        billed, right = pair.billed.amount, pair.charge.amount
        gap = f"{self._money(abs(billed - right))} too {'much' if billed > right else 'little'}"
        text = f"{phrases.comes_to(pair.charge)} {self._money(right)}, billed were {self._money(billed)}: {gap}"
        if not pair.billed.says(pair.charge):
            text += f"; nor is it right for what the bill says, {phrases.said(pair)}"
            return instead(FindingClass.UNEXPLAINED, pair, text)
        by_sign = FindingClass.OVERCHARGE if billed > right else FindingClass.UNDERCHARGE
        return instead(_OF_ENTRIES.get(pair.charge.line_type, by_sign), pair, text)

    def again(self, pair: Pair) -> Cause:
        """Lines beside the one that is the charge: repetitions, or a credit that nothing calls for."""
        amount, code = pair.billed.amount, pair.charge.charge_code
        if amount < 0:
            taking = phrases.lines(pair.billed.lines, "takes", "take")
            text = f"{taking} {self._money(-amount)} off {code}, and nothing calls for it"
            is_credit = pair.charge.line_type is LineType.CREDIT
            finding_class = FindingClass.DUPLICATE_LINE if is_credit else FindingClass.UNDERCHARGE
            return replacing(finding_class, pair.billed.lines, (), text)
        asking, once = phrases.lines(pair.billed.lines, "asks for", "ask for"), self._money(pair.charge.amount)
        text = f"{code} stands on the bill more than once: {asking} {self._money(amount)} again; {once} once is right"
        return replacing(FindingClass.DUPLICATE_LINE, pair.billed.lines, (), text, pair.charge.derivation())

    def unexpected(self, found: Sequence[BilledCharge]) -> Cause:
        """Lines that ask for what is not due, all of codes that the plan has or all of others."""
        lines = [line for billed in found for line in billed.lines]
        codes = [billed.charge_code for billed in found]
        if (of_entry := _OF_ENTRIES.get(lines[0].line_type)) and not self.is_known(found[0]):
            line_type = phrases.TYPES[lines[0].line_type]
            what = f"{phrases.lines(lines, 'has', 'have')} {self._money(sum_of(lines))} as {line_type}"
            text = f"{what} under {words.names(codes)}, and nothing on the account calls for it"
            return replacing(of_entry, lines, (), text)
        asked = f"{phrases.lines(lines, 'asks for', 'ask for')} {self._money(sum_of(lines))} of {words.names(codes)}"
        if self.is_known(found[0]):
            text = f"{asked}, and no such usage is stored"
            return replacing(FindingClass.BILLED_NOT_USED, lines, (), text)
        text = f"{asked}, which {self._plan} doesn't have"
        return replacing(FindingClass.UNKNOWN_CHARGE, lines, (), text)

    def is_known(self, billed: BilledCharge) -> bool:
        """Whether a plan in force has such a charge."""
        return billed.charge_code in self._known_codes

    def missing(self, charge: ExpectedCharge, used: Sequence[UsedOn]) -> Cause:
        """A charge that the bill does not ask for."""
        text = f"{phrases.comes_to(charge)} {self._money(charge.amount)}, and the bill doesn't ask for it"
        if charge.service is not None:
            cause = replacing(FindingClass.MISSING_USAGE, (), (charge,), text)
            return replace(cause, rows=tuple(one.row for one in used))
        by_sign = FindingClass.UNDERCHARGE if charge.amount > 0 else FindingClass.OVERCHARGE
        finding_class = _OF_ENTRIES.get(charge.line_type, by_sign)
        return replacing(finding_class, (), (charge,), text)

    def unrated(self, count: int, rows: Sequence[int]) -> Cause:
        """Usage that has no price, and so is on no bill."""
        records = words.counted(count, "record")
        text = f"{records} in the period can't be rated under {self._plan}: no bill asks for what was used"
        finding = Finding(FindingClass.MISSING_USAGE, (), "", Fraction(), Fraction(), text, cause="no price")
        return Cause(finding, rows=tuple(rows))

    def arithmetic(self, lines: Fraction, asked: Fraction, right: Fraction) -> Cause:
        """The lines don't add up to the total."""
        text = f"the lines add up to {self._money(lines)}, the bill asks for {self._money(asked)}"
        return of_total(FindingClass.ARITHMETIC, asked, right, text)

    def total_rounding(self, asked: Fraction, right: Fraction) -> Cause:
        """The total is rounded otherwise than that of a right bill is."""
        text = f"the total is rounded to {self._money(asked)}; rounded as on the right bill, it is {self._money(right)}"
        return of_total(FindingClass.ROUNDING, asked, right, text)

    def _made_out(self, finding_class: FindingClass, pair: Pair, text: str, cause: str = "") -> Cause:
        amounts = self._money(pair.billed.amount), self._money(pair.charge.amount)
        return instead(finding_class, pair, _MADE_OUT.format(text, *amounts), cause)

    def _money(self, amount: Fraction) -> str:
        return words.money(amount, self._currency)
