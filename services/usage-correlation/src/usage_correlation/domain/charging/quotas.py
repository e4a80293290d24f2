"""How much more may be used before what may be spent is spent, with what other sessions hold taken off?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from rating import Account, RatingError, Service, Tariff, UsageRecord, rate_for


class Result(StrEnum):
    """ResultCode of TS 32.291 for a rating group."""

    SUCCESS = "SUCCESS"
    LIMIT_REACHED = "QUOTA_LIMIT_REACHED"
    DENIED = "END_USER_SERVICE_DENIED"
    RATING_FAILED = "RATING_FAILED"
    USER_UNKNOWN = "USER_UNKNOWN"
    NOT_APPLICABLE = "QUOTA_MANAGEMENT_NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer for one rating group."""

    rating_group: int
    result: Result
    service: Service | None = None
    """Set with a quota."""
    quantity: int = 0
    """In base units of the service."""
    final: bool = False
    """Whether nothing more can be had when it is used up."""
    threshold: int = 0
    """Ask again when so much is left; 0: when nothing is."""
    valid_seconds: int = 0
    """How long the quota is held."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Usage that may happen: what a quota is good for."""

    service: Service
    start: datetime
    quantity: int
    destination: str
    """Personal data."""
    visited_network: str

    def of(self, quantity: int) -> UsageRecord:
        """So much of it, as a record to be priced."""
        return UsageRecord(self.service, self.start, quantity, self.destination, self.visited_network)


@dataclass(frozen=True, slots=True)
class Pricing:
    """What usage costs a subscription now."""

    tariff: Tariff
    account: Account
    """What is left of its allowances, and what its lines have gathered."""

    def after(self, held: Sequence[Planned]) -> tuple["Pricing", Fraction]:
        """The pricing once all that is held is used, and what that costs.

        What has no price any more, because the plan changed, costs nothing: it holds back nobody.
        """
        account, cost = self.account, Fraction(0)
        for each in sorted(held, key=lambda planned: planned.start):
            try:
                rated = rate_for(each.of(each.quantity), self.tariff, account)
            except RatingError:
                continue
            account, cost = rated.account, cost + rated.rating.amount
        return Pricing(self.tariff, account), cost


def affordable(pricing: Pricing, planned: Planned, left: Fraction | None) -> int:
    """The most of `planned`, up to all of it, that costs no more than `left` (None: nothing limits it).

    A maximum cost at which the service is cut off ends it too. Raises RatingError where there is no price for it.
    """
    whole = rate_for(planned.of(planned.quantity), pricing.tariff, pricing.account).rating
    most = planned.quantity if whole.cut_off is None else min(planned.quantity, whole.cut_off)
    if left is None or whole.amount <= left:
        return most
    low, high = 0, most  # low is affordable, as nothing is; high + 1 is not, or is not wanted
    while low < high:
        middle = (low + high + 1) // 2
        cost = rate_for(planned.of(middle), pricing.tariff, pricing.account).rating.amount
        low, high = (middle, high) if cost <= left else (low, middle - 1)
    return low
