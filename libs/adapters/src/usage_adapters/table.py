"""What is a batch of rows that are taken apart but not yet understood: a column a name, problems a row?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from usage_adapters.reading import Reason, Reject, kept, shown


class Fault(Exception):  # noqa: N818  # raised for one value and always caught by the column that holds it
    """A value can't be read."""

    def __init__(self, expected: str, reason: Reason = Reason.INVALID_VALUE) -> None:
        super().__init__(expected)
        self.expected = expected
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one row is no record."""

    reason: Reason
    field: str
    value: str
    expected: str

    @property
    def description(self) -> str:
        if self.reason is Reason.MISSING_VALUE:
            return f"empty: expected {self.expected}"
        return f"{shown(self.value)!r}: expected {self.expected}" if self.field else self.expected


@dataclass(slots=True)
class Table:
    """Rows in columns. A value that a row doesn't have is empty."""

    columns: Mapping[str, Sequence[str]]
    raws: Sequence[bytes]
    places: Sequence[int]
    constants: Mapping[str, str] = field(default_factory=dict)
    """Values of the file's header record."""
    refusals: dict[int, Refusal] = field(default_factory=dict)
    """By row; of several problems the first counts."""

    def __len__(self) -> int:
        return len(self.raws)

    def refuse(self, row: int, what: str, value: str, fault: Fault) -> None:
        self.refusals.setdefault(row, Refusal(fault.reason, what, value, fault.expected))

    def reject(self, row: int, source: str, record_id: str) -> Reject:
        """The row's refusal as it is reported."""
        refusal = self.refusals[row]
        raw, complete = kept(self.raws[row])
        return Reject(
            place=self.places[row],
            reason=refusal.reason,
            field=refusal.field,
            value=shown(refusal.value),
            description=refusal.description,
            source=source,
            record_id=record_id,
            raw=raw,
            raw_complete=complete,
        )


def row_reject(place: int, reason: Reason, expected: str, raw: bytes, *, cut: int = 0) -> Reject:
    """A row that could not even be taken apart; `cut`: bytes of it that were not kept."""
    head, complete = kept(raw)
    return Reject(place, reason, "", "", expected, raw=head, raw_complete=complete and not cut)
