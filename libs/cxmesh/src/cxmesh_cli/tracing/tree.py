"""In which order and at which depth do the spans of one trace stand, when some may be missing or early?"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceSpan:
    span_id: str
    parent_id: str
    """Empty for a root."""
    name: str
    service: str
    partner: str
    """The partner whose credentials sent the span; empty for the operator's own."""
    start_ns: int
    """Unix time."""
    end_ns: int
    kind: str = ""
    """OpenTelemetry's span kind: SERVER, CLIENT, PRODUCER, CONSUMER or INTERNAL."""
    error: str = ""
    """What failed; empty when nothing did."""
    claims_other_sender: bool = False
    """The span names another partner than the certificate that it came with."""

    @property
    def duration_ns(self) -> int:
        return max(0, self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class Row:
    span: TraceSpan
    branches: tuple[bool, ...]
    """For each level from the root's children down: does the line go on below this row?"""
    orphan: bool
    """Its parent is named but was never received."""


def arrange(spans: Sequence[TraceSpan]) -> list[Row]:
    """Depth first, children by start.

    A span whose parent is missing stands as a root, so that nothing is lost; a span that is its own ancestor
    (broken instrumentation) is cut off at the repetition.
    """
    known = {span.span_id for span in spans}
    children: dict[str, list[TraceSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.start_ns, span.end_ns, span.span_id)):
        children[span.parent_id if span.parent_id in known else ""].append(span)
    placed: set[str] = set()
    rows: list[Row] = []
    for root in children[""]:
        rows.extend(_walk(root, (), children, placed))
    for span in spans:  # what is left are circles
        if span.span_id not in placed:
            rows.extend(_walk(span, (), children, placed))
    return rows


def _walk(
    root: TraceSpan, branches: tuple[bool, ...], children: dict[str, list[TraceSpan]], placed: set[str]
) -> Iterator[Row]:
    """With a stack of its own: a trace may be deeper than Python's recursion limit."""
    stack = [(root, branches)]
    while stack:
        span, lines = stack.pop()
        if span.span_id in placed:
            continue
        placed.add(span.span_id)
        yield Row(span, lines, orphan=bool(span.parent_id) and not lines)
        below = children[span.span_id]
        last = len(below) - 1
        stack.extend((child, (*lines, place < last)) for place, child in reversed(list(enumerate(below))))
