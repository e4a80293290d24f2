"""How do the answers of pinpointing look on the wire?"""

from collections.abc import Iterable, Sequence

from apportioning.rounding import MILLION
from apportioning.visit import Visit
from cxmesh.sla.v1 import pinpointing_pb2 as things
from cxmesh.sla.v1 import pinpointing_service_pb2 as pb
from value_network_sla.domain.agreement import Agreement
from value_network_sla.domain.path_rules import PathRules
from value_network_sla.domain.pinpointing.calls import Edge
from value_network_sla.domain.pinpointing.what_if import WhatIf
from value_network_sla.handlers.pinpointing.analyze import Analysis
from value_network_sla.handlers.pinpointing.budgets import CallBudget
from value_network_sla.handlers.pinpointing.session_spans import SessionInDepth
from value_network_sla.handlers.pinpointing.suspects import FailureAnswer, LatencyAnswer
from value_network_sla.server.moments import duration_of_ns

_COMPONENTS = 100
_INSIDE = 10


def analysis_message(analysis: Analysis) -> pb.AnalyzeSessionResponse:
    """A session in depth."""
    session = analysis.session
    start, tree = session.tree.starts[session.tree.root], session.tree
    errors = sorted(analysis.errors, key=lambda number: (tree.spans[number].start_ns, number))
    return pb.AnalyzeSessionResponse(
        visits=_visits(analysis, start),
        critical_path=[
            things.PathSection(
                call=_call(session.visits.visits[session.visits.visit_of[section.node]]),
                start_offset=duration_of_ns(section.start - start),
                duration=duration_of_ns(section.end - section.start),
            )
            for section in analysis.path
        ],
        errors=[
            things.SpanError(
                span_id=tree.spans[number].span_id.hex(),
                partner=analysis.errors[number].party,
                operation=tree.spans[number].operation,
                role=things.ErrorRole.Value(f"ERROR_ROLE_{analysis.errors[number].role.value}"),
                absorbed=analysis.errors[number].absorbed,
            )
            for number in errors
        ],
        fault_span_id="" if analysis.origin is None else tree.spans[analysis.origin].span_id.hex(),
        components=[
            things.ComponentTime(
                partner=component.party,
                service=component.service,
                instance=component.instance,
                operation=component.operation,
                own_time=duration_of_ns(time),
            )
            for component, time in analysis.components[:_COMPONENTS]
        ],
    )


def _visits(analysis: Analysis, start: int) -> Iterable[things.VisitAnalysis]:
    session = analysis.session
    visits = session.visits.visits
    for number in sorted(range(len(visits)), key=lambda number: (visits[number].start_ns, number)):
        visit, depth = visits[number], analysis.depths.get(number)
        limit = session.allowed(number)
        agreement = session.agreements.get(number)
        yield things.VisitAnalysis(
            call=_call(visit),
            start_offset=duration_of_ns(max(0, visit.start_ns - start)),
            duration=duration_of_ns(visit.waited_ns),
            exclusive=duration_of_ns(analysis.exclusive_ns[number]),
            drag=None if depth is None else duration_of_ns(depth.drag_ns),
            slack=None if depth is None else duration_of_ns(depth.slack_ns),
            budget=None if limit is None else duration_of_ns(limit.budget_ns),
            budget_learned=limit is not None and agreement is None,
            gap=duration_of_ns(visit.gap_ns),
            gap_owner=_gap_owner(visit, agreement),
        )


def _gap_owner(visit: Visit, agreement: Agreement | None) -> things.GapOwner.ValueType:
    if not visit.gap_ns:
        return things.GAP_OWNER_UNSPECIFIED
    link = None if agreement is None else agreement.link
    if link is None:
        return things.GAP_OWNER_LINK if visit.link_ns else things.GAP_OWNER_CALLEE
    if link.callee_ppm == MILLION:
        return things.GAP_OWNER_CALLEE
    if link.callee_ppm:
        return things.GAP_OWNER_SPLIT
    return things.GAP_OWNER_INTERCONNECT if link.owner else things.GAP_OWNER_LINK


def replay_message(session: SessionInDepth, result: WhatIf) -> pb.ReplaySessionResponse:
    """A session as it would have been."""
    visits = session.visits
    return pb.ReplaySessionResponse(
        duration=duration_of_ns(visits.timeline.duration(0)),
        replayed_duration=duration_of_ns(result.duration_ns),
        visits=[
            things.ReplayedVisit(
                call=_call(visits.visits[each.visit]),
                duration=duration_of_ns(each.duration_ns),
                budget=duration_of_ns(each.duration_ns - each.by_ns),
            )
            for each in result.shortened
        ],
    )


def latency_message(answer: LatencyAnswer) -> pb.ListSuspectsResponse:
    """Who made sessions slow."""
    suspects = [
        things.Suspect(
            partner=one.party,
            lateness=duration_of_ns(round(one.lateness_ns)),
            share=one.share,
            confidence=one.confidence,
            operations=_operations(one.by_operation),
            components=[
                things.SuspectComponent(
                    service=component.service,
                    instance=component.instance,
                    operation=component.operation,
                    growth=duration_of_ns(round(grown)),
                )
                for component, grown in (answer.inside[one.party].grown[:_INSIDE] if one.party in answer.inside else ())
            ],
        )
        for one in answer.suspects
    ]
    return pb.ListSuspectsResponse(
        suspects=suspects,
        session_count=answer.sessions,
        baseline_session_count=answer.baseline_sessions,
        unknown_calls=[_edge(edge) for edge in answer.unknown],
    )


def failure_message(answer: FailureAnswer) -> pb.ListSuspectsResponse:
    """Who made sessions fail."""
    suspects = [
        things.Suspect(
            partner=one.party,
            failures=one.failures,
            share=one.share,
            confidence=one.confidence,
            operations=_operations(one.by_operation),
            components=[
                things.SuspectComponent(
                    service=component.service, instance=component.instance, operation=component.operation
                )
                for component in answer.inside[one.party][:_INSIDE]
            ],
        )
        for one in answer.suspects
    ]
    return pb.ListSuspectsResponse(
        suspects=suspects, session_count=answer.sessions, baseline_session_count=answer.baseline_sessions
    )


def budgets_message(budgets: Iterable[CallBudget]) -> pb.ListCallBudgetsResponse:
    """What each kind of call may take."""
    return pb.ListCallBudgetsResponse(
        budgets=[
            things.CallBudget(
                call=_edge(one.edge),
                budget=duration_of_ns(one.budget_ns),
                learned=one.learned,
                hour_count=one.hours,
            )
            for one in budgets
        ]
    )


def path_rules_message(rules: PathRules) -> pb.ListPathRulesResponse:
    """The choices."""
    return pb.ListPathRulesResponse(
        rules=[
            things.ServicePathRule(service=service, rule=things.PathRule.Value(f"PATH_RULE_{rule.value}"))
            for service, rule in sorted(rules.chosen.items())
        ]
    )


def _operations(by_operation: Sequence[tuple[str, float]]) -> Sequence[things.SuspectOperation]:
    whole = sum(max(0.0, part) for _, part in by_operation)
    return [
        things.SuspectOperation(operation=operation, share=part / whole) for operation, part in by_operation if part > 0
    ]


def _call(visit: Visit) -> things.CallKind:
    return things.CallKind(caller=visit.caller, partner=visit.partner, operation=visit.operation)


def _edge(edge: Edge) -> things.CallKind:
    caller, partner, operation = edge
    return things.CallKind(caller=caller, partner=partner, operation=operation)
