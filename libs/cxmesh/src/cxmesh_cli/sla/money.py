"""How do amounts stand in a table: exact, and never of two currencies in one cell?"""

from collections.abc import Iterable
from fractions import Fraction

from google.type.money_pb2 import Money

from cxmesh_cli.errors import CommandError

_NANOS = 10**9


def amount_of(money: Money) -> Fraction:
    """Exact."""
    return money.units + Fraction(money.nanos, _NANOS)


def money_cells(amounts: Iterable[Money]) -> tuple[Fraction | None, str]:
    """Their sum and its currency; nothing for none."""
    amounts = list(amounts)
    if not amounts:
        return None, ""
    currencies = {money.currency_code for money in amounts}
    if len(currencies) > 1:
        raise CommandError(f"amounts of one breach are in {' and '.join(sorted(currencies))}; they have no sum")
    return sum(map(amount_of, amounts), Fraction(0)), currencies.pop()
