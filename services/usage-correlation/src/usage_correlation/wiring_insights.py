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
from usage_correlation.domain.insights.spending import UnusualTerms
from usage_correlation.domain.insights.stagnation import StagnationTerms
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.insights.enter_country import EnterCountry
from usage_correlation.handlers.insights.find_adopters import FindAdopters
from usage_correlation.handlers.insights.find_misfits import FindMisfits
from usage_correlation.handlers.insights.find_stagnation import FindStagnation
from usage_correlation.handlers.insights.find_unusual_spending import FindUnusualSpending
from usage_correlation.handlers.insights.rounds import Finder, LookAtClosedCycles, Pace
from usage_correlation.handlers.insights.score_churn import ChurnTerms, ScoreChurn
from usage_correlation.handlers.insights.told import Told
from usage_correlation.server.signals import signal_raised
from usage_correlation.settings import Settings
from usage_correlation.store.insight_care import CareContactStore
from usage_correlation.store.insight_open_cycles import PostgresOpenCycles
from usage_correlation.store.insight_presence import PostgresPresences
from usage_correlation.store.insight_rounds import PostgresRounds
from usage_correlation.store.insight_usage import PastUsageStore
from usage_correlation.store.usage import UsageStore

_DATA: Final = "usage_correlation.domain.insights"
_FORGET_EVERY: Final = timedelta(days=1)


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
    pause = timedelta(seconds=settings.insight_pause_seconds)
    spending = FindUnusualSpending(PostgresOpenCycles(store, signal_raised, unusual), told, clock, unusual)
    return InsightParts(
        EnterCountry(PostgresPresences, countries, clock),
        (
            *(Job(f"find-{each.insight}", pause, LookAtClosedCycles(each, rounds, clock, pace)) for each in finders),
            Job("find-unusual-spend", pause, spending),
            Job("forget-old-care-contacts", _FORGET_EVERY, care.forget_old),
        ),
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
