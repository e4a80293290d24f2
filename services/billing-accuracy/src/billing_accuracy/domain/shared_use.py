"""How much of the allowances that a group shares did which records use?"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from billing_accuracy.domain.pools import Pools
from billing_accuracy.domain.usage_table import Ints
from rating import MONEY, Account, Allowance, RatedColumns, Tariff, format_amount, shared_draws_of


class SharedUse:
    """What was taken, by allowance and whose records took it."""

    def __init__(self, rated: RatedColumns, places: Ints, pools: Pools, accounts: Sequence[Account]) -> None:
        """`places`: by record, the place of its seat; `accounts`: what each seat began with."""
        self._tariff = rated.tariff
        self._pools = pools
        self._accounts = accounts
        self._pool_of = {place: pool for pool in pools.pools if pool.owner for place in pool.places}
        self._taken: dict[tuple[str, int], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        """By allowance and seat, then by line."""
        for draws in shared_draws_of(rated):
            seats, lines = places[draws.record].tolist(), draws.line.tolist()
            for seat, line, taken in zip(seats, lines, draws.taken.tolist(), strict=True):
                self._taken[draws.allowance.id, seat][rated.lines[line]] += Fraction(taken, draws.scale)

    def steps(self, place: int, line: str) -> tuple[str, ...]:
        """What a seat's records on a line took of each shared allowance that covers it, in words."""
        held = {bucket.allowance for bucket in self._accounts[place].buckets if bucket.owner}
        covering = (one for one in _allowances(self._tariff) if one.id in held and one.factor(line) is not None)
        return tuple(self._step(place, line, allowance) for allowance in covering)

    def _step(self, place: int, line: str, allowance: Allowance) -> str:
        mine, pool = self._pools.seats[place].subscription, self._pool_of[place]
        others = [other for other in pool.places if self._pools.seats[other].subscription != mine]
        buckets = self._accounts[place].buckets
        held = sum((one.amount for one in buckets if one.owner and one.allowance == allowance.id), Fraction())
        taken = self._taken[allowance.id, place][line] if (allowance.id, place) in self._taken else Fraction()
        by_others = self._sum(allowance.id, others)
        of_all, used, rest = (self._shown(amount, allowance) for amount in (held, taken, by_others))
        return f"{used} of {allowance.name}, which is shared, used here; {rest} used by others, {of_all} in all"

    def _sum(self, allowance: str, places: Iterable[int]) -> Fraction:
        found = (self._taken.get((allowance, place), {}) for place in places)
        return sum((amount for lines in found for amount in lines.values()), Fraction())

    def _shown(self, amount: Fraction, allowance: Allowance) -> str:
        if allowance.unit == MONEY:
            return f"{format_amount(amount, 2)} {self._tariff.currency}"
        return f"{format_amount(amount, 0)} {allowance.unit}s"


def _allowances(tariff: Tariff) -> Iterable[Allowance]:
    """Each as the latest version defines it."""
    return {one.id: one for version in tariff.versions for one in version.allowances}.values()
