"""What should bills come to, cycle after cycle, worked out the slow way from the raw document?

Written apart from the library, like rating_oracle and rating_account_oracle, on which it stands.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

import rating_oracle as oracle
from rating_account_oracle import Account, Bucket, scale_of, settle_by_line

__all__ = ["Account", "Bucket", "in_order_of_use", "opened", "rolled_over", "round_line", "settle_by_line", "total"]

MINOR_UNITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
Stretch = tuple[datetime, datetime]
Items = list[tuple[str, Fraction]]


def civil_days(document: dict, stretch: Stretch) -> int:
    zone, (start, end) = ZoneInfo(document["time_zone"]), stretch
    day, last, count = start.astimezone(zone).date(), (end - timedelta(microseconds=1)).astimezone(zone).date(), 1
    while day < last:
        day, count = day + timedelta(days=1), count + 1
    return count


def part_held(document: dict, cycle: Stretch, held: Stretch) -> Fraction:
    return Fraction(civil_days(document, held), civil_days(document, cycle))


def opened(document: dict, cycle: Stretch, held: Stretch, shared: dict[str, list[Bucket]]) -> list[Bucket]:
    """A new cycle's buckets; those that are shared are made once, and every account has the same ones."""
    found = []
    for allowance in oracle.version_at(document, held[0].astimezone(UTC)).get("allowances", []):
        size = Fraction(allowance["amount"]) * scale_of(allowance)
        if allowance.get("proration") == "by_day":
            size *= part_held(document, cycle, held)
            unit = 10 ** MINOR_UNITS[document["currency"]] if allowance["unit"] == "money" else 1
            size = Fraction(ceil(size * unit), unit)
        made = Bucket(allowance["id"], size, *held, rollover_cycles=allowance.get("rollover_cycles", 0))
        if allowance.get("shared"):
            made.owner = "family"
            [made] = shared.setdefault(f"{allowance['id']} {held[0]}", [made])
        found.append(made)
    return found


def rolled_over(buckets: Iterable[Bucket], held: Stretch, shared: dict[str, list[Bucket]]) -> list[Bucket]:
    found = []
    for bucket in buckets:
        left = bucket.amount - bucket.used
        if left <= 0 or not bucket.rollover_cycles:
            continue
        kept = Bucket(bucket.allowance, left, *held, rollover_cycles=bucket.rollover_cycles - 1, is_extended=False)
        if bucket.owner:
            kept.owner = bucket.owner
            [kept] = shared.setdefault(f"{bucket.allowance} {held[0]} kept {id(bucket)}", [kept])
        found.append(kept)
    return found


def in_order_of_use(document: dict, buckets: list[Bucket]) -> list[Bucket]:
    latest = {a["id"]: a for version in document["versions"] for a in version.get("allowances", [])}
    names = sorted(latest, key=lambda name: latest[name].get("priority", 0))

    def place(bucket: Bucket) -> tuple[int, bool, datetime, bool, int, datetime]:
        return (
            names.index(bucket.allowance),
            bucket.owner != "",
            bucket.until,
            bucket.is_extended,  # what was rolled over comes first
            bucket.rollover_cycles,
            bucket.since,
        )

    return sorted(buckets, key=place)


def round_line(document: dict, amount: Fraction) -> Fraction:
    return oracle.round_exactly(amount, document.get("rounding", {}).get("line"))


def total(document: dict, cycle: Stretch, held: Stretch, items: Items, one_offs: list[str]) -> Fraction:
    """What the bill comes to; `items` are the lines of usage in order of the bill."""
    version = oracle.version_at(document, held[0].astimezone(UTC))
    owed = list(items)
    for fee in version.get("recurring", []):
        part = part_held(document, cycle, held) if fee.get("proration") == "by_day" else 1
        owed.append((fee.get("line", "recurring"), round_line(document, Fraction(fee["amount"]) * part)))
    for act in one_offs:
        charge = next(each for each in version["one_offs"] if each["id"] == act)
        owed.append((charge.get("line", "one_off"), round_line(document, Fraction(charge["amount"]))))
    if "commitment" in version:
        least = version["commitment"]
        missing = Fraction(least["amount"]) - added(owed, concerns(least))
        if missing > 0:
            owed.append((least.get("line", "commitment"), round_line(document, missing)))
    for discount in version.get("discounts", []):
        owed = reduced(document, discount, owed)
    net = added(owed, lambda _: True)
    taxes = [tax for tax in version.get("taxes", []) if not tax.get("included")]
    on_top = [round_line(document, added(owed, concerns(tax)) * Fraction(tax["percent"]) / 100) for tax in taxes]
    return oracle.round_exactly(net + sum(on_top), document.get("rounding", {}).get("bill"))


def concerns(rule: dict) -> Callable[[str], bool]:
    return lambda line: line in rule.get("lines", [line])


def added(items: Items, wanted: Callable[[str], bool]) -> Fraction:
    return sum((amount for line, amount in items if wanted(line)), Fraction(0))


def reduced(document: dict, discount: dict, items: Items) -> Items:
    left, after = Fraction(discount.get("amount", "0")), []
    for line, amount in items:
        taken = Fraction(0)
        if concerns(discount)(line) and amount > 0:
            if "percent" in discount:
                taken = round_line(document, amount * Fraction(discount["percent"]) / 100)
            else:
                taken = min(left, amount)
                left -= taken
        after.append((line, amount - taken))
    return after
