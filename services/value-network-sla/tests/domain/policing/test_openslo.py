"""Is a document read as OpenSLO v1 says, and is what is wrong in it told with its place?"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from policing_documents import BASE, POLICY, TRACED, WITH_TERMS

from value_network_sla.domain.credits import CreditTier
from value_network_sla.domain.money import Money
from value_network_sla.domain.policing.budget import Budgeting, Target
from value_network_sla.domain.policing.burn import DEFAULT_CONDITIONS
from value_network_sla.domain.policing.exclusions import Exclusion, ExclusionKind, Weekly
from value_network_sla.domain.policing.objective import Indicator, Input, Objective, Op, Role, Source
from value_network_sla.domain.policing.openslo.objectives import Defaults, read_objectives
from value_network_sla.domain.policing.openslo.tree import DocumentRefused
from value_network_sla.domain.policing.windows import CalendarWindow, Duration, RollingWindow, Unit

DOCS = Path(__file__).parents[3] / "docs" / "policing.md"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(text: str, defaults: Defaults | None = None) -> Sequence[Objective]:
    return read_objectives(text, defaults or Defaults(), NOW)


def refused(text: str) -> list[str]:
    with pytest.raises(DocumentRefused) as error:
        read(text)
    return [str(problem) for problem in error.value.problems]


def test_a_threshold_in_slices_of_a_calendar_is_read() -> None:
    [objective] = read(BASE)
    assert objective.name == "objectives/line-speed"
    assert (objective.partner, objective.service, objective.minimum_sample) == (
        "partners/acme-access",
        "broadband",
        100,
    )
    assert objective.indicator == Indicator(
        "download",
        Source.MEASUREMENTS,
        (Input(Role.THRESHOLD, "download_mbps"),),
        op=Op.GTE,
        bound=Fraction("29.95"),
    )
    assert objective.target == Target(Budgeting.TIMESLICES, Fraction("0.995"), Fraction("0.9"))
    assert objective.slice == timedelta(minutes=30)
    midnight = datetime.fromisoformat("2026-01-01")
    assert objective.window == CalendarWindow(Duration(1, Unit.MONTH), midnight, "Europe/Vienna")
    assert objective.effective_time == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert objective.conditions == DEFAULT_CONDITIONS


def test_a_ratio_of_events_in_a_rolling_window_is_read_and_each_objective_has_a_name() -> None:
    first, second = read(TRACED)
    assert [first.name, second.name] == ["objectives/open-line.1", "objectives/open-line.2"]
    assert second.display_name == "Mostly"
    assert first.indicator.inputs == (Input(Role.GOOD, "successes"), Input(Role.TOTAL, "visits"))
    assert first.indicator.operation == "OpenLine"
    assert first.window == RollingWindow(timedelta(days=28))
    assert [each.target.target for each in (first, second)] == [Fraction("0.99"), Fraction("0.9")]


def test_the_average_of_slices_needs_no_slice_target() -> None:
    text = BASE.replace("Timeslices", "RatioTimeslices").replace("      timeSliceTarget: 0.9\n", "")
    assert read(text)[0].target.method is Budgeting.RATIO_TIMESLICES


def test_terms_hold_for_the_slos_that_they_name() -> None:
    [objective] = read(WITH_TERMS)
    assert objective.minimum_sample == 100  # the SLO's own word
    assert objective.terms is not None
    terms = objective.terms.credits
    assert terms.fee == Money(12_000_000_000, "EUR")
    assert terms.tiers == (
        CreditTier(Fraction("0.995"), Fraction(5, 100)),
        CreditTier(Fraction("0.99"), Fraction(10, 100)),
        CreditTier(Fraction("0.95"), None, Money(5_000_000_000, "EUR")),
    )
    assert (terms.cap_fee_share, terms.cap_amount) == (Fraction(1, 2), Money(4_000_000_000, "EUR"))
    assert (terms.claim_window, terms.minimum_sample) == (timedelta(days=30), 500)
    assert objective.exclusions == (
        Exclusion(
            ExclusionKind.MAINTENANCE,
            "announced work",
            datetime(2026, 1, 1, tzinfo=UTC),
            None,
            Weekly(frozenset({6}), time(2), timedelta(hours=2), "Europe/Vienna"),
        ),
        Exclusion(
            ExclusionKind.CUSTOMER_FAULT,
            "own modem",
            datetime(2026, 2, 1, tzinfo=UTC),
            datetime(2026, 3, 1, tzinfo=UTC),
            customer="customers/c-1",
        ),
    )


def test_alert_policies_replace_the_defaults() -> None:
    [objective] = read(BASE + POLICY)
    [condition] = objective.conditions
    assert (condition.name, condition.severity, condition.threshold) == ("burns", "page", Fraction("2.5"))
    assert (condition.long, condition.short) == (timedelta(hours=2), timedelta(minutes=10))
    assert (condition.strict, condition.alert_after, condition.minimum_events) == (True, timedelta(minutes=5), 3)
    assert (condition.when_breaching, condition.when_resolved, condition.when_no_data) == (True, False, True)


def test_the_short_window_is_a_twelfth_and_a_delay_of_nothing_is_none() -> None:
    text = POLICY.replace('  annotations: {cxmesh.io/short-window: 10m, cxmesh.io/minimum-events: "3"}\n', "")
    [condition] = read(BASE + text.replace("alertAfter: 5m", "alertAfter: 0m"))[0].conditions
    assert (condition.short, condition.alert_after) == (timedelta(minutes=10), timedelta(0))


def test_what_the_text_leaves_open_the_caller_may_say() -> None:
    text = "\n".join(line for line in BASE.splitlines() if "cxmesh.io" not in line and "annotations" not in line)
    [objective] = read(text, Defaults("partners/acme-access", NOW))
    assert (objective.partner, objective.effective_time) == ("partners/acme-access", NOW)
    problems = refused(text)
    assert any("cxmesh.io/partner" in problem for problem in problems)
    assert any("cxmesh.io/effective-from" in problem for problem in problems)


def test_the_example_of_the_documentation_is_read() -> None:
    text = DOCS.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    [objective] = read(text)
    assert objective.terms is not None
    assert len(objective.terms.credits.tiers) == 3


def test_json_is_read_as_well() -> None:
    documents = list(yaml.load_all(BASE, yaml.BaseLoader))
    documents[1]["spec"]["timeWindow"][0].pop("isRolling", None)
    objective = documents[1]["spec"]["objectives"][0]
    objective |= {"value": 29.95, "targetPercent": 99.5, "timeSliceTarget": 0.9}
    text = "\n---\n".join(json.dumps(each, indent=1) for each in documents)
    assert read(text) == read(BASE)


@pytest.mark.parametrize("method", ["Occurrences", "Timeslices", "RatioTimeslices"])
def test_every_budgeting_method_is_known(method: str) -> None:
    text = BASE.replace("budgetingMethod: Timeslices", f"budgetingMethod: {method}")
    if method == "Occurrences":
        text = text.replace("      timeSliceTarget: 0.9\n      timeSliceWindow: 30m\n", "")
    assert read(text)[0].target.method.value == method
