"""Random sound tariff documents, and random usage that they may or may not price."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

ZONES = [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # clocks change by 30 minutes
    "America/St_Johns",
    "Africa/Casablanca",  # changes twice around Ramadan
]
METHODS = ["up", "down", "half_up", "half_down", "half_even"]
SERVICES = ["voice", "sms", "data", "mms", "content", "iptv"]
WEEKDAYS, WEEKEND = ["mon", "tue", "wed", "thu", "fri"], ["sat", "sun"]
DAYS = ["2026-03-08", "2026-03-29/2026-04-04", "12-31", "12-24/01-06", "02-29", "10-25/11-01", "2026-03-28"]
# Weeks in which clocks change somewhere, a leap day, and a year's turn.
MOMENTS = [
    datetime(2026, 3, 8, 5, tzinfo=UTC),
    datetime(2026, 3, 28, 23, tzinfo=UTC),
    datetime(2026, 10, 25, 0, tzinfo=UTC),
    datetime(2026, 11, 1, 4, tzinfo=UTC),
    datetime(2026, 4, 4, 14, tzinfo=UTC),
    datetime(2028, 2, 28, 20, tzinfo=UTC),
    datetime(2026, 12, 31, 20, tzinfo=UTC),
]


def amount(r: Random) -> str:
    return f"{r.randint(0, 3)}.{r.randint(0, 99999):05d}" if r.random() < 0.8 else str(r.randint(0, 9))


def rounding(r: Random) -> dict[str, Any]:
    levels = {level: {"method": r.choice(METHODS), "decimals": r.randint(0, 5)} for level in ("record", "line", "bill")}
    return {level: rule for level, rule in levels.items() if r.random() < 0.4}


def cuts(r: Random) -> list[str]:
    minutes = sorted(r.sample(range(0, 24 * 60, 15), r.randint(1, 4)))
    return [f"{m // 60:02d}:{m % 60:02d}" for m in minutes]


def rows_around_the_clock(r: Random, bands: list[str]) -> list[dict[str, Any]]:
    edges = cuts(r)
    follow = edges[1:] + edges[:1]
    return [{"band": r.choice(bands), "from": low, "to": high} for low, high in zip(edges, follow, strict=True)]


def rows_by_day(r: Random, bands: list[str], days: list[str]) -> list[dict[str, Any]]:
    edges = ["00:00", *(cut for cut in cuts(r) if cut != "00:00"), "24:00"]
    return [{"band": r.choice(bands), "days": days, "from": low, "to": high} for low, high in pairwise(edges)]


def schedule(r: Random, name: str) -> dict[str, Any]:
    bands = [f"{name}-{i}" for i in range(r.randint(1, 3))]
    if r.random() < 0.5:
        rows = rows_around_the_clock(r, bands)
    else:
        rows = rows_by_day(r, bands, WEEKDAYS) + rows_by_day(r, bands, WEEKEND)
    if r.random() < 0.4:
        low, high = r.choice([("00:00", "24:00"), ("09:30", "20:00"), ("20:00", "03:00"), ("00:30", "00:30")])
        rows.append({"band": f"{name}-special", "calendar": "turns", "from": low, "to": high})
    return {"id": name, "bands": rows}


def zones(r: Random) -> list[dict[str, Any]]:
    prefixes = r.sample(["1", "12", "1242", "44", "4420", "447", "43", "4366", "881", "*1", "118811"], r.randint(1, 8))
    found: list[dict[str, Any]] = [{"id": f"z{i}", "prefixes": [p]} for i, p in enumerate(prefixes)]
    if r.random() < 0.5:
        found.append({"id": "words", "names": ["horoscope", "ring-tone"]})
    if r.random() < 0.6:
        found.append({"id": "rest", "default": True})
    return found


def priced(r: Random, service: str) -> dict[str, Any]:
    per = {"voice": ["second", "minute", 7], "data": ["kilobyte", "megabyte", "mebibyte", 3]}.get(service, [1, 2])
    increments = {"voice": [1, 6, 30, "minute", 7], "data": [1, 100, "kilobyte", 1024]}.get(service, [1, 2])
    if r.random() < 0.5:
        rate: dict[str, Any] = {"price": amount(r), "per": r.choice(per), "increment": r.choice(increments)}
    else:
        steps, after = [], 0
        for _ in range(r.randint(1, 3)):
            increment = r.choice([i for i in increments if isinstance(i, int)])
            steps.append({"after": after, "price": amount(r), "per": r.choice(per), "increment": increment})
            after += increment * r.randint(1, 20)
        rate = {"steps": steps}
    if r.random() < 0.3:
        rate["connection_fee"] = amount(r)
    return rate


def version(r: Random, start: str, number: int) -> dict[str, Any]:
    schedules = [schedule(r, f"s{number}{i}") for i in range(r.randint(0, 2))]
    zone_list, roaming = zones(r), [{"id": "eu", "networks": ["232", "23430"]}, {"id": "world", "default": True}]
    rates = []
    for service in SERVICES:
        wanted = [None, *(z["id"] for z in zone_list)]
        for zone in r.sample(wanted, r.randint(1, min(4, len(wanted)))):
            for abroad in [None, *(["eu"] if r.random() < 0.3 else []), *(["world"] if r.random() < 0.2 else [])]:
                base = {"service": service} | ({"zone": zone} if zone else {}) | ({"roaming": abroad} if abroad else {})
                if schedules and r.random() < 0.7:
                    names = dict.fromkeys(row["band"] for row in r.choice(schedules)["bands"])
                    rates += [base | {"band": band} | priced(r, service) for band in names]
                else:
                    rates.append(base | priced(r, service))
    r.shuffle(rates)
    return {"from": start, "schedules": schedules, "zones": zone_list, "roaming_zones": roaming, "rates": rates}


def document(r: Random) -> dict[str, Any]:
    change = (r.choice(MOMENTS) + timedelta(minutes=r.randint(-300, 300))).isoformat()
    starts = ["2026-01-15", change] if r.random() < 0.4 else ["2025-07-01"]
    return {
        "format": "cxmesh-tariff/1",
        "id": "random",
        "name": "Random",
        "currency": r.choice(["EUR", "USD", "JPY", "KWD"]),
        "time_zone": r.choice(ZONES),
        "home_networks": ["23201", "310"],
        "calendars": [{"id": "turns", "days": r.sample(DAYS, r.randint(1, 4))}],
        "rounding": rounding(r),
        "versions": [version(r, start, number) for number, start in enumerate(starts)],
    }


def record(r: Random) -> dict[str, Any]:
    service = r.choice(["voice", "voice", "voice", *SERVICES])
    longest = {"voice": r.choice([90, 600, 20_000]), "data": 20_000}.get(service, 3)
    tail = "".join(r.choices("0123456789", k=r.randint(0, 9)))
    head = r.choice(["1", "+1242", "4420", "+447", "43", "4366", "881", "*1", "118811", "99", ""])
    words = service in ("content", "iptv") and r.random() < 0.5
    return {
        "service": service,
        "start": r.choice(MOMENTS) + timedelta(seconds=r.randint(-20_000, 20_000)),
        "quantity": 0 if r.random() < 0.05 else r.randint(1, longest),
        "destination": r.choice(["horoscope", "ring-tone", "unheard-of"]) if words else head + tail,
        "visited_network": r.choice(["", "", "", "23201", "31041", "23203", "23430", "50501"]),
    }


def rich_document(r: Random) -> dict[str, Any]:
    """A document whose rates and allowances use everything that a tariff may have, and meet often."""
    found = document(r)
    for each in found["versions"]:
        # Something for everybody, so that most records have a price.
        anywhere = {rate["service"] for rate in each["rates"] if not {"zone", "roaming"} & set(rate)}
        each["rates"] += [{"service": s, **priced(r, s)} for s in SERVICES if s not in anywhere]
        each["rates"] = [rich_rate(r, rate) for rate in each["rates"]]
        lines = sorted({(line_of(rate), rate["service"]) for rate in each["rates"]})
        each["allowances"] = [allowance(r, name, lines) for name in r.sample(["a", "b", "c", "m"], r.randint(1, 4))]
        each.update(bill_rules(r, sorted({line for line, _ in lines})))
    return found


def bill_rules(r: Random, lines: list[str]) -> dict[str, Any]:
    """Recurring charges and rules for bills as a whole."""

    def some_lines() -> dict[str, Any]:
        chosen = [*lines, "recurring"]
        return {"lines": r.sample(chosen, r.randint(1, len(chosen)))} if r.random() < 0.5 else {}

    fees = [{"name": "Fee", "amount": amount(r), "proration": r.choice(["none", "by_day"])} for _ in range(2)]
    rules: dict[str, Any] = {"recurring": [fees[0], {"line": "option", **fees[1]}]}
    rules["one_offs"] = [{"id": name, "name": name, "amount": amount(r)} for name in ("activation", "visit")]
    if r.random() < 0.4:
        rules["commitment"] = {"name": "Least", "amount": str(r.randint(1, 200)), **some_lines()}
    discounts = [r.choice([{"percent": str(r.randint(0, 100))}, {"amount": amount(r)}]) for _ in range(r.randint(0, 2))]
    rules["discounts"] = [{"id": str(n), "name": "Less", **each, **some_lines()} for n, each in enumerate(discounts)]
    taxes = [{"percent": r.choice(["20", "7.7"]), "included": r.random() < 0.3} for _ in range(r.randint(0, 2))]
    rules["taxes"] = [{"id": str(n), "name": "Tax", **each, **some_lines()} for n, each in enumerate(taxes)]
    return rules


def line_of(rate: dict[str, Any]) -> str:
    parts = [rate["service"], rate.get("zone"), rate.get("band"), rate.get("roaming")]
    return rate.get("line") or ".".join(p for p in parts if p)


def rich_rate(r: Random, rate: dict[str, Any]) -> dict[str, Any]:
    rate = dict(rate)
    per = {"voice": "minute", "data": "kilobyte"}.get(rate["service"], 1)
    kind = r.choice(["plain", "plain", "plain", "plain", "graduated", "volume", "package", "flat", "percentage"])
    if kind != "plain":
        for key in ("price", "per", "increment", "steps", "connection_fee"):
            rate.pop(key, None)
    if kind in ("graduated", "volume"):
        # Round ends, which totals of round quantities meet.
        ends = sorted(r.sample([1, 2, 3, 30, 60, 90, 120, 240, 300, 600], r.randint(0, 2)))
        tiers = [{"price": amount(r), "per": per} for _ in range(len(ends) + 1)]
        rate[kind] = [{**tier, "up_to": end} for tier, end in zip(tiers, ends, strict=False)] + tiers[-1:]
    elif kind == "package":
        rate[kind] = {"size": r.choice([1, 7, 60, 300]), "price": amount(r)}
    elif kind in ("flat", "percentage"):
        rate[kind] = amount(r)
    if kind in ("graduated", "package") and r.random() < 0.5:
        rate["increment"] = r.choice([1, 7, 60])
    return rate | rich_extras(r, rate, cyclic=kind in ("graduated", "volume", "package"))


def rich_extras(r: Random, rate: dict[str, Any], *, cyclic: bool) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if r.random() < 0.5:
        extras["line"] = rate["service"]
    if r.random() < 0.15:
        extras["free_records"] = r.randint(1, 2)
    if r.random() < 0.3:
        then = "free" if cyclic else r.choice(["free", "cut_off"])
        extras["maximum"] = {"amount": r.choice(["0.5", "1", "2.75", amount(r)]), "then": then}
    if r.random() < 0.2:
        extras["percentage"] = amount(r)
    if r.random() < 0.3 and "flat" not in rate:
        extras["connection_fee"] = amount(r)
    return extras


def allowance(r: Random, name: str, lines: list[tuple[str, str]]) -> dict[str, Any]:
    if name == "m":
        covers = [{"line": line} for line, _ in r.sample(lines, r.randint(1, len(lines)))]
        money = {"id": name, "name": name, "unit": "money", "amount": amount(r), "covers": covers}
        return money | ({"proration": "by_day"} if r.random() < 0.5 else {})
    service = r.choice(["voice", "voice", "voice", *sorted({service for _, service in lines})])
    base = {"voice": "second", "data": "byte", "sms": "message", "mms": "message"}.get(service, "event")
    mine = [line for line, of in lines if of == service]
    chosen = mine if r.random() < 0.6 else r.sample(mine, r.randint(1, len(mine)))
    factors = [{"factor": r.choice(["5", "0.5", "0.7", "1.25"])} if r.random() < 0.4 else {} for _ in chosen]
    covers = [{"line": line, **factor} for line, factor in zip(chosen, factors, strict=True)]
    found = {"id": name, "name": name, "unit": base, "amount": str(r.randint(1, 900)), "covers": covers}
    found["priority"] = r.randint(0, 2)
    found["rollover_cycles"] = r.choice([0, 0, 1])
    found["proration"] = r.choice(["none", "by_day"])
    found["shared"] = r.random() < 0.3
    if r.random() < 0.3:
        found["price"] = amount(r)
    if r.random() < 0.4:
        found["block"] = {"size": str(r.choice([1, 7, 30, 50])), "price": amount(r), "at_most": r.randint(1, 4)}
    return found


def rich_record(r: Random) -> dict[str, Any]:
    """Usage at home more often than not, in round quantities often, and close together in time."""
    found = record(r)
    found["quantity"] = r.choice([min(found["quantity"], 900), 30, 60, 90, 120, 300])
    if r.random() < 0.5:
        found["visited_network"] = ""
    return found | {"value_micros": r.choice([0, 0, 1_500_000, 999_999])}
