"""What should a record cost, worked out the slow way from the raw document?

Written apart from the library: it knows the document's keys and the rules in the README, walks increment by increment
with zoneinfo and Fraction, and shares no code with what it checks.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

UNITS = {
    "second": 1, "minute": 60, "hour": 3600, "byte": 1, "kilobyte": 10**3, "megabyte": 10**6, "gigabyte": 10**9,
    "kibibyte": 2**10, "mebibyte": 2**20, "gibibyte": 2**30, "message": 1, "event": 1,
}  # fmt: skip
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class NoPriceError(Exception):
    pass


def round_exactly(amount: Fraction, rule: dict | None) -> Fraction:
    if rule is None:
        return amount
    unit = Fraction(1, 10 ** rule["decimals"])
    size = abs(amount) / unit
    low = floor(size)
    part = size - low
    method = rule["method"]
    if part == 0 or method == "down":
        up = False
    elif method == "up":
        up = True
    elif part != Fraction(1, 2):
        up = part > Fraction(1, 2)
    else:
        up = method == "half_up" or (method == "half_even" and low % 2 == 1)
    return (low + up) * unit * (1 if amount >= 0 else -1)


def moment(document: dict, text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(document["time_zone"]))


def version_at(document: dict, instant: datetime) -> dict:
    active = [v for v in document["versions"] if moment(document, v["from"]).astimezone(UTC) <= instant]
    if not active:
        raise NoPriceError
    return active[-1]


def longest(zones: list[dict], key: str, destination: str) -> str | None:
    number = destination.removeprefix("+")
    best, length = next((z["id"] for z in zones if z.get("default")), None), 0
    for zone in zones:
        for name in zone.get("names", []):
            if name == destination:
                return zone["id"]
        for prefix in zone.get(key, []):
            bare = prefix.removeprefix("+")
            if number.startswith(bare) and set(number[:16]) <= set("0123456789*#") and len(bare) > length:
                best, length = zone["id"], len(bare)
    return best


def in_calendar(document: dict, name: str, day: date) -> bool:
    calendar = next(c for c in document["calendars"] if c["id"] == name)
    for entry in calendar["days"]:
        first, _, last = entry.partition("/")
        last = last or first
        text = day.isoformat() if first.count("-") == 2 else day.isoformat()[5:]
        if first <= text <= last or (first > last and (text >= first or text <= last)):
            return True
    return False


def band_at(document: dict, version: dict, bands: set[str], wall: datetime) -> str:
    clock = wall.time().replace(tzinfo=None)
    rows = [row for s in version.get("schedules", []) for row in s["bands"] if row["band"] in bands]
    for special in (True, False):
        for row in rows:
            if ("calendar" in row) != special:
                continue
            start = time.fromisoformat(row["from"])
            end = None if row["to"] == "24:00" else time.fromisoformat(row["to"])
            days, today, yesterday = row.get("days", DAYS), DAYS[wall.weekday()], DAYS[(wall.weekday() - 1) % 7]
            if special:
                dates = {"today": wall.date(), "yesterday": wall.date() - timedelta(days=1)}
                days = [name for name, day in dates.items() if in_calendar(document, row["calendar"], day)]
                today, yesterday = "today", "yesterday"
            if end is None or end > start:
                if today in days and clock >= start and (end is None or clock < end):
                    return row["band"]
            elif (today in days and clock >= start) or (yesterday in days and clock < end):
                return row["band"]
    raise AssertionError("no band covers the moment")


def rate_at(document: dict, record: dict, instant: datetime) -> dict:
    """The rate for an instant: the document's own, else that of the document under `fallback_document`, if any."""
    version_at(document, instant)  # before the first one the fallback prices nothing either
    home = document.get("home_networks", [])
    try:
        return own_rate_at(document, record, instant, home)
    except NoPriceError:
        if "fallback_document" not in document:
            raise
        return own_rate_at(document["fallback_document"], record, instant, home)


def own_rate_at(document: dict, record: dict, instant: datetime, home_networks: list[str]) -> dict:
    version = version_at(document, instant)
    network = record["visited_network"]
    roaming: str | None = None
    if network and not any(network.startswith(home) for home in home_networks):
        roaming = longest(version.get("roaming_zones", []), "networks", network) or "nowhere"
    zone = longest(version.get("zones", []), "prefixes", record["destination"])
    mine = [r for r in version["rates"] if r["service"] == record["service"] and r.get("roaming") == roaming]
    found = [r for r in mine if r.get("zone") == zone and zone is not None] or [r for r in mine if "zone" not in r]
    if not found:
        raise NoPriceError
    bands = {r["band"] for r in found if "band" in r}
    if not bands:
        return found[0]
    wall = instant.astimezone(ZoneInfo(document["time_zone"]))
    band = band_at(document, version, bands, wall)
    return next(r for r in found if r["band"] == band)


def in_units(value: int | str) -> int:
    return value if isinstance(value, int) else UNITS[value]


def walk(document: dict, record: dict) -> Iterator[tuple[dict, dict, int, Fraction]]:
    """(version, rate, base units, price of one) of every single increment; one of nothing for zero quantity."""
    start, at = int(record["start"].timestamp()), 0
    while at == 0 or at < record["quantity"]:
        instant = datetime.fromtimestamp(start + (at if record["service"] == "voice" else 0), UTC)
        version, rate = version_at(document, instant), rate_at(document, record, instant)
        if record["quantity"] == 0:
            yield version, rate, 0, Fraction(0)
            return
        steps = rate.get("steps") or [{"price": "0", **rate, "after": 0}]
        step = [s for s in steps if s["after"] <= at][-1]
        increment = in_units(step.get("increment", 1))
        yield version, rate, increment, Fraction(step["price"]) / in_units(step.get("per", 1))
        at += increment


def charges(document: dict, record: dict) -> list[tuple[str, Fraction]]:
    """(line, exact amount) of every single increment, the connection fee in the first."""
    result = []
    for _, rate, increment, price in walk(document, record):
        fee = Fraction(rate.get("connection_fee", "0")) if not result and record["quantity"] else Fraction(0)
        result.append((line_of(rate), increment * price + fee))
    return result


def line_of(rate: dict) -> str:
    parts = [rate["service"], rate.get("zone"), rate.get("band"), rate.get("roaming")]
    return rate.get("line") or ".".join(p for p in parts if p)


def cost(document: dict, record: dict) -> Fraction:
    exact = sum((amount for *_, amount in charges(document, record)), Fraction(0))
    return round_exactly(exact, document.get("rounding", {}).get("record"))


def lines(document: dict, records: list[dict]) -> dict[str, Fraction]:
    """Each line's rounded amount; for tariffs that don't round records."""
    exact: dict[str, Fraction] = {}
    for record in records:
        for line, amount in charges(document, record):
            exact[line] = exact.get(line, Fraction(0)) + amount
    return {line: round_exactly(amount, document.get("rounding", {}).get("line")) for line, amount in exact.items()}
