"""What is wrong with a bill, and why: line by line against what it should be."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from billing_accuracy.domain import words
from billing_accuracy.domain.bills import TOTAL, Bill, BillLine, LineType
from billing_accuracy.domain.expected import ExpectedBill, ExpectedCharge
from billing_accuracy.domain.findings import Finding, FindingClass, largest_first
from rating import RoundingDifference

Alternatives = Mapping[str, Mapping[str, Fraction]]
"""By plan: what its tariff makes of the same usage, by charge code."""
_SEVERAL = 2


@dataclass(frozen=True, slots=True)
class _Pair:
    """A billed line and the charge that it should be."""

    line: BillLine
    charge: ExpectedCharge


def find(bill: Bill, expected: ExpectedBill, alternatives: Alternatives) -> tuple[Finding, ...]:
    """Everything wrong with the bill, the largest difference first; the differences sum to billed less expected total.

    One cause is one finding: a line that stands twice is not also a wrong sum.
    """
    findings: list[Finding] = []
    pairs: list[_Pair] = []
    by_code: dict[str, list[BillLine]] = defaultdict(list)
    for line in bill.lines:
        by_code[line.charge_code].append(line)
    for code, lines in by_code.items():
        charge = expected.charges.get(code)
        if charge is None:
            findings += [_unexpected(bill, line, expected) for line in lines if not _empty(line, expected)]
        elif len(lines) > 1 and _covers(lines, charge):
            continue  # one charge, rightly split over several lines
        else:
            first = _original(lines, charge)
            findings += [_duplicate(bill, line, charge) for line in lines if line is not first]
            if not _right(first, charge):
                pairs.append(_Pair(first, charge))
    findings += _explain(bill, pairs, expected, alternatives)
    findings += [
        _missing(bill, charge) for code, charge in expected.charges.items() if code not in by_code and charge.amount
    ]
    findings += _unrated(expected)
    findings += _arithmetic(bill)
    return largest_first(findings)


def _empty(line: BillLine, expected: ExpectedBill) -> bool:
    """Whether the line says that nothing was used and asks for nothing, which is so."""
    return line.charge_code in expected.known_codes and not (line.amount or line.record_count or line.quantity)


def _right(line: BillLine, charge: ExpectedCharge) -> bool:
    return line.amount == charge.amount and _says(line, charge)


def _says(line: BillLine, charge: ExpectedCharge) -> bool:
    """Whether count and quantity, where the line has them, are those of the usage."""
    return line.record_count in (None, charge.records) and line.quantity in (None, charge.quantity)


def _covers(lines: Sequence[BillLine], charge: ExpectedCharge) -> bool:
    """Whether several lines of one code are its parts rather than repetitions."""
    if sum(line.amount for line in lines) != charge.amount:
        return False
    counts = [line.record_count for line in lines]
    return None in counts or sum(count for count in counts if count is not None) == charge.records


def _original(lines: Sequence[BillLine], charge: ExpectedCharge) -> BillLine:
    """The line that comes closest to the charge; the others repeat it."""
    return min(lines, key=lambda line: (not _right(line, charge), abs(line.amount - charge.amount)))


def _explain(bill: Bill, pairs: Sequence[_Pair], expected: ExpectedBill, alternatives: Alternatives) -> list[Finding]:
    """Findings for wrong lines: one cause for several of them where there is one, else each line's own."""
    wrong = [pair for pair in pairs if pair.line.amount != pair.charge.amount and not _is_tie(pair)]
    if len(wrong) >= _SEVERAL:
        for plan, amounts in alternatives.items():
            if all(amounts.get(pair.charge.charge_code) == pair.line.amount for pair in wrong):
                rest = [pair for pair in pairs if pair not in wrong]
                return [_wrong_plan(bill, wrong, plan, expected), *(_cause(bill, pair, expected, {}) for pair in rest)]
    return [_cause(bill, pair, expected, alternatives) for pair in pairs]


def _is_tie(pair: _Pair) -> bool:
    line = pair.charge.line
    return line is not None and line.compare(pair.line.amount) is RoundingDifference.TIE_ROUNDED_OTHER_WAY


