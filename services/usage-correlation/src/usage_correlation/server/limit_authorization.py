"""Who may call which method on limits? Customers speak through staff's and self-service systems: the operator."""

from typing import Final

from mesh.rpc import allow, services

SERVICE: Final = "cxmesh.usage.v1.LimitService"

_STAFF: Final = allow(services("operator"))
_BILLING: Final = allow(services("operator", "billing-accuracy"))
_DECIDING: Final = allow(services("operator", "offer-decision"))

LIMIT_METHODS: Final = {
    f"/{SERVICE}/CreateLimitPolicy": _STAFF,
    f"/{SERVICE}/GetLimitPolicy": _STAFF,
    f"/{SERVICE}/ListLimitPolicies": _STAFF,
    f"/{SERVICE}/UpdateLimitPolicy": _STAFF,
    f"/{SERVICE}/DeleteLimitPolicy": _STAFF,
    f"/{SERVICE}/GetSpendingLimit": _DECIDING,
    f"/{SERVICE}/ListSpendingLimits": _DECIDING,
    f"/{SERVICE}/GiveConsent": _STAFF,
    f"/{SERVICE}/ChooseLimit": _STAFF,
    f"/{SERVICE}/OptOut": _STAFF,
    f"/{SERVICE}/OptIn": _STAFF,
    f"/{SERVICE}/ListLimitEvents": _STAFF,
    f"/{SERVICE}/ExportLimitRecord": _STAFF,
    f"/{SERVICE}/CheckStops": _BILLING,
    f"/{SERVICE}/ListStops": _BILLING,
    f"/{SERVICE}/ListUnchargedUsage": _BILLING,
}
