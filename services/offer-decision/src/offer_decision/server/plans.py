"""How are plans read from the wire and said on it?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from cxmesh.catalog.v1 import plan_pb2
from mesh.rpc import FieldViolation, RpcError
from offer_decision.domain.plans import Plan, PlanState
from offer_decision.errors import InvalidTariff
from offer_decision.handlers.plans import PlanFacts
from offer_decision.server.faults import CATALOG
from offer_decision.server.texts import check_text

NOT_WRITTEN: Final = frozenset({"name", "tariff_digest", "currency_code", "create_time", "update_time", "etag"})
_STATES: Final = {state: plan_pb2.PlanState.Value(f"PLAN_STATE_{state}") for state in PlanState}
_STATE_OF: Final = {number: state for state, number in _STATES.items()}
_SHOWN_FAULTS: Final = 10
"""Errors travel in HTTP/2 headers of limited size; the metadata says how many there are in all."""


def state_of(number: plan_pb2.PlanState.ValueType) -> PlanState | None:
    """The state that a number of the wire means; None when it is unspecified."""
    return _STATE_OF.get(number)


def plan_facts(message: plan_pb2.Plan) -> PlanFacts:
    """What a caller writes of a plan; a draft if it names no state. Raises RpcError."""
    check_text("plan.display_name", message.display_name)
    check_text("plan.description", message.description)
    state = state_of(message.state) or PlanState.DRAFT
    return PlanFacts(message.display_name, message.description, state, message.tariff_document)


def plan_message(plan: Plan) -> plan_pb2.Plan:
    """A plan with its tariff."""
    message = plan_pb2.Plan(
        name=f"plans/{plan.plan_id}",
        display_name=plan.display_name,
        description=plan.description,
        state=_STATES[plan.state],
        tariff_document=plan.tariff_document,
        tariff_digest=plan.tariff_digest,
        currency_code=plan.currency,
        etag=plan.etag,
    )
    message.create_time.FromDatetime(plan.create_time)
    message.update_time.FromDatetime(plan.update_time)
    return message


@contextmanager
def tariff_faults_told() -> Iterator[None]:
    """Tell callers of each fault of a tariff document in a field violation of its own."""
    try:
        yield
    except InvalidTariff as error:
        raise RpcError(
            grpc.StatusCode.INVALID_ARGUMENT,
            str(error),
            reason="ERROR_REASON_INVALID_TARIFF",
            domain=CATALOG,
            metadata=error.metadata,
            field_violations=[FieldViolation("plan.tariff_document", fault) for fault in error.faults[:_SHOWN_FAULTS]],
        ) from error
