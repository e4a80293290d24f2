"""Where did an error begin, who only passed it on, and who put up with it?

An error is followed from the session's root to the last failed span that the failed one above it had waited for. A
call that its caller gave up waiting for is the callee's lateness, unless the callee still had time by its agreement:
then the caller was impatient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from apportioning.span import Span, SpanKind
from apportioning.trace_tree import TraceTree
from apportioning.visits import Visits


class ErrorRole(StrEnum):
    """What a failed span has to do with the error."""

    SELF = "SELF"
    """It began here."""
    PROPAGATED = "PROPAGATED"
    """Something below failed, and this failed with it."""
    TIMED_OUT = "TIMED_OUT"
    """A call that its caller gave up waiting for: the callee was late."""


@dataclass(frozen=True, slots=True)
class SpanError:
    """A failed span."""

    role: ErrorRole
    absorbed: bool
    """Whoever waited for it went on without an error."""
    party: str
    """Who answers for it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the error of a session began."""

    party: str
    """`partners/{partner}`, or PROVIDER."""
    operation: str
    """For which it had been called."""
    role: ErrorRole
    """SELF or TIMED_OUT."""
    service: str = ""
    """The component, as its own spans name it; empty when none of them tells."""
    instance: str = ""


def errors_of(tree: TraceTree, visits: Visits, budgets: Mapping[int, int]) -> Mapping[int, SpanError]:
    """Every failed span, by number; `budgets` in nanoseconds by visit, of those that have one."""
    found = {}
    for number in tree.order:
        if tree.spans[number].error:
            above = tree.parents[number]
            absorbed = number != tree.root and not tree.spans[above].error
            role, party = _role(tree, visits, budgets, number)
            found[number] = SpanError(role, absorbed, party)
    return found


def origin_of(tree: TraceTree) -> int | None:
    """The span with which the error of the session's root began; None when the root is fine."""
    number = tree.root
    if not tree.spans[number].error:
        return None
    # Every span has one parent and the root leads to it, so that this ends.
    while failed := _failed_below(tree, number):
        number = max(failed, key=lambda child: (tree.ends[child], tree.starts[child], tree.spans[child].span_id))
    return number


def fault_of(tree: TraceTree, visits: Visits, budgets: Mapping[int, int]) -> Fault | None:
    """Where the error of the session's root began; None when the root is fine."""
    number = origin_of(tree)
    if number is None:
        return None
    role, party = _role(tree, visits, budgets, number)
    operation = visits.visits[visits.of_span[number]].operation
    theirs = _answer(tree, number, party)
    return Fault(party, operation, role, theirs.service if theirs else "", theirs.instance if theirs else "")


def _role(tree: TraceTree, visits: Visits, budgets: Mapping[int, int], number: int) -> tuple[ErrorRole, str]:
    span = tree.spans[number]
    visit = visits.of_span[number]
    if _failed_below(tree, number):
        return ErrorRole.PROPAGATED, span.party
    if span.kind is not SpanKind.CLIENT:
        return ErrorRole.SELF, span.party
    callee = visits.visits[visit].partner
    if not span.timed_out:
        # Nobody answered, or nobody who saw anything wrong: then it is the callee that could not be reached.
        return ErrorRole.SELF, span.party if tree.children[number] else callee
    budget = budgets.get(visit)
    if callee != span.party and budget is not None and span.duration_ns <= budget:
        return ErrorRole.SELF, span.party
    return ErrorRole.TIMED_OUT, callee


def _failed_below(tree: TraceTree, number: int) -> list[int]:
    return [child for child in tree.children[number] if tree.blocking[child] and tree.spans[child].error]


def _answer(tree: TraceTree, number: int, party: str) -> Span | None:
    """The span by which the party itself tells of its part."""
    candidates = (tree.spans[each] for each in (number, *tree.children[number]))
    return next((span for span in candidates if span.party == party), None)
