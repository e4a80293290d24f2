"""What happened on an account that neither usage nor plan tells?"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.amounts import as_billed
from billing_accuracy.domain.bills import LineType
from rating import Tariff


class EntryKind(StrEnum):
    """Kinds of entries; the names of cxmesh.billing.v1.AccountEntryKind without their prefix."""

    ONE_OFF = "ONE_OFF"
    SURCHARGE = "SURCHARGE"
    CREDIT = "CREDIT"
    PAYMENT = "PAYMENT"
    OPENING_BALANCE = "OPENING_BALANCE"
    OPENING_CREDIT = "OPENING_CREDIT"


LINE_TYPES: Final = {
    EntryKind.ONE_OFF: LineType.ONE_OFF,
    EntryKind.SURCHARGE: LineType.SURCHARGE,
    EntryKind.CREDIT: LineType.CREDIT,
}
"""Of the lines that entries are on a bill; the other kinds are on none."""


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """Something on a subscription's account."""

    source: str
    entry_id: str
    subscription: str
    """`subscriptions/{subscription}`."""
    kind: EntryKind
    time: datetime
    """When it took effect."""
    charge_code: str
    """On the bill; of a one-off charge, its id in the tariff. Empty for payments and balances."""
    amount: Fraction | None
    """Above zero; None: as the tariff in force has the one-off charge."""
    currency: str
    """Empty without an amount."""
    tax_exempt: bool = False
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class EntryAmount:
    """What an entry puts on a bill."""

    entry: AccountEntry
    line: str
    """The charge code."""
    name: str
    exact: Fraction
    amount: Fraction
    """To the micro-unit, as a bill says it; negative for a credit."""

    def explain(self) -> str:
        """Where it comes from, in a line of text."""
        entry = self.entry
        told = f"{self.name}: {entry.source}/{entry.entry_id} of {entry.time.date().isoformat()}"
        return f"{told}, {entry.reason}" if entry.reason else told


def amount_on_bill(entry: AccountEntry, tariff: Tariff) -> EntryAmount | None:
    """What an entry puts on a bill under the plan then in force; None where nobody says how much it is."""
    exact, line, name = entry.amount, entry.charge_code, entry.charge_code
    version = tariff.version_at(entry.time)
    if entry.kind is EntryKind.ONE_OFF and version is not None:
        for charge in version.one_offs:
            if charge.id == entry.charge_code:
                exact, line, name = exact if exact is not None else charge.amount, charge.line, charge.name
    if exact is None:
        return None
    amount = as_billed(exact, tariff.line_rounding)
    sign = -1 if entry.kind is EntryKind.CREDIT else 1
    return EntryAmount(entry, line, name, sign * exact, sign * amount)
