"""How many of the published critical paths come out as their authors expect, each under the rule that it expects?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apportioning.critical_path import critical_path
from apportioning.ordering import CRISP, JAEGER, OrderRule
from apportioning.span import Span, SpanKind
from apportioning.timeline import timeline_of
from apportioning.trace_tree import TraceTree, grow_tree
from tests.bench.figures import Figure

_CASES = Path(__file__).resolve().parents[2] / "services/value-network-sla/tests/data/critical_path"
Case = dict[str, Any]
"""As its JSON has it."""


def right_paths() -> Figure:
    """The share of cases; beside it the naive answer, that every span's own time counts."""
    cases: list[Case] = [json.loads(file.read_text()) for file in sorted(_CASES.glob("*.json"))]
    right = naive = 0
    for case in cases:
        expected: dict[str, int] = case["expected"]["cp_exclusive_by_op"]
        tree = _tree(case)
        found = _by_operation(tree, critical_path(timeline_of(tree), _rule(case)).exclusive)
        right += found == expected
        naive += _by_operation(tree, _own(tree)) == expected
        if found != expected:
            print(f"  WRONG {case['id']}: {found}, expected {expected}")
    print(f"{right} of {len(cases)} published critical paths are right under the rule that each expects")
    return Figure.against(right / len(cases), naive / len(cases), "share of cases")


def _rule(case: Case) -> OrderRule:
    return JAEGER if case["id"].startswith("jaeger") else CRISP


def _tree(case: Case) -> TraceTree:
    spans = [
        Span(
            span_id=raw["span_id"].encode(),
            parent_id=(raw["parent_id"] or "").encode(),
            sender=f"services/{raw['service']}",
            operation=f"[{raw['service']}] {raw['operation']}",
            kind=SpanKind(raw["kind"].upper()) if raw["kind"] else SpanKind.UNSPECIFIED,
            start_ns=raw["start_us"] * 1000,
            end_ns=raw["end_us"] * 1000,
        )
        for raw in case["spans"]
    ]
    return grow_tree(spans, next(span.span_id for span in spans if not span.parent_id))


def _own(tree: TraceTree) -> list[int]:
    lasting = [tree.ends[number] - tree.starts[number] for number in tree.order]
    below = [sum(tree.ends[c] - tree.starts[c] for c in tree.children[number]) for number in tree.order]
    return [max(0, whole - within) for whole, within in zip(lasting, below, strict=True)]


def _by_operation(tree: TraceTree, nanoseconds: Sequence[int]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for number, each in enumerate(nanoseconds):
        total[tree.spans[tree.order[number]].operation] += each // 1000
    return {operation: microseconds for operation, microseconds in total.items() if microseconds}
