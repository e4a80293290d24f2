"""How do the parts of a decision that nothing is looked up in become JSON, and come back?"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from offer_decision.domain.amounts import Amount
from offer_decision.domain.campaigns import Purpose
from offer_decision.domain.decisions import MessageRequest, Reason, Recommendation
from offer_decision.domain.recovery import RecoveryPolicy

Document: TypeAlias = Mapping[str, Any]  # Any: JSON that this module wrote


def message_json(message: MessageRequest | None) -> str | None:
    """A message request."""
    if message is None:
        return None
    return json.dumps(
        {
            "template": message.template,
            "purpose": message.purpose.value,
            "parameters": dict(message.parameters),
            "action_path": message.action_path,
            "expire_time": message.expire_time.isoformat() if message.expire_time else None,
        }
    )


def read_message(document: Document | None) -> MessageRequest | None:
    """What `message_json` wrote."""
    if document is None:
        return None
    expire_time = document["expire_time"]
    return MessageRequest(
        template=document["template"],
        purpose=Purpose(document["purpose"]),
        parameters=document["parameters"],
        action_path=document["action_path"],
        expire_time=datetime.fromisoformat(expire_time) if expire_time else None,
    )


def recommendation_json(recommendation: Recommendation | None) -> str | None:
    """A recommendation; both costs are in one currency."""
    if recommendation is None:
        return None
    return json.dumps(
        {
            "current_plan": recommendation.current_plan,
            "recommended_plan": recommendation.recommended_plan,
            "current_micros": recommendation.current_cost.micros,
            "recommended_micros": recommendation.recommended_cost.micros,
            "currency": recommendation.current_cost.currency,
        }
    )


def read_recommendation(document: Document | None) -> Recommendation | None:
    """What `recommendation_json` wrote."""
    if document is None:
        return None
    currency = document["currency"]
    return Recommendation(
        current_plan=document["current_plan"],
        recommended_plan=document["recommended_plan"],
        current_cost=Amount(document["current_micros"], currency),
        recommended_cost=Amount(document["recommended_micros"], currency),
    )


def recovery_policy_document(policy: RecoveryPolicy | None) -> Document | None:
    """What a campaign gives for a fault."""
    if policy is None:
        return None
    credit = None if policy.credit is None else [policy.credit.micros, policy.credit.currency]
    return {"credit": credit, "voucher": policy.voucher, "fault_hours": policy.fault_hours}


def read_recovery_policy(document: Document | None) -> RecoveryPolicy | None:
    """What `recovery_policy_document` wrote."""
    if document is None:
        return None
    credit = None if document["credit"] is None else Amount(*document["credit"])
    return RecoveryPolicy(credit, document["voucher"], document["fault_hours"])


def reasons_json(reasons: Sequence[Reason]) -> str:
    """Reasons in order."""
    return json.dumps([[reason.code, reason.text] for reason in reasons])


def read_reasons(document: Sequence[Sequence[str]]) -> tuple[Reason, ...]:
    """What `reasons_json` wrote."""
    return tuple(Reason(code, words) for code, words in document)
