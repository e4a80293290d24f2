"""How are decisions said on the wire?"""

from typing import Final

from cxmesh.offer.v1 import campaign_pb2, decision_pb2
from mesh.api import to_money
from offer_decision.domain.campaigns import Purpose, TriggerKind
from offer_decision.domain.decisions import Decision, MessageRequest, Outcome, Recommendation, Verdict
from offer_decision.domain.recovery import CreditState, Recovery

TRIGGERS: Final = {kind: campaign_pb2.TriggerKind.Value(f"TRIGGER_KIND_{kind}") for kind in TriggerKind}
PURPOSES: Final = {purpose: campaign_pb2.MessagePurpose.Value(f"MESSAGE_PURPOSE_{purpose}") for purpose in Purpose}
OUTCOMES: Final = {one: decision_pb2.DecisionOutcome.Value(f"DECISION_OUTCOME_{one}") for one in Outcome}
VERDICTS: Final = {one: decision_pb2.Decision.Verdict.Value(f"VERDICT_{one}") for one in Verdict}

CREDIT_STATES: Final = {one: decision_pb2.Recovery.CreditState.Value(f"CREDIT_STATE_{one}") for one in CreditState}


def decision_message(decision: Decision) -> decision_pb2.Decision:
    """A decision with its reasons."""
    trigger = decision.trigger
    message = decision_pb2.Decision(
        name=f"decisions/{decision.decision_id}",
        customer=trigger.customer,
        subscription=trigger.subscription,
        trigger=decision_pb2.Trigger(kind=TRIGGERS[trigger.kind], resource=trigger.resource),
        verdict=VERDICTS[decision.verdict],
        campaign=f"campaigns/{decision.campaign_id}" if decision.campaign_id else "",
        message_request=_message_request(decision.message),
        plan_recommendation=_recommendation(decision.recommendation),
        reasons=[decision_pb2.Reason(code=reason.code, text=reason.text) for reason in decision.reasons],
    )
    if decision.recovery is not None:
        message.recovery.CopyFrom(_recovery(decision.recovery))
    message.trigger.event_time.FromDatetime(trigger.event_time)
    message.create_time.FromDatetime(decision.create_time)
    if decision.outcome is not None:
        message.outcome = OUTCOMES[decision.outcome]
    if decision.outcome_time is not None:
        message.outcome_time.FromDatetime(decision.outcome_time)
    return message


def _message_request(request: MessageRequest | None) -> decision_pb2.MessageRequest | None:
    if request is None:
        return None
    message = decision_pb2.MessageRequest(
        template=request.template,
        purpose=PURPOSES[request.purpose],
        parameters=request.parameters,
        action_path=request.action_path,
    )
    if request.expire_time is not None:
        message.expire_time.FromDatetime(request.expire_time)
    return message


def _recovery(recovery: Recovery) -> decision_pb2.Recovery:
    credit, state = recovery.credit, recovery.credit_state
    return decision_pb2.Recovery(
        credit=to_money(credit.micros, credit.currency) if credit else None,
        subscription=recovery.subscription,
        voucher=recovery.voucher,
        credit_state=CREDIT_STATES[state] if state else decision_pb2.Recovery.CREDIT_STATE_UNSPECIFIED,
        refusal=recovery.refusal,
    )


def _recommendation(recommendation: Recommendation | None) -> decision_pb2.PlanRecommendation | None:
    if recommendation is None:
        return None
    current, best, saving = recommendation.current_cost, recommendation.recommended_cost, recommendation.saving
    return decision_pb2.PlanRecommendation(
        current_plan=recommendation.current_plan,
        recommended_plan=recommendation.recommended_plan,
        current_cost=to_money(current.micros, current.currency),
        recommended_cost=to_money(best.micros, best.currency),
        saving=to_money(saving.micros, saving.currency),
    )
