"""How long did a session wait for one party, for one operation?"""

from dataclasses import dataclass

from apportioning.span import PROVIDER
from apportioning.terms import LinkTerms


@dataclass(frozen=True, slots=True)
class Visit:
    """The stay of a session with one party, from the moment it was called until the caller had the answer.

    Its interval is the caller's CLIENT span; without one, what the callee itself sent. Times are put right and within
    the enclosing visit.
    """

    partner: str
    """`partners/{partner}`, or PROVIDER for the part of the services that put the session together."""
    operation: str
    """Name of the span by which the party was called."""
    caller: str
    """The party that called; PROVIDER as well for the session's own root."""
    start_ns: int
    end_ns: int
    waited_ns: int
    """How long the caller waited, as the caller's span says, uncut."""
    answered_ns: int | None
    """How long it took by the callee's own spans; None when it sent none."""
    error: bool

    @property
    def gap_ns(self) -> int:
        """What the callee's own spans don't account for; nothing when it sent none."""
        return 0 if self.answered_ns is None else max(0, self.waited_ns - self.answered_ns)

    @property
    def link_ns(self) -> int:
        """The part of the waiting that is the way between the parties rather than the callee's.

        To a partner that we called ourselves it is nothing: what lies between our CLIENT span and the partner's answer
        is the partner's to keep short. But a partner that calls another could hide its own slowness in that gap, so
        there the callee answers for what its own spans say, and the rest is the link's.
        """
        return 0 if self.caller == PROVIDER else self.gap_ns

    def link_under(self, link: LinkTerms | None) -> int:
        """The part of the waiting that is not the callee's, by what was agreed of the way to it."""
        return self.link_ns if link is None else link.not_callees_ns(self.gap_ns)

    def accountable_under(self, link: LinkTerms | None) -> int:
        """What is held against the callee's budget, by what was agreed of the way to it."""
        return self.waited_ns - self.link_under(link)

    @property
    def accountable_ns(self) -> int:
        """What is held against the budget."""
        return self.waited_ns - self.link_ns
