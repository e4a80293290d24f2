"""Who may call which method, and who may report usage in whose name?"""

from collections.abc import Iterable
from typing import Final

from cxmesh.usage.v1.usage_record_pb2 import UsageRecord
from mesh.rpc import MESH_DOMAIN, Authorization, Identity, Reason, allow, partners, permission_denied, services
from usage_correlation.server.limit_authorization import LIMIT_METHODS

SERVICE: Final = "cxmesh.usage.v1.UsageService"
ALLOWANCE_POLICY_SERVICE: Final = "cxmesh.usage.v1.AllowancePolicyService"

CONSUMPTION_SERVICE: Final = "cxmesh.usage.v1.ConsumptionService"
PROJECTION_SERVICE: Final = "cxmesh.usage.v1.ProjectionService"
PLAN_ADVICE_SERVICE: Final = "cxmesh.usage.v1.PlanAdviceService"

PATTERN_SERVICE: Final = "cxmesh.usage.v1.PatternService"
OBSERVATION_SERVICE: Final = "cxmesh.usage.v1.ObservationService"

_STAFF: Final = allow(services("operator"))
CHARGING_SERVICE: Final = "cxmesh.usage.v1.ChargingService"
_CHARGING: Final = allow(services("operator"), partners())
_DECIDING: Final = allow(services("operator", "offer-decision"))

AUTHORIZATION: Final = Authorization(
    {
        **LIMIT_METHODS,
        f"/{SERVICE}/RecordUsage": allow(services("operator"), partners()),
        f"/{SERVICE}/StreamUsage": allow(services("operator"), partners()),
        f"/{SERVICE}/ListUsageRecords": _STAFF,
        f"/{SERVICE}/ExportUsage": allow(services("operator", "billing-accuracy")),
        f"/{SERVICE}/GetUsageSummary": _DECIDING,
        f"/{SERVICE}/ComparePlans": _DECIDING,
        f"/{SERVICE}/CreateSpendPolicy": _STAFF,
        f"/{SERVICE}/GetSpendPolicy": _STAFF,
        f"/{SERVICE}/ListSpendPolicies": _STAFF,
        f"/{SERVICE}/UpdateSpendPolicy": _STAFF,
        f"/{SERVICE}/DeleteSpendPolicy": _STAFF,
        f"/{ALLOWANCE_POLICY_SERVICE}/CreateAllowancePolicy": _STAFF,
        f"/{ALLOWANCE_POLICY_SERVICE}/GetAllowancePolicy": _STAFF,
        f"/{ALLOWANCE_POLICY_SERVICE}/ListAllowancePolicies": _STAFF,
        f"/{ALLOWANCE_POLICY_SERVICE}/UpdateAllowancePolicy": _STAFF,
        f"/{ALLOWANCE_POLICY_SERVICE}/DeleteAllowancePolicy": _STAFF,
        f"/{CONSUMPTION_SERVICE}/ListRatedUsage": _STAFF,
        f"/{CONSUMPTION_SERVICE}/ListCounters": _DECIDING,
        f"/{CONSUMPTION_SERVICE}/GetUsageConsumptionReport": _DECIDING,
        f"/{PROJECTION_SERVICE}/GetProjection": _DECIDING,
        f"/{PROJECTION_SERVICE}/BatchGetProjections": _DECIDING,
        f"/{PLAN_ADVICE_SERVICE}/GetPlanAdvice": _DECIDING,
        f"/{PLAN_ADVICE_SERVICE}/BatchGetPlanAdvice": _DECIDING,
        f"/{PLAN_ADVICE_SERVICE}/EstimateCost": _DECIDING,
        f"/{PATTERN_SERVICE}/CreatePattern": _STAFF,
        f"/{PATTERN_SERVICE}/GetPattern": _STAFF,
        f"/{PATTERN_SERVICE}/ListPatterns": _STAFF,
        f"/{PATTERN_SERVICE}/UpdatePattern": _STAFF,
        f"/{PATTERN_SERVICE}/DeletePattern": _STAFF,
        f"/{PATTERN_SERVICE}/DryRunPattern": _STAFF,
        f"/{PATTERN_SERVICE}/ListParkedBatches": _STAFF,
        f"/{PATTERN_SERVICE}/ReplayParkedBatches": _STAFF,
        f"/{OBSERVATION_SERVICE}/RecordObservations": allow(services("operator"), partners()),
        f"/{OBSERVATION_SERVICE}/ListObservations": _STAFF,
        f"/{SERVICE}/GetSignal": _DECIDING,
        f"/{SERVICE}/ListSignals": _DECIDING,
        f"/{SERVICE}/WatchSignals": _DECIDING,
        f"/{CHARGING_SERVICE}/CreateChargingData": _CHARGING,
        f"/{CHARGING_SERVICE}/UpdateChargingData": _CHARGING,
        f"/{CHARGING_SERVICE}/ReleaseChargingData": _CHARGING,
        f"/{CHARGING_SERVICE}/GetChargingSession": _CHARGING,
        f"/{CHARGING_SERVICE}/BatchUpdateSubscriberIdentifiers": _STAFF,
        f"/{CHARGING_SERVICE}/BatchGetSubscriberIdentifiers": _STAFF,
    }
)


def check_sources(caller: Identity, records: Iterable[UsageRecord], method: str = "RecordUsage") -> None:
    """Raise RpcError (PERMISSION_DENIED) when a partner reports usage in another's name.

    A partner's sources are its own id and whatever begins with it and a colon: `acme`, `acme:msc-7`. One foreign source
    refuses the whole call: it is no fault in a record, and nothing else of such a call is to be trusted.
    """
    if caller.kind != "partner":
        return
    own = f"{caller.name}:"
    for number, record in enumerate(records):
        if record.source != caller.name and not record.source.startswith(own):
            raise permission_denied(
                f"records[{number}].source: {caller} may report usage as {caller.name!r} or {own + '…'!r} alone",
                reason=Reason.CALLER_NOT_ALLOWED,
                domain=MESH_DOMAIN,
                metadata={"caller": str(caller), "method": f"{SERVICE}/{method}", "source": record.source[:63]},
            )
