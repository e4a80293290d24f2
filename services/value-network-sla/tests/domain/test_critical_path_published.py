"""Do the published cases of CRISP and the Jaeger UI come out as their authors expect?"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from apportioning.critical_path import CriticalPath, critical_path
from apportioning.ordering import CRISP, JAEGER, OrderRule
from apportioning.span import Span, SpanKind
from apportioning.timeline import timeline_of
from apportioning.trace_tree import TraceTree, grow_tree

_CASES = sorted((Path(__file__).parents[1] / "data" / "critical_path").glob("*.json"))


def _case(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def _span(raw: dict[str, Any]) -> Span:
    return Span(
        span_id=raw["span_id"].encode(),
        parent_id=(raw["parent_id"] or "").encode(),
        sender=f"services/{raw['service']}",
        operation=f"[{raw['service']}] {raw['operation']}",
        kind=SpanKind(raw["kind"].upper()) if raw["kind"] else SpanKind.UNSPECIFIED,
        start_ns=raw["start_us"] * 1000,
        end_ns=raw["end_us"] * 1000,
    )


def _walk(case: dict[str, Any], rule: OrderRule) -> tuple[TraceTree, CriticalPath]:
    spans = [_span(raw) for raw in case["spans"]]
    root = next(span for span in spans if not span.parent_id)
    tree = grow_tree(spans, root.span_id)
    return tree, critical_path(timeline_of(tree), rule)


def _microseconds_by_operation(tree: TraceTree, path: CriticalPath) -> dict[str, int]:
    total: Counter[str] = Counter()
    for number, nanoseconds in enumerate(path.exclusive):
        total[tree.spans[tree.order[number]].operation] += nanoseconds // 1000
    return {operation: microseconds for operation, microseconds in total.items() if microseconds}


def test_all_published_cases_are_here() -> None:
    assert len(_CASES) == 23


@pytest.mark.parametrize("path", _CASES, ids=lambda path: path.stem)
def test_exclusive_times_are_those_expected_under_the_rule_of_the_case(path: Path) -> None:
    case = _case(path)
    tree, result = _walk(case, JAEGER if case["id"].startswith("jaeger") else CRISP)
    assert _microseconds_by_operation(tree, result) == case["expected"]["cp_exclusive_by_op"]
    assert sum(result.exclusive) == tree.spans[tree.root].duration_ns


@pytest.mark.parametrize("path", [path for path in _CASES if path.stem.startswith("crisp")], ids=lambda path: path.stem)
def test_crisp_cases_under_the_rule_of_jaeger(path: Path) -> None:
    case = _case(path)
    tree, result = _walk(case, JAEGER)
    assert _microseconds_by_operation(tree, result) == case["jaeger_rule_exclusive_by_op"]


@pytest.mark.parametrize(
    "path", [path for path in _CASES if path.stem.startswith("jaeger")], ids=lambda path: path.stem
)
def test_sections_of_the_path_are_those_expected(path: Path) -> None:
    case = _case(path)
    tree, result = _walk(case, JAEGER)
    sections = [
        [tree.spans[tree.order[section.node]].span_id.decode(), section.start // 1000, section.end // 1000]
        for section in result.sections
    ]
    assert sections == case["expected"]["sections"]
