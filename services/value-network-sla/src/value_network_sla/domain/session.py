"""What became of one delivery of a service to a customer?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apportioning.apportionment import ON_TIME, flags_of, play
from apportioning.assembly import DISQUALIFYING, SessionFlag
from apportioning.critical_path import critical_path
from apportioning.faults import UNKNOWN, Pattern, patterns
from apportioning.ordering import OrderRule
from apportioning.party import UNATTRIBUTED, Share, shares_of
from apportioning.span import PROVIDER, Span
from apportioning.trace_tree import grow_tree
from apportioning.visit import Visit
from apportioning.visits import Visits, collapse
from value_network_sla.domain.agreement import Agreement, AgreementBook
from value_network_sla.domain.path_rules import CRISP_ALWAYS, PathRules
from value_network_sla.domain.pinpointing.faults import Fault, fault_of


@dataclass(frozen=True, slots=True)
class JudgedVisit:
    """A visit, held against its agreement."""

    visit: Visit
    exclusive_ns: int
    """Its part of the critical path, in no deeper visit."""
    agreement: Agreement | None
    own_ns: int = 0
    """In it and in no visit that it made itself, as its caller waited for it."""
    pattern: Pattern = UNKNOWN
    """Of a visit that is not good: which agreements would have had to be kept; UNKNOWN where spans are missing."""

    @property
    def good(self) -> bool:
        """In time and without error."""
        agreement = self.agreement
        in_time = agreement is None or self.visit.accountable_under(agreement.link) <= agreement.latency_budget_ns
        return in_time and not self.visit.error


@dataclass(frozen=True, slots=True)
class Session:
    """A session, closed."""

    trace_id: bytes
    root_span_id: bytes
    service: str
    customer: str
    """Empty when the trace doesn't say."""
    start_ns: int
    duration_ns: int
    lateness_ns: int
    """How much of the duration is beyond what it takes with every partner within budget."""
    partial: bool
    """Spans were missing: its lateness is charged to nobody."""
    error: bool
    visits: Sequence[JudgedVisit]
    """By start."""
    shares: Sequence[Share]
    """They sum to the lateness."""
    delays_ns: Mapping[str, int]
    """By name of the agreement: what its visits delayed the session by, whoever is charged."""
    share_error_ns: int
    """How far a share may be off (95 %); 0 when exact."""
    flags: frozenset[SessionFlag] = frozenset()
    """What was wrong with its spans."""
    fault: Fault | None = None
    """Where its error began; None when it ended well."""


def find_root(spans: Iterable[Span]) -> Span | None:
    """The span that makes a trace a session: a span of ours that names the service to the customer, with none of ours
    right above.

    A partner's word doesn't open a session, and can't undo one: of what a partner says is above, nothing is believed,
    or it could take back what it is charged for. If the real root was lost, the topmost such span stands in for it;
    should a parent of ours come later that names no service, the trace is a session no more, as if it had come in time.
    """
    ours = [span for span in spans if span.party == PROVIDER]
    named = [span for span in ours if span.session_service]
    known = {span.span_id for span in ours} if any(span.parent_id for span in named) else frozenset()
    tops = [span for span in named if not span.parent_id or span.parent_id not in known]
    return min(tops, key=lambda span: (bool(span.parent_id), span.start_ns, span.span_id), default=None)


def assess(
    trace_id: bytes,
    spans: Sequence[Span],
    book: AgreementBook,
    rules: PathRules = CRISP_ALWAYS,
    flags: frozenset[SessionFlag] = frozenset(),
) -> Session | None:
    """The session that the spans of a trace tell of; None when the trace is not a session.

    `flags` say what is known to be wrong with the spans as a whole.
    """
    root = find_root(spans)
    if root is None:
        return None
    rule = rules.of(root.session_service)
    tree = grow_tree(spans, root.span_id)
    visits = collapse(tree, book.callees(root.session_service), book.addresses.called(spans))
    # What held when the session began holds for all of it: how slow a partner was must not choose what it had promised.
    agreements = [_agreement(book, root.session_service, visit, root.start_ns) for visit in visits.visits]
    network = book.networks.find(root.session_service, root.start_ns)
    promises = [network.promise(root.operation), *agreements[1:]]
    flags = flags_of(tree, visits, flags)
    game = None if SessionFlag.OVERSIZED in flags else play(visits, promises, network.beside)
    seed = int.from_bytes(trace_id, "big")
    result = ON_TIME if game is None else game.apportion(network.policy, seed=seed, rule=rule)
    partial = bool(flags & DISQUALIFYING)
    cures = {} if partial else patterns(visits, promises, game)
    judged = _judge(visits, agreements, rule, cures)
    blame = result.by_party() if not partial else {UNATTRIBUTED: result.lateness_ns}
    names = {player.agreement for player in result.parts}
    return Session(
        trace_id=trace_id,
        root_span_id=root.span_id,
        service=root.session_service,
        customer=root.customer,
        start_ns=root.start_ns,
        duration_ns=root.duration_ns,
        lateness_ns=result.lateness_ns,
        partial=partial,
        error=root.error,
        visits=judged,
        shares=shares_of(blame),
        delays_ns={name: result.of_agreement(name) for name in sorted(names)},
        share_error_ns=result.error_ns,
        flags=flags,
        fault=fault_of(tree, visits, budgets_of(agreements)) if root.error else None,
    )


def budgets_of(agreements: Sequence[Agreement | None]) -> Mapping[int, int]:
    """By number of the visit, in nanoseconds: what was agreed."""
    return {number: one.latency_budget_ns for number, one in enumerate(agreements) if one is not None}


def _agreement(book: AgreementBook, service: str, visit: Visit, at_ns: int) -> Agreement | None:
    if visit.partner == PROVIDER:
        return None
    return book.find(service, visit.partner, visit.operation, at_ns)


def _judge(
    visits: Visits, agreements: Sequence[Agreement | None], rule: OrderRule, cures: Mapping[int, Pattern]
) -> Sequence[JudgedVisit]:
    exclusive = [0] * len(visits.visits)
    for node, nanoseconds in enumerate(critical_path(visits.timeline, rule).exclusive):
        exclusive[visits.visit_of[node]] += nanoseconds
    found = [cures.get(number, UNKNOWN) for number in range(len(visits.visits))]
    judged = map(JudgedVisit, visits.visits, exclusive, agreements, visits.own_times(), found)
    return tuple(sorted(judged, key=lambda each: (each.visit.start_ns, -each.visit.end_ns, each.visit.partner)))