def _cause(bill: Bill, pair: _Pair, expected: ExpectedBill, alternatives: Alternatives) -> Finding:
    """Why one line is wrong: the first cause that gives exactly the billed amount."""
    if _is_tie(pair):
        return _rounding(bill, pair)
    if not _says(pair.line, pair.charge) and _fits_own_quantity(pair):
        return _quantity(bill, pair)
    other_rate = _rate_that_fits(pair, expected)
    if other_rate is not None:
        return _wrong_band(bill, pair, other_rate, expected)
    for plan, amounts in alternatives.items():
        if amounts.get(pair.charge.charge_code) == pair.line.amount:
            return _wrong_plan(bill, [pair], plan, expected)
    return _difference(bill, pair)


def _fits_own_quantity(pair: _Pair) -> bool:
    """Whether the amount is right for what the line says was used (or is right anyway)."""
    if pair.line.amount == pair.charge.amount:
        return True
    price, quantity = pair.charge.price, pair.line.quantity
    return price is not None and quantity is not None and _rounded(pair, quantity * price) == pair.line.amount


def _rate_that_fits(pair: _Pair, expected: ExpectedBill) -> str | None:
    """The charge code whose price for this usage gives the billed amount."""
    if pair.charge.price is None:
        return None
    quantities = {pair.charge.quantity, pair.charge.quantity if pair.line.quantity is None else pair.line.quantity}
    for code, rate in sorted(expected.rates.items()):
        if rate != pair.charge.price and any(_rounded(pair, rate * one) == pair.line.amount for one in quantities):
            return code
    return None


def _rounded(pair: _Pair, exact: Fraction) -> Fraction:
    rounding = pair.charge.rounding
    return exact if rounding is None else rounding.apply(exact)


def _finding(finding_class: FindingClass, pair: _Pair, explanation: str) -> Finding:
    return Finding(
        finding_class=finding_class,
        line_ids=(pair.line.line_id,),
        charge_code=pair.charge.charge_code,
        billed=pair.line.amount,
        expected=pair.charge.amount,
        explanation=explanation,
        derivation=pair.charge.derivation(),
    )


def _used(pair: _Pair) -> str:
    if pair.charge.line_type is LineType.RECURRING:
        return pair.charge.charge_code
    used = words.quantity(pair.charge.charge_code, pair.charge.quantity)
    return f"{pair.charge.charge_code}: {used} in {pair.charge.records} records"


def _rounding(bill: Bill, pair: _Pair) -> Finding:
    exact = sum((line.exact for line in pair.charge.lines), Fraction())
    text = (
        f"{_used(pair)} come to {words.money(exact, bill.currency)} exactly, half-way between two amounts; the tariff "
        f"rounds to {words.money(pair.charge.amount, bill.currency)}, "
        f"the bill to {words.money(pair.line.amount, bill.currency)}"
    )
    return _finding(FindingClass.ROUNDING, pair, text)


def _quantity(bill: Bill, pair: _Pair) -> Finding:
    said = []
    if pair.line.quantity not in (None, pair.charge.quantity):
        said.append(words.quantity(pair.charge.charge_code, pair.line.quantity or 0))
    if pair.line.record_count not in (None, pair.charge.records):
        said.append(f"{pair.line.record_count} records")
    text = (
        f"{_used(pair)} are stored, the bill says {' in '.join(said)}: "
        f"billed {words.money(pair.line.amount, bill.currency)}, right is {words.money(pair.charge.amount, bill.currency)}"
    )
    return _finding(FindingClass.QUANTITY, pair, text)


def _wrong_band(bill: Bill, pair: _Pair, code: str, expected: ExpectedBill) -> Finding:
    right = words.price(pair.charge.charge_code, pair.charge.price or Fraction(), bill.currency)
    text = (
        f"{_used(pair)} were billed at {words.price(code, expected.rates[code], bill.currency)}, the rate of {code}; "
        f"{expected.plan} charges {right}: billed {words.money(pair.line.amount, bill.currency)}, "
        f"right is {words.money(pair.charge.amount, bill.currency)}"
    )
    return _finding(FindingClass.WRONG_BAND, pair, text)


