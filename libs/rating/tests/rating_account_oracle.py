"""What should records cost accounts, worked out base unit by base unit from the raw document?

Written apart from the library, like rating_oracle, on whose walk through increments it stands.
"""

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import ceil
from typing import Any

import rating_oracle as oracle


@dataclass
class Bucket:
    allowance: str
    amount: Fraction
    since: datetime
    until: datetime
    used: Fraction = Fraction(0)
    blocks_begun: int = 0
    owner: str = ""
    rollover_cycles: int = 0
    is_extended: bool = True


@dataclass
class Account:
    buckets: list[Bucket]
    """In order of use."""
    units: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)


def allowance_in(version: dict, name: str) -> dict | None:
    return next((a for a in version.get("allowances", []) if a["id"] == name), None)


def scale_of(allowance: dict) -> int:
    return 1 if allowance["unit"] == "money" else oracle.UNITS[allowance["unit"]]


def factor_on(allowance: dict | None, line: str) -> Fraction | None:
    for covered in allowance["covers"] if allowance else []:
        if covered["line"] == line:
            return Fraction(covered.get("factor", "1"))
    return None


def take_unit(bucket: Bucket, definition: dict, version: dict, factor: Fraction) -> Fraction | None:
    """Cover one base unit from a bucket: what it costs, or None when the bucket has run out."""
    scale = scale_of(definition)
    block = definition.get("block") if bucket.is_extended else None
    limit = bucket.amount + (Fraction(block["size"]) * scale * block["at_most"] if block else 0)
    if bucket.used >= limit:
        return None
    bucket.used = min(bucket.used + factor, limit)
    here = allowance_in(version, bucket.allowance)
    cost = Fraction(here.get("price", "0")) / scale_of(here)
    if block:
        begun = max(ceil((bucket.used - bucket.amount) / (Fraction(block["size"]) * scale)), 0)
        cost += (begun - bucket.blocks_begun) * Fraction(block["price"])
        bucket.blocks_begun = begun
    return cost


def cycle_unit(rate: dict, number: int) -> Fraction:
    """What the cycle's n-th unit (from 1) costs under a graduated price or a package."""
    if "package" in rate:
        size = oracle.in_units(rate["package"]["size"])
        return Fraction(rate["package"]["price"]) if (number - 1) % size == 0 else Fraction(0)
    tier = next(t for t in rate["graduated"] if number <= t.get("up_to", number))
    return Fraction(tier["price"]) / oracle.in_units(tier.get("per", 1))


def volume_cost(rate: dict, units: int) -> Fraction:
    tier = next(t for t in rate["volume"] if units <= t.get("up_to", units))
    return units * Fraction(tier["price"]) / oracle.in_units(tier.get("per", 1))


def stretches(document: dict, record: dict[str, Any]) -> list[tuple[dict, dict, list[tuple[int, Fraction]]]]:
    """(version, rate, [(units of an increment, price of one unit)]) of each stretch under one rate."""
    found: list[tuple[dict, dict, list[tuple[int, Fraction]]]] = []
    for version, rate, increment, price in oracle.walk(document, record):
        if not found or found[-1][0] is not version or found[-1][1] is not rate:
            found.append((version, rate, []))
        if increment:
            found[-1][2].append((increment, price))
    return found


def settle(document: dict, record: dict[str, Any], account: Account) -> Fraction:
    """What the record costs the account, which is changed."""
    return sum((amount for _, amount in settle_by_line(document, record, account)), Fraction(0))


def settle_by_line(document: dict, record: dict[str, Any], account: Account) -> list[tuple[str, Fraction]]:
    """The same, with the bill line of each stretch."""
    total = before_rounding = Fraction(0)
    parts: list[tuple[dict, dict, Fraction]] = []
    counted, records_before, seen = lines_counted(document), dict(account.records), set()
    for number, (version, rate, increments) in enumerate(stretches(document, record)):
        line, opens = oracle.line_of(rate), number == 0 and record["quantity"] > 0
        free = record["quantity"] > 0 and records_before.get(line, 0) < rate.get("free_records", 0)
        cost = Fraction(0)
        if not free:
            cost = units_cost(document, version, rate, increments, account, record, opens=opens)
            if opens:
                cost += Fraction(record["value_micros"], 10**6) * Fraction(rate.get("percentage", "0")) / 100
        if line in counted and record["quantity"] and line not in seen:
            account.records[line] = account.records.get(line, 0) + 1
            seen.add(line)
        if "maximum" in rate and total + cost > Fraction(rate["maximum"]["amount"]):
            cost = max(Fraction(rate["maximum"]["amount"]), total) - total if cost > 0 else cost
        total += cost
        rounded = oracle.round_exactly(total, document.get("rounding", {}).get("record"))
        parts.append((version, rate, rounded - before_rounding))
        before_rounding = rounded
    return [(oracle.line_of(rate), pay(version, rate, amount, account, record)) for version, rate, amount in parts]


def units_cost(
    document: dict, version: dict, rate: dict, increments: list, account: Account, record: dict, *, opens: bool
) -> Fraction:
    line, cost, first_covered = oracle.line_of(rate), Fraction(0), False
    gathered = start = account.units.get(line, 0)
    units = [price for size, price in increments for _ in range(size)]
    for position, price in enumerate(units):
        covered = cover_unit(document, version, line, account, record)
        if covered is not None:
            cost += covered
            first_covered |= position == 0
            continue
        gathered += 1
        if "graduated" in rate or "package" in rate:
            cost += cycle_unit(rate, gathered)
        elif "volume" not in rate:
            cost += price
    if "volume" in rate:
        cost += volume_cost(rate, gathered) - volume_cost(rate, start)
    if line in lines_counted(document):
        account.units[line] = gathered
    fee = Fraction(rate.get("flat", rate.get("connection_fee", "0")))
    return cost + (fee if opens and not first_covered else 0)


def cover_unit(document: dict, version: dict, line: str, account: Account, record: dict) -> Fraction | None:
    for bucket in account.buckets:
        here = allowance_in(version, bucket.allowance)
        factor = factor_on(here, line)
        if here is None or factor is None or here["unit"] == "money" or not usable(bucket, record):
            continue
        cost = take_unit(bucket, definition_of(document, bucket), version, factor)
        if cost is not None:
            return cost
    return None


def pay(version: dict, rate: dict, amount: Fraction, account: Account, record: dict) -> Fraction:
    for bucket in account.buckets:
        here = allowance_in(version, bucket.allowance)
        if here is None or here["unit"] != "money" or factor_on(here, oracle.line_of(rate)) is None:
            continue
        if usable(bucket, record) and amount > 0:
            paid = min(bucket.amount - bucket.used, amount)
            bucket.used += paid
            amount -= paid
    return amount


def usable(bucket: Bucket, record: dict) -> bool:
    return bucket.since <= record["start"] < bucket.until


def definition_of(document: dict, bucket: Bucket) -> dict:
    versions = [v for v in document["versions"] if oracle.moment(document, v["from"]) <= bucket.since]
    latest = [allowance_in(v, bucket.allowance) for v in document["versions"]]
    found = allowance_in(versions[-1], bucket.allowance) if versions else None
    return found or [each for each in latest if each][-1]


def lines_counted(document: dict) -> set[str]:
    versions = document["versions"] + document.get("fallback_document", {}).get("versions", [])
    rates = [rate for version in versions for rate in version["rates"]]
    return {oracle.line_of(r) for r in rates if {"graduated", "volume", "package", "free_records"} & set(r)}
