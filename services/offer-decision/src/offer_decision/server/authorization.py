"""Who may call which method? Whoever is not named here may not."""

from typing import Final

from mesh.rpc import Authorization, allow, services

CATALOG_SERVICE: Final = "cxmesh.catalog.v1.CatalogService"
OFFER_SERVICE: Final = "cxmesh.offer.v1.OfferDecisionService"

_STAFF = allow(services("operator"))
_RATERS = allow(services("operator", "usage-correlation", "billing-accuracy"))

AUTHORIZATION = Authorization(
    {
        f"/{CATALOG_SERVICE}/CreatePlan": _STAFF,
        f"/{CATALOG_SERVICE}/GetPlan": _RATERS,
        f"/{CATALOG_SERVICE}/BatchGetPlans": _RATERS,
        f"/{CATALOG_SERVICE}/ListPlans": _RATERS,
        f"/{CATALOG_SERVICE}/UpdatePlan": _STAFF,
        f"/{OFFER_SERVICE}/CreateCampaign": _STAFF,
        f"/{OFFER_SERVICE}/GetCampaign": _STAFF,
        f"/{OFFER_SERVICE}/ListCampaigns": _STAFF,
        f"/{OFFER_SERVICE}/UpdateCampaign": _STAFF,
        f"/{OFFER_SERVICE}/GetDecision": _STAFF,
        f"/{OFFER_SERVICE}/ListDecisions": _STAFF,
        f"/{OFFER_SERVICE}/RecordOutcome": _STAFF,
    }
)
