"""What is a record's own price, exactly, from a number and a currency?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

from google.type.money_pb2 import Money

from usage_adapters.quantities import MOST, exact_number
from usage_adapters.reading import Reason
from usage_adapters.table import Fault, Table
from usage_adapters.texts import Base

_NANOS: Final = 1_000_000_000
_MICROS: Final = 1_000_000
"""What the service takes; money is never rounded here."""
_CURRENCY: Final = re.compile("[A-Z]{3}")


class ValueRule(Protocol):
    """The own price of each row."""

    def values(self, table: Table) -> Sequence[Money | None]:
        """None for a row without one, and in rows that are refused; nothing at all when no row has one."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A number, with or without a fraction, and its currency. Rows with an empty number have no price."""

    amount: Base
    currency: Base
    decimals: int = 0
    """How many of the last digits are decimals although no mark says so: 2 where 499 is 4.99."""
    decimal_mark: str = "."
    grouping_mark: str = ""

    def values(self, table: Table) -> Sequence[Money | None]:
        texts = self.amount.values(table)
        if not any(texts):
            return ()
        currencies = self.currency.values(table)
        return [
            self._at(table, row, text, currency) if text else None
            for row, (text, currency) in enumerate(zip(texts, currencies, strict=True))
        ]

    def _at(self, table: Table, row: int, text: str, currency: str) -> Money | None:
        try:
            amount = self._read(text)
        except Fault as fault:
            table.refuse(row, "value", text, fault)
            return None
        return _money(table, row, amount, currency)

    def _read(self, text: str) -> Fraction:
        number = exact_number(text, self.decimal_mark, self.grouping_mark)
        if number is None:
            expected = "an amount of money"
            raise Fault(expected if self.decimal_mark == "." else f"{expected} with '{self.decimal_mark}'")
        amount = number / Fraction(10) ** self.decimals
        if (amount * _MICROS).denominator != 1:
            raise Fault("an amount of money with at most six decimals")
        if abs(amount) > MOST:
            raise Fault("an amount of money of at most 2^63 - 1")
        return amount


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """google.type.Money as proto JSON has it: whole units, billionths, and the currency."""

    units: Base
    nanos: Base
    currency: Base

    def values(self, table: Table) -> Sequence[Money | None]:
        parts = [part.values(table) for part in (self.units, self.nanos, self.currency)]
        if not any(map(any, parts)):
            return ()
        return [
            self._at(table, row, *texts) if any(texts) else None for row, texts in enumerate(zip(*parts, strict=True))
        ]

    def _at(self, table: Table, row: int, units: str, nanos: str, currency: str) -> Money | None:
        whole, rest = (exact_number(text or "0", ".", "") for text in (units, nanos))
        for text, number, most, what in ((units, whole, MOST, "units"), (nanos, rest, _NANOS - 1, "nanos")):
            if number is None or number.denominator != 1 or abs(number) > most:
                table.refuse(row, "value", text, Fault(f"{what}: a whole number of at most {most}"))
                return None
        if not _is_currency(table, row, currency) or whole is None or rest is None:
            return None
        return Money(currency_code=currency, units=int(whole), nanos=int(rest))


def _money(table: Table, row: int, amount: Fraction, currency: str) -> Money | None:
    if not _is_currency(table, row, currency):
        return None
    units, nanos = divmod(int(abs(amount) * _NANOS), _NANOS)
    sign = -1 if amount < 0 else 1
    return Money(currency_code=currency, units=sign * units, nanos=sign * nanos)


def _is_currency(table: Table, row: int, text: str) -> bool:
    """Whether it is one; the row is refused if not."""
    if _CURRENCY.fullmatch(text):
        return True
    reason = Reason.INVALID_VALUE if text else Reason.MISSING_VALUE
    table.refuse(row, "value", text, Fault("the value's currency, such as EUR", reason))
    return False


def amount_text(money: Money) -> str:
    """The amount of money in digits, exactly."""
    nanos = money.units * _NANOS + money.nanos
    units, rest = divmod(abs(nanos), _NANOS)
    decimals = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{'-' if nanos < 0 else ''}{units}{decimals}"