def _wrong_plan(bill: Bill, pairs: Sequence[_Pair], plan: str, expected: ExpectedBill) -> Finding:
    billed = sum((pair.line.amount for pair in pairs), Fraction())
    right = sum((pair.charge.amount for pair in pairs), Fraction())
    codes = ", ".join(pair.charge.charge_code for pair in pairs)
    text = (
        f"{codes}: billed as under {plan}, while {expected.plan} was in force: "
        f"billed {words.money(billed, bill.currency)}, right is {words.money(right, bill.currency)}"
    )
    return Finding(
        finding_class=FindingClass.WRONG_PLAN,
        line_ids=tuple(pair.line.line_id for pair in pairs),
        charge_code=pairs[0].charge.charge_code if len(pairs) == 1 else "",
        billed=billed,
        expected=right,
        explanation=text,
        derivation=tuple(step for pair in pairs for step in pair.charge.derivation()),
    )


def _difference(bill: Bill, pair: _Pair) -> Finding:
    over = pair.line.amount > pair.charge.amount
    gap = words.money(abs(pair.line.amount - pair.charge.amount), bill.currency)
    text = (
        f"{_used(pair)} come to {words.money(pair.charge.amount, bill.currency)}, billed were "
        f"{words.money(pair.line.amount, bill.currency)}: {gap} too {'much' if over else 'little'}"
    )
    return _finding(FindingClass.OVERCHARGE if over else FindingClass.UNDERCHARGE, pair, text)


def _duplicate(bill: Bill, line: BillLine, charge: ExpectedCharge) -> Finding:
    text = (
        f"{line.charge_code} stands on the bill more than once; line {line.line_id} asks for "
        f"{words.money(line.amount, bill.currency)} again"
    )
    return Finding(
        FindingClass.DUPLICATE_LINE,
        (line.line_id,),
        line.charge_code,
        line.amount,
        Fraction(),
        text,
        charge.derivation(),
    )


def _unexpected(bill: Bill, line: BillLine, expected: ExpectedBill) -> Finding:
    asked = f"line {line.line_id} asks for {words.money(line.amount, bill.currency)}"
    if line.charge_code in expected.known_codes:
        finding_class, text = (
            FindingClass.BILLED_NOT_USED,
            f"{asked} of {line.charge_code}, but no such usage is stored",
        )
    else:
        finding_class, text = (
            FindingClass.UNKNOWN_CHARGE,
            f"{asked} of {line.charge_code}, which {expected.plan} doesn't have",
        )
    return Finding(finding_class, (line.line_id,), line.charge_code, line.amount, Fraction(), text)


def _missing(bill: Bill, charge: ExpectedCharge) -> Finding:
    amount = words.money(charge.amount, bill.currency)
    if charge.line_type is LineType.RECURRING:
        text = f"{charge.charge_code}: {amount} fall due in this period, and the bill has no line for it"
        return Finding(
            FindingClass.UNDERCHARGE, (), charge.charge_code, Fraction(), charge.amount, text, charge.derivation()
        )
    used = words.quantity(charge.charge_code, charge.quantity)
    text = (
        f"{charge.charge_code}: {used} in {charge.records} records come to {amount}, and the bill has no line for them"
    )
    return Finding(
        FindingClass.MISSING_USAGE, (), charge.charge_code, Fraction(), charge.amount, text, charge.derivation()
    )


def _unrated(expected: ExpectedBill) -> list[Finding]:
    if not expected.unrated_records:
        return []
    text = f"{expected.unrated_records} records in the period have no price under {expected.plan}: they are on no bill"
    return [Finding(FindingClass.MISSING_USAGE, (), "", Fraction(), Fraction(), text)]


def _arithmetic(bill: Bill) -> list[Finding]:
    summed = sum((line.amount for line in bill.lines), Fraction())
    if summed == bill.total:
        return []
    text = (
        f"the lines add up to {words.money(summed, bill.currency)}, the bill asks for "
        f"{words.money(bill.total, bill.currency)}"
    )
    return [Finding(FindingClass.ARITHMETIC, (), TOTAL, bill.total, summed, text)]
