"""With what does an account begin a bill cycle: new allowances, and what is kept of the last cycle's?"""

from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

from rating.allowance import MONEY, Account, Allowance, Bucket
from rating.currencies import MINOR_UNITS
from rating.cycle import Cycle, check_held, version_for
from rating.money import Rounding, RoundingMethod
from rating.tables import tables_of
from rating.tariff import Tariff


def keeps_accounts(tariff: Tariff) -> bool:
    """Whether what a record costs depends on an account: on allowances, cycle prices or free records."""
    return tables_of(tariff).keeps_accounts


def rollover_cycles(tariff: Tariff) -> int:
    """For how many more cycles an unused part may be kept, at most."""
    return max((each.rollover_cycles for version in tariff.versions for each in version.allowances), default=0)


def has_room(account: Account) -> bool:
    """Whether no bucket was used up and no line has gathered anything.

    Then every record found the first of its buckets open, and the records cost the same in any order.
    """
    return not account.counters and all(bucket.left for bucket in account.buckets)


def open_account(
    tariff: Tariff, cycle: Cycle, held: Cycle | None = None, previous: Account | None = None, owner: str = ""
) -> Account:
    """The account at the start of a cycle.

    `held` is the part of the cycle in which the customer held the plan (None: all of it); the version in force when it
    starts decides. `previous` is the account at the end of the last cycle, of which buckets that are still valid stay
    and unused parts roll over. `owner` names the family or company that shared allowances belong to.
    """
    held = held or cycle
    check_held(cycle, held)
    zone = ZoneInfo(tariff.time_zone)
    part = Fraction(held.days(zone), cycle.days(zone))
    new = [
        Bucket(
            allowance=allowance.id,
            amount=_prorated(allowance, part, tariff.currency) if allowance.prorated else allowance.amount,
            valid_from=held.start,
            valid_until=held.end,
            rollover_cycles=allowance.rollover_cycles,
            owner=owner if allowance.shared else "",
        )
        for allowance in version_for(tariff, held).allowances
    ]
    return Account((*(_kept(previous, held) if previous else ()), *new))


def _prorated(allowance: Allowance, part: Fraction, currency: str) -> Fraction:
    """A part of the amount, rounded up to a whole base unit, or to the currency's minor unit."""
    if allowance.unit == MONEY:
        return Rounding(RoundingMethod.UP, MINOR_UNITS[currency]).apply(allowance.amount * part)
    return Fraction(ceil(allowance.amount * part))


def _kept(previous: Account, held: Cycle) -> list[Bucket]:
    kept = []
    for bucket in previous.buckets:
        if bucket.valid_until > held.start:
            kept.append(bucket)
        elif bucket.rollover_cycles and bucket.left:
            rolled = Bucket(
                allowance=bucket.allowance,
                amount=bucket.left,
                valid_from=held.start,
                valid_until=held.end,
                rollover_cycles=bucket.rollover_cycles - 1,
                owner=bucket.owner,
                is_extended=False,
            )
            kept.append(rolled)
    return kept
