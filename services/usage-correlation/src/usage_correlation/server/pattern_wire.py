"""How do patterns cross the wire?"""

import re
from typing import Final

from cxmesh.usage.v1 import pattern_pb2, signal_pb2
from usage_correlation.domain.patterns.pattern import Pattern
from usage_correlation.errors import InvalidValue
from usage_correlation.handlers.patterns.ports import KeptPattern, Parked
from usage_correlation.server.wire import PATTERNS, timestamp

NOT_WRITTEN: Final = (
    "name", "revision", "display_name", "signal_kind", "slow_conditions", "create_time", "update_time", "recalling",
)  # fmt: skip
"""Fields that a caller may send back as they were read."""
PARKED_BATCHES: Final = "parkedBatches/"
_NAME: Final = re.compile(r"patterns/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHOWN_CHARACTERS: Final = 80


def pattern_message(kept: KeptPattern, read: Pattern, *, recalling: bool) -> pattern_pb2.Pattern:
    """A pattern, with what its document says; `recalling`: its past is being looked up."""
    return pattern_pb2.Pattern(
        name=f"{PATTERNS}{kept.id}",
        document=kept.document,
        paused=kept.paused,
        revision=kept.revision,
        display_name=read.name,
        signal_kind=signal_pb2.SignalKind.Value(f"SIGNAL_KIND_{read.raises.kind}"),
        slow_conditions=read.slow_conditions,
        create_time=timestamp(kept.create_time),
        update_time=timestamp(kept.update_time),
        recalling=recalling,
    )


def parked_message(parked: Parked) -> pattern_pb2.ParkedBatch:
    """A batch that was put aside."""
    return pattern_pb2.ParkedBatch(
        name=f"{PARKED_BATCHES}{parked.position}",
        event_type=parked.event_type,
        event_count=parked.event_count,
        failed_tries=parked.tries,
        reason=parked.reason,
        park_time=timestamp(parked.park_time),
    )


def pattern_id_from(name: str, field: str) -> str:
    """The id in a pattern's name, where the proto has no rule for it. Raises InvalidValue."""
    if not _NAME.fullmatch(name):
        raise InvalidValue(field, name[:_SHOWN_CHARACTERS], "the name of a pattern, patterns/…")
    return name.removeprefix(PATTERNS)
