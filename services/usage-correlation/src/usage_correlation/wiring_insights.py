"""What are the shipped signals made of?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from importlib import resources
from typing import Final

from mesh.service import Job, Runtime
from usage_correlation.domain.insights.adoption import AdoptionTerms
from usage_correlation.domain.insights.churn import ChurnModel, model_from
from usage_correlation.domain.insights.countries import Countries
from usage_correlation.domain.insights.misfit import MisfitTerms
from usage_correlation.domain.insights.silence import SilenceTerms
from usage_correlation.domain.insights.spending import UnusualTerms
from usage_correlation.domain.insights.stagnation import StagnationTerms
from usage_correlation.domain.patterns.document import PatternReader
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.insights.enter_country import EnterCountry
from usage_correlation.handlers.insights.find_adopters import FindAdopters
from usage_correlation.handlers.insights.find_misfits import FindMisfits
from usage_correlation.handlers.insights.find_silence import FindSilence
from usage_correlation.handlers.insights.find_stagnation import FindStagnation
from usage_correlation.handlers.insights.find_unused import FindUnused, UnusedTerms
from usage_correlation.handlers.insights.find_unusual_spending import FindUnusualSpending
from usage_correlation.handlers.insights.rounds import Finder, LookAtClosedCycles, Pace
from usage_correlation.handlers.insights.score_churn import ChurnTerms, ScoreChurn
from usage_correlation.handlers.insights.ship_patterns import ShipPatterns, ShippedPattern
from usage_correlation.handlers.insights.told import Told
from usage_correlation.server.signals import signal_raised
from usage_correlation.settings import Settings
from usage_correlation.store.insight_care import CareContactStore
from usage_correlation.store.insight_open_cycles import PostgresOpenCycles
from usage_correlation.store.insight_patterns import PostgresShippedLog
from usage_correlation.store.insight_presence import PostgresPresences
from usage_correlation.store.insight_rounds import PostgresRounds
from usage_correlation.store.insight_subjects import devices_for_data, silent_subscriptions
from usage_correlation.store.insight_usage import PastUsageStore
from usage_correlation.store.patterns import PostgresPatternWriter
from usage_correlation.store.usage import UsageStore

_DATA: Final = "usage_correlation.domain.insights"
_FORGET_EVERY: Final = timedelta(days=1)
_INSTALL_EVERY: Final = timedelta(days=1)
_DAILY_LATENESS: Final = timedelta(hours=6)
_DAILY_PAUSE: Final = timedelta(hours=1)
PAUSED: Final = frozenset({"service-fault-usage"})
"""Shipped patterns that staff must resume: they look at every usage record, which takes time from its intake."""


@dataclass(frozen=True, slots=True)
class InsightParts:
    """What the service is given."""

    reaction: EnterCountry
    jobs: tuple[Job, ...]


def insights(runtime: Runtime, settings: Settings, directory: Directory, usage: UsageStore) -> InsightParts:
    """The shipped signals that no pattern raises, wired. Raises ModelError when the churn model can't be used."""
    store, clock = runtime.store, runtime.clock
    countries = read_countries()
    past, care = PastUsageStore(store, usage), CareContactStore(store, clock)
    told = Told(directory, past, clock)
    churn_terms = ChurnTerms(settings.churn_threshold, plan_options=plan_options(settings.churn_plan_options))
    unusual = UnusualTerms()
    misfit = MisfitTerms(settings.misfit_cycles, Fraction(str(settings.misfit_percent)))
    finders: tuple[Finder, ...] = (
        FindMisfits(directory, past, told, clock, misfit),
        ScoreChurn(read_churn_model(settings), past, care, countries, told, clock, churn_terms),
        FindStagnation(past, told, StagnationTerms()),
        FindAdopters(past, told, clock, AdoptionTerms()),
    )
    rounds = PostgresRounds(store, signal_raised, timedelta(hours=settings.insight_round_hours))
    pace = Pace(timedelta(hours=settings.insight_lateness_hours))
    looks = [
        *((each.insight, LookAtClosedCycles(each, rounds, clock, pace)) for each in finders),
        *_daily(runtime, past, told),
    ]
    pause, ships = timedelta(seconds=settings.insight_pause_seconds), settings.install_shipped_patterns
    spending = FindUnusualSpending(PostgresOpenCycles(store, signal_raised, unusual), told, clock, unusual)
    return InsightParts(
        EnterCountry(PostgresPresences, countries, clock),
        (
            *(Job(f"find-{insight}", pause, look) for insight, look in looks),
            Job("find-unusual-spend", pause, spending),
            Job("forget-old-care-contacts", _FORGET_EVERY, care.forget_old),
            *([Job("install-shipped-patterns", _INSTALL_EVERY, _shipping(runtime))] if ships else []),
        ),
    )


def _daily(runtime: Runtime, past: PastUsageStore, told: Told) -> list[tuple[str, LookAtClosedCycles]]:
    """What is looked at when so many days have gone by, not when a bill cycle is over."""
    store, clock = runtime.store, runtime.clock
    silence, unused = SilenceTerms(), UnusedTerms()
    pace = Pace(_DAILY_LATENESS)
    silent = PostgresRounds(store, signal_raised, _DAILY_PAUSE, silent_subscriptions(silence))
    devices = PostgresRounds(store, signal_raised, _DAILY_PAUSE, devices_for_data(unused))
    return [
        (FindSilence.insight, LookAtClosedCycles(FindSilence(past, told, silence), silent, clock, pace)),
        (FindUnused.insight, LookAtClosedCycles(FindUnused(told), devices, clock, pace)),
    ]


def _shipping(runtime: Runtime) -> ShipPatterns:
    clock = runtime.clock
    return ShipPatterns(
        runtime.store.unit_of_work,
        PostgresShippedLog(clock),
        lambda uow: PostgresPatternWriter(uow.connection, clock),
        PatternReader().read,
        shipped_patterns(),
        clock,
    )


def shipped_patterns() -> tuple[ShippedPattern, ...]:
    """The documents in `usage_correlation/patterns`: the id is the file's name."""
    folder = resources.files("usage_correlation") / "patterns"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    names = [each.name.removesuffix(".yaml") for each in files]
    return tuple(
        ShippedPattern(name, file.read_text("utf-8"), name in PAUSED) for name, file in zip(names, files, strict=True)
    )


def read_countries() -> Countries:
    """What is shipped of countries and networks."""
    data = resources.files(_DATA) / "data"
    countries, networks = ((data / name).read_text("utf-8") for name in ("countries.tsv", "networks.tsv"))
    return Countries(countries, networks, (resources.files("tzdata.zoneinfo") / "zone.tab").read_text("utf-8"))


def read_churn_model(settings: Settings) -> ChurnModel:
    """The operator's own model, or the shipped one, for the share of subscribers who leave here."""
    shipped = resources.files(_DATA) / "churn_model.json"
    document = settings.churn_model_file or shipped
    model = model_from(json.loads(document.read_text("utf-8")))
    return model if settings.churn_base_rate is None else model.at_base_rate(settings.churn_base_rate)


def plan_options(text: str) -> Mapping[str, frozenset[str]]:
    """`plan=option,option plan=option`, by plan. Raises ValueError for anything else."""
    found = {}
    for entry in text.split():
        plan, separator, options = entry.partition("=")
        names = frozenset(options.split(","))
        if not (plan and separator) or not names <= {"international", "voicemail"}:
            raise ValueError(
                f"churn_plan_options: expected plan=international, plan=voicemail, or both with a comma, got {entry!r}"
            )
        found[plan] = names
    return found
