"""Is what is wrong in a document told with its place, whatever it is?"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policing_documents import BASE, POLICY, SPEED, TERMS, TRACED, WITH_TERMS

from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.openslo.objectives import Defaults, read_objectives
from value_network_sla.domain.policing.openslo.tree import DocumentRefused

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def read(text: str, defaults: Defaults | None = None) -> Sequence[Objective]:
    return read_objectives(text, defaults or Defaults(), NOW)


def refused(text: str) -> list[str]:
    with pytest.raises(DocumentRefused) as error:
        read(text)
    return [str(problem) for problem in error.value.problems]


def is_sound(text: str) -> bool:
    """Whether it is read; anything else than a refusal is a defect, and shows itself."""
    try:
        read(text)
    except DocumentRefused:
        return False
    return True


WRONG = [
    ("kind: SLO", "kind: SLOO", "line 11, column 7: [1].kind: SLOO is refused; expected one of"),
    ("openslo/v1\nkind: SLO", "openslo/v2\nkind: SLO", "line 10, column 13: [1].apiVersion: openslo/v2"),
    ("name: line-speed", "name: Line_Speed", "line 13, column 9: [1].metadata.name: Line_Speed"),
    ("Timeslices", "Timeslice", "line 36, column 20: [1].spec.budgetingMethod: Timeslice is refused; expected one of"),
    ("targetPercent: 99.5", "targetPercent: 100", "line 40, column 22: [1].spec.objectives[0].targetPercent: 100"),
    ("targetPercent: 99.5", "target: 1.0", "a number from 0 to less than 1"),
    ("targetPercent: 99.5", "targetPercent: 99.5\n      target: 0.9", "one of target and targetPercent"),
    ("targetPercent: 99.5", "targetPercent: high", "[1].spec.objectives[0].targetPercent: high"),
    ("op: gte", "op: eq", "expected one of lte, gte, lt, gt"),
    ("    - op: gte\n      value: 29.95\n", "    - value: 29.95\n", "expected the key op"),
    ("      value: 29.95\n", "", "expected the key value"),
    ("timeSliceWindow: 30m", "timeSliceWindow: 30s", "expected a duration such as"),
    ("timeSliceWindow: 30m", "timeSliceWindow: 0.5", "a whole number from 1"),
    ("timeSliceWindow: 30m", "timeSliceWindow: 2M", "minutes, hours, days or weeks"),
    ("timeSliceWindow: 30m", "timeSliceWindow: 40d", "a slice no longer than the window"),
    ("      timeSliceWindow: 30m\n", "", "the key timeSliceWindow"),
    ("      timeSliceTarget: 0.9\n", "", "the key timeSliceTarget"),
    ("timeSliceTarget: 0.9", "timeSliceTarget: 0", "a number above 0 up to 1"),
    ("duration: 1M", "duration: 1x", "line 32, column 17: [1].spec.timeWindow[0].duration: 1x"),
    ("timeZone: Europe/Vienna", "timeZone: Europe/Wien", "time zone of the IANA database"),
    ("2026-01-01 00:00:00", "2026-02-30 00:00:00", "a date with time and without time zone"),
    ("2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "a date with time and without time zone"),
    ("    - duration: 1M", "    - isRolling: true\n      duration: 1M", "false, for the window has a calendar"),
    ("metricSourceRef: measured", "metricSourceRef: nothing", "the name of a DataSource of the same text"),
    ("type: cxmesh", "type: Prometheus", "cxmesh: other metric sources are not asked from here"),
    ("source: measurements", "source: guesses", "expected one of traces, measurements"),
    ("metric: download_mbps", "metric: Download Speed", "a metric's name"),
    ("metric: download_mbps", "metric: download_mbps\n            operation: x", "no operation"),
    ("metric: download_mbps", "metric: download_mbps\n            querry: x", "one of the keys metric"),
    ("partner: acme-access", "partner: Acme", "the id of a partner"),
    ('effective-from: "2026-01-01T00:00:00+01:00"', "effective-from: tomorrow", "a moment with offset"),
    ('minimum-sample: "100"', "minimum-sample: few", "a whole number"),
    ("cxmesh.io/minimum-sample", "cxmesh.io/minimum-samples", "cxmesh.io/minimum-samples is refused"),
    ("service: broadband", "service: Broad Band", "up to 63 lower-case letters"),
    ("  service: broadband\n", "", "the key service"),
    ("description: Lines are as fast as they were sold.", f"description: {'x' * 1051}", "1 to 1,050 characters"),
    ("spec:\n  description: Lines", "spec:\n  colour: red\n  description: Lines", "[1].spec.colour: colour is refused"),
    ("  service: broadband", "  service: broadband\n  service: iptv", "each key once"),
    (
        "metadata:\n      name: download",
        "metadata: &a\n      name: download\n      labels: *a",
        "aliases are not followed",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG)
def test_what_is_wrong_is_told_with_its_place(right: str, wrong: str, told: str) -> None:
    assert right in BASE
    problems = refused(BASE.replace(right, wrong, 1))
    assert any(told in problem for problem in problems), problems


WRONG_TERMS = [
    ("objectives: [line-speed]", "objectives: [line-sped]", "the name of a SLO of the same text"),
    ("partner: acme-access\n  objectives", "partner: other\n  objectives", "whom the SLO is said to be of elsewhere"),
    ("{below: 99, feePercent: 10}", "{below: 99.9, feePercent: 10}", "a lower bound than the tier before"),
    ("{below: 99, feePercent: 10}", "{below: 99, feePercent: 1}", "no less than the tier before gives back"),
    ("{below: 99, feePercent: 10}", "{below: 99}", "one of feePercent and amount"),
    ("{below: 99, feePercent: 10}", "{below: 99, feePercent: 110}", "a percentage above 0 up to 100"),
    ("amount: 12000.00, currency: EUR", "amount: 12000.001, currency: EUR", "at most 2 decimals, as EUR has"),
    ("amount: 12000.00, currency: EUR", "amount: 12000, currency: EURO", "an ISO 4217 code"),
    ("amount: 12000.00, currency: EUR", "currency: EUR", "a fee with an amount"),
    ("  fee: {amount: 12000.00, currency: EUR}\n", "", "a fee with"),
    ("claimWindow: 30d", "claimWindow: soon", "a duration such as"),
    ("kind: maintenance", "kind: holiday", "one of maintenance, forceMajeure, customerFault"),
    ("days: [sunday]", "days: [sonntag]", "one of monday"),
    ('at: "02:00"', 'at: "26:00"', "a time of day"),
    ("duration: 2h, timeZone", "duration: 8d, timeZone", "a duration of up to a week"),
    ("      until: 2026-03-01T00:00:00Z\n", "", "the key until"),
    ("until: 2026-03-01T00:00:00Z", "until: 2026-01-01T00:00:00Z", "a moment after from"),
    ("until: 2026-03-01T00:00:00Z", "until: 2026-03-01T00:00:30Z", "a whole minute"),
    ("customer: customers/c-1", "customer: c-1", "a customer, as customers/c-1"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG_TERMS)
def test_what_is_wrong_in_terms_is_told(right: str, wrong: str, told: str) -> None:
    assert right in TERMS
    problems = refused(f"{BASE}---\n{TERMS.replace(right, wrong, 1)}")
    assert any(told in problem for problem in problems), problems


WRONG_RATIOS = [
    ("metric: successes", "metric: visits", "successes, of traces"),
    ("metric: successes, operation: OpenLine", "metric: successes", "the same source, operation and resource"),
    ("    good:\n", "    raw:\n", "good and total, or bad and total, or raw and rawType"),
    ("  ratioMetric:\n", "  ratioMetric:\n    counter: true\n", "false: what comes in counts its own stretch"),
    ("indicatorRef: answers", "indicatorRef: nothing", "the name of a SLI of the same text"),
    ("    - target: 0.99\n", "    - {target: 0.99, value: 3}\n", "no value, for the metric is a ratioMetric"),
    ("    - target: 0.99\n", "    - {target: 0.99, timeSliceWindow: 5m}\n", "no slices, for Occurrences counts events"),
    ("      isRolling: true\n", "", "isRolling: true, or a calendar"),
    ("duration: 28d", "duration: 1M", "months roll unevenly"),
    ("isRolling: true", "isRolling: yes", "true or false"),
    ("kind: SLI", "kind: SLO", "the key service"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG_RATIOS)
def test_what_is_wrong_in_ratios_and_rolling_windows_is_told(right: str, wrong: str, told: str) -> None:
    assert right in TRACED
    problems = refused(TRACED.replace(right, wrong, 1))
    assert any(told in problem for problem in problems), problems


WRONG_POLICIES = [
    ("conditionRef: burns", "conditionRef: nothing", "the name of a AlertCondition"),
    ("kind: burnrate", "kind: weather", "expected burnrate"),
    ("threshold: 2.5", "threshold: 0", "a burn rate above 0"),
    ("lookbackWindow: 2h", "lookbackWindow: 1M", "up to 31 days"),
    ("short-window: 10m", "short-window: 3h", "no longer than lookbackWindow"),
    ("  severity: page\n", "", "the key severity"),
    ("minimum-events", "least-events", "cxmesh.io/least-events is refused"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG_POLICIES)
def test_what_is_wrong_in_policies_is_told(right: str, wrong: str, told: str) -> None:
    assert right in POLICY
    problems = refused(BASE + POLICY.replace(right, wrong, 1))
    assert any(told in problem for problem in problems), problems


def test_all_that_is_wrong_is_told_at_once_in_order_of_lines() -> None:
    text = BASE.replace("gte", "eq").replace("99.5", "high").replace("1M", "1x")
    lines = [int(problem.split(",")[0].removeprefix("line ")) for problem in refused(text)]
    assert len(lines) >= 3
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---",
        "- a",
        "5",
        "kind: SLO",
        "{",
        "a: b: c",
        "\x00",
        "[" * 100,
        "&a [*a]",
        BASE.split("---")[0],
        "a: !!python/object:os.system x",
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    assert refused(text)


def test_an_object_is_named_once() -> None:
    assert any("each SLO once" in problem for problem in refused(f"{BASE}---\n{SPEED}"))


def test_credits_are_of_periods() -> None:
    text = TRACED + "---\n" + TERMS.replace("line-speed", "open-line")
    assert any("a calendar window" in problem for problem in refused(text))


@given(text=st.text(max_size=200))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    assert read(text) if is_sound(text) else refused(text)


@given(data=st.data())
def test_a_document_that_lost_lines_or_has_them_twice_is_read_or_refused(data: st.DataObject) -> None:
    lines = WITH_TERMS.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place : place + 1] = data.draw(st.sampled_from([[], [lines[place]] * 2, [lines[place] + " x"]]))
    text = "\n".join(lines)
    assert read(text) if is_sound(text) else refused(text)
