"""Are subscribers found again as they were kept, and never after they were forgotten?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from gc import collect, is_tracked

from usage_samples import subscriber

from mesh.clock import FixedClock
from usage_correlation.domain.policies import PolicyTerms, SpendPolicy
from usage_correlation.domain.subscribers import PlanPeriod
from usage_correlation.handlers.known_subscribers import KnownSubscribers

NOW = datetime(2026, 3, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def known() -> KnownSubscribers:
    return KnownSubscribers(100_000, HOUR, FixedClock(NOW))


def test_each_is_found_as_it_was_kept() -> None:
    policy = SpendPolicy("p", PolicyTerms("", Fraction(1), "EUR", (80,)), NOW, NOW)
    changed = subscriber("s-2", plan_periods=(PlanPeriod("a", 0, 5), PlanPeriod("b", 5, None)))
    kept = {"s-1": subscriber("s-1"), "s-2": changed, "s-3": replace(subscriber("s-3"), policies=(policy,))}
    cache = known()
    cache.keep(kept, cache.generation)
    assert cache.find(["s-1", "s-2", "s-3", "s-4"]) == (kept, ["s-4"])
    assert len(cache) == 3


def test_what_is_forgotten_is_not_found_and_not_kept_when_it_was_asked_for_before() -> None:
    cache = known()
    generation = cache.generation
    cache.keep({"s-1": subscriber("s-1")}, generation)
    cache.find(["s-1"])
    cache.forget(["s-1"])
    cache.keep({"s-1": subscriber("s-1", plan="old")}, generation)
    assert cache.find(["s-1"]) == ({}, ["s-1"])
    cache.keep({"s-1": subscriber("s-1", plan="new")}, cache.generation)
    assert cache.find(["s-1"])[0]["s-1"].subscription.plan_periods[0].plan == "new"
    cache.clear()
    assert cache.find(["s-1"]) == ({}, ["s-1"])


def test_more_than_are_kept_whole_are_found() -> None:
    cache = known()
    many = {f"s-{number}": subscriber(f"s-{number}") for number in range(45_000)}
    cache.keep(many, cache.generation)
    for first in range(0, 45_000, 15_000):
        names = list(many)[first : first + 15_000]
        assert cache.find(names)[0] == {name: many[name] for name in names}


def test_the_garbage_collector_leaves_them_alone() -> None:
    cache = known()
    cache.keep({f"s-{number}": subscriber(f"s-{number}") for number in range(1000)}, cache.generation)
    for _ in range(6):  # a tuple is let go when all within it were let go before
        collect()
    entries = cache._compact._entries.values()
    assert not any(is_tracked(entry) for entry in entries)
