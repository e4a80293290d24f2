"""Which spans does a trace consist of, when parts came twice, too many came, or somebody took another's ids?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apportioning.span import PROVIDER, Span


class SessionFlag(StrEnum):
    """What was wrong with the spans of a session."""

    MISSING_PARENT = "MISSING_PARENT"
    """Spans are there whose parent is not; the root may be one. Makes a session partial."""
    CYCLE = "CYCLE"
    """Spans claim to be their own ancestors. Makes a session partial."""
    TRUNCATED = "TRUNCATED"
    """More spans came than are read of one session. Makes a session partial."""
    OVERSIZED = "OVERSIZED"
    """It has more visits than lateness is apportioned among. Makes a session partial."""
    CONTESTED_SPAN = "CONTESTED_SPAN"
    """Two partners sent a span of one id. Makes a session partial."""
    FORGED_SPAN = "FORGED_SPAN"
    """A partner sent a span with the id of one of ours, which counts alone."""
    SENDER_MISMATCH = "SENDER_MISMATCH"
    """A sender claimed to be another; its spans count as its own."""
    CLOCK_SKEW = "CLOCK_SKEW"
    """A callee's clock can't be right; its spans were moved into the call. The times as sent are kept."""
    OVERFLOW = "OVERFLOW"
    """Spans outlived the one that waited for them, and were cut at its end."""
    AMBIGUOUS_CALLEE = "AMBIGUOUS_CALLEE"
    """A call that nobody answered went to an address that several partners declare: it is a visit to none of them."""


DISQUALIFYING = frozenset(
    {
        SessionFlag.MISSING_PARENT,
        SessionFlag.CYCLE,
        SessionFlag.TRUNCATED,
        SessionFlag.OVERSIZED,
        SessionFlag.CONTESTED_SPAN,
    }
)
"""A session with one of these is partial: its lateness is charged to nobody."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The spans of one trace, each id once."""

    spans: Sequence[Span]
    flags: frozenset[SessionFlag] = frozenset()


def assemble(parts: Iterable[Iterable[Span]], flags: Iterable[SessionFlag] = ()) -> Assembly:
    """The trace whose parts came in this order; `flags` are known already.

    Of spans that one sender sent twice the first counts: nobody takes back what it said. Of ours and a partner's with
    the same id, ours counts, since a partner knows the id of the call that reached it. Of two partners', whichever came
    first, the one whose name comes first: but then the session is partial.
    """
    kept: dict[bytes, Span] = {}
    rivals: dict[bytes, list[Span]] = {}
    for part in parts:
        for span in part:
            other = kept.setdefault(span.span_id, span)
            if other is not span and other.sender != span.sender:
                rivals.setdefault(span.span_id, [other]).append(span)
    raised = set(flags)
    for span_id, spans in rivals.items():
        ours = [span for span in spans if span.party == PROVIDER]
        kept[span_id] = min(ours or spans, key=lambda span: span.sender)
        if not ours:
            raised.add(SessionFlag.CONTESTED_SPAN)
        elif len(ours) < len(spans):
            raised.add(SessionFlag.FORGED_SPAN)
    return Assembly(list(kept.values()), frozenset(raised))
