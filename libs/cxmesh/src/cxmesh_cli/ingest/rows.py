"""What is sent together, and what became of it?"""

from collections import Counter
from dataclasses import dataclass, field

from usage_adapters.reading import Chunk, Mark, Reject


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one chunk of a file."""

    end: Mark
    """Where the file goes on after it."""
    accepted: int = 0
    duplicates: int = 0
    skipped: int = 0
    rejects: list[Reject] = field(default_factory=list)
    """Of the adapter and of the service, by place."""
    context: str = ""
    """What is needed beside a reject's raw row to read it again."""

    @classmethod
    def of(cls, chunk: Chunk, accepted: int = 0, duplicates: int = 0, refused: list[Reject] | None = None) -> "Outcome":
        rejects = sorted([*chunk.rejects, *(refused or ())], key=lambda reject: reject.place)
        return cls(chunk.end, accepted, duplicates, chunk.skipped, rejects, chunk.context)


@dataclass(slots=True)
class Counts:
    """What became of the rows of a file so far."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    """Records that the mesh had before, with the same content."""
    rejected: int = 0
    skipped: int = 0
    """Rows that are no usage on purpose."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Rejected rows by reason."""

    def add(self, outcome: Outcome) -> None:
        self.rows = outcome.end.rows
        self.accepted += outcome.accepted
        self.duplicates += outcome.duplicates
        self.rejected += len(outcome.rejects)
        self.skipped += outcome.skipped
        for reason, count in Counter(reject.reason for reject in outcome.rejects).items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
