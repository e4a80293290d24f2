"""What does one record cost? The entrance to the readable path."""

from rating.allowance import Account
from rating.charge import AccountRating, Rating
from rating.errors import RatingError
from rating.record import UsageRecord
from rating.settle import Settlement
from rating.tables import tables_of
from rating.tariff import Tariff
from rating.walk import walk


def rate(record: UsageRecord, tariff: Tariff) -> Rating:
    """The record's charges, under a tariff that keeps no account.

    Raises InvalidRecord for a record that no tariff could rate, Unrated where this tariff has no price for it, and
    RatingError where its price depends on an account (allowances, cycle prices, free records): see rate_for.
    """
    if tables_of(tariff).keeps_accounts:
        raise RatingError("account", None, f"an account (rate_for), for the prices of tariff {tariff.id} depend on it")
    return rate_for(record, tariff, Account()).rating


def rate_for(record: UsageRecord, tariff: Tariff, account: Account) -> AccountRating:
    """The record's charges to an account, and the account after it; records are rated in order of their starts."""
    tables = tables_of(tariff)
    charges, cut_off, after = Settlement(record, tables, account).run(tuple(walk(record, tables)))
    return AccountRating(Rating(charges, tariff.record_rounding, cut_off), after)
