"""Which status and reason does each error become?"""

from collections.abc import Mapping
from typing import Final

import grpc

from mesh.rpc import ErrorSpec
from offer_decision.errors import (
    CampaignExists,
    CampaignNotFound,
    DecisionNotFound,
    EtagMismatch,
    InvalidValue,
    NoMessage,
    PlanExists,
    PlanNotFound,
    TariffVersionInForce,
)

CATALOG: Final = "catalog.cxmesh"
_OFFER: Final = "offer.cxmesh"
_Code = grpc.StatusCode

ERRORS: Final[Mapping[type[Exception], ErrorSpec]] = {
    PlanNotFound: ErrorSpec(_Code.NOT_FOUND, "ERROR_REASON_PLAN_NOT_FOUND", CATALOG),
    PlanExists: ErrorSpec(_Code.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS", CATALOG),
    TariffVersionInForce: ErrorSpec(_Code.FAILED_PRECONDITION, "ERROR_REASON_TARIFF_VERSION_IN_FORCE", CATALOG),
    EtagMismatch: ErrorSpec(_Code.ABORTED, "ERROR_REASON_ETAG_MISMATCH", CATALOG),
    CampaignNotFound: ErrorSpec(_Code.NOT_FOUND, "ERROR_REASON_CAMPAIGN_NOT_FOUND", _OFFER),
    CampaignExists: ErrorSpec(_Code.ALREADY_EXISTS, "ERROR_REASON_ALREADY_EXISTS", _OFFER),
    DecisionNotFound: ErrorSpec(_Code.NOT_FOUND, "ERROR_REASON_DECISION_NOT_FOUND", _OFFER),
    NoMessage: ErrorSpec(_Code.FAILED_PRECONDITION, "ERROR_REASON_NO_MESSAGE", _OFFER),
    InvalidValue: ErrorSpec(_Code.INVALID_ARGUMENT, "ERROR_REASON_INVALID_VALUE", _OFFER),
}
