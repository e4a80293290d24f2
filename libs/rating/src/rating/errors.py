"""What can go wrong in rating, and what does each error tell its reader?

RatingError
├── DocumentError    a tariff document is refused: every problem with its path, line, value and expectation
├── InvalidRecord    a usage record can't be rated whatever the tariff: a field is out of its range
├── Unrated          the record is sound, but this tariff has no price for it
└── NotComparable    plans were compared that have no common measure (two currencies, usage outside the cycles)
"""

from dataclasses import dataclass


class RatingError(ValueError):
    """A value was refused: `field` names it, `value` is what it was, `expected` says what would have been right."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: {value!r} is refused; expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class InvalidRecord(RatingError):  # noqa: N818  # the name says what is wrong
    """A usage record can't be rated whatever the tariff."""


class Unrated(RatingError):  # noqa: N818  # the name says what is wrong
    """A sound usage record for which the tariff has no price."""


class NotComparable(RatingError):  # noqa: N818  # the name says what is wrong
    """Plans or usage that can't be compared with one another."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a document."""

    path: str
    """Where in the tree, as `versions[0].rates[2].price`; empty for the document itself."""
    line: int
    """Line of the text, from 1."""
    column: int
    """Column of the text, from 1."""
    value: str
    """What stands there, shortened when it is long."""
    expected: str
    """What would be right there."""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}"
        return f"{where}: {self.path or 'document'}: {self.value} is refused; expected {self.expected}"


class DocumentError(RatingError):
    """A document is refused; `problems` holds everything that is wrong with it, in order of lines."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__(first.path or "document", first.value, first.expected)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
