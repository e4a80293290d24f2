"""What can go wrong with a file of usage as a whole, and what does each error tell its reader?

AdapterError
├── FileRefusedError      nothing more of this file is taken: it is not of the format, damaged, or its totals differ
├── OptionError           an option of a format is missing or can't be used (source, time zone, table of subscriptions)
└── MappingRefusedError   a mapping file is refused: every problem with its path, line, column, value and expectation

One record that can't be read is no error but a Reject: it doesn't hold up the others.
"""

from dataclasses import dataclass


class AdapterError(ValueError):
    """Base of what this package raises on purpose; the message is for the person who gave the file."""


class FileRefusedError(AdapterError):
    """Nothing more of the file is taken. Raised before the first chunk for whatever can be known by then."""

    def __init__(self, problem: str, *, place: int = 0, expected: str = "") -> None:
        """`place`: the line (or record, or byte) at fault, 0 for the file itself; `expected`: what would be right."""
        super().__init__(f"{f'at {place}: ' if place else ''}{problem}{f'; expected {expected}' if expected else ''}")
        self.problem = problem
        self.place = place
        self.expected = expected


class OptionError(AdapterError):
    """An option is missing or of no use; `option` names it."""

    def __init__(self, option: str, problem: str, *, expected: str) -> None:
        super().__init__(f"{problem}; expected {expected}")
        self.option = option
        self.problem = problem
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a mapping file."""

    path: str
    """Where in the tree, as `fields.quantity.unit`; empty for the document itself."""
    line: int
    """From 1."""
    column: int
    """From 1."""
    value: str
    """What stands there, shortened when it is long."""
    expected: str
    """What would be right there."""

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}"
        return f"{where}: {self.path or 'document'}: {self.value} is refused; expected {self.expected}"


class MappingRefusedError(AdapterError):
    """A mapping file is refused; `problems` holds everything that is wrong with it, in order of lines."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
