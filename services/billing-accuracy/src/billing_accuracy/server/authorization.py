"""Who may call which method? Whoever is not named here may not."""

from typing import Final

from mesh.rpc import Authorization, allow, services

SERVICE: Final = "cxmesh.billing.v1.BillingAccuracyService"
ACCOUNT_SERVICE: Final = "cxmesh.billing.v1.AccountService"
ADVICE_SERVICE: Final = "cxmesh.billing.v1.BillAdviceService"
DISPUTE_SERVICE: Final = "cxmesh.billing.v1.DisputeService"
ORDER_SERVICE: Final = "cxmesh.billing.v1.OrderService"
RUN_SERVICE: Final = "cxmesh.billing.v1.BillRunService"
WHOLESALE_SERVICE: Final = "cxmesh.billing.v1.WholesaleService"

_STAFF = allow(services("operator"))
_STAFF_AND_OFFERS = allow(services("operator", "offer-decision"))

AUTHORIZATION = Authorization(
    {
        f"/{SERVICE}/CreateBillRun": _STAFF,
        f"/{SERVICE}/GetBillRun": _STAFF,
        f"/{SERVICE}/ListBillRuns": _STAFF,
        f"/{SERVICE}/CheckBills": _STAFF,
        f"/{WHOLESALE_SERVICE}/SetInterOperatorTariff": _STAFF,
        f"/{WHOLESALE_SERVICE}/GetInterOperatorTariff": _STAFF,
        f"/{WHOLESALE_SERVICE}/RecordWholesaleCharges": _STAFF,
        f"/{WHOLESALE_SERVICE}/CheckWholesaleCharges": _STAFF,
        f"/{RUN_SERVICE}/StreamBills": _STAFF,
        f"/{RUN_SERVICE}/GetBillRunProgress": _STAFF,
        f"/{RUN_SERVICE}/GetRunExposure": _STAFF,
        f"/{RUN_SERVICE}/ListRejectedBills": _STAFF,
        f"/{SERVICE}/GetBillCheck": _STAFF_AND_OFFERS,
        f"/{SERVICE}/ListBillChecks": _STAFF_AND_OFFERS,
        f"/{SERVICE}/ReleaseBill": _STAFF,
        f"/{ADVICE_SERVICE}/GetExpectedBill": _STAFF_AND_OFFERS,
        f"/{ADVICE_SERVICE}/ExplainBill": _STAFF_AND_OFFERS,
        # Credits that make up for faults.
        f"/{ACCOUNT_SERVICE}/RecordAccountEntries": _STAFF_AND_OFFERS,
        f"/{ORDER_SERVICE}/RecordQuotes": _STAFF,
        f"/{ORDER_SERVICE}/ListQuotes": _STAFF,
        f"/{ORDER_SERVICE}/PrefillOrder": _STAFF,
        f"/{DISPUTE_SERVICE}/CreateDispute": _STAFF,
        f"/{DISPUTE_SERVICE}/GetDispute": _STAFF_AND_OFFERS,
        f"/{DISPUTE_SERVICE}/ListDisputes": _STAFF_AND_OFFERS,
        f"/{DISPUTE_SERVICE}/AdvanceDispute": _STAFF,
        f"/{DISPUTE_SERVICE}/ResolveDispute": _STAFF,
        f"/{DISPUTE_SERVICE}/ReopenDispute": _STAFF,
        f"/{ACCOUNT_SERVICE}/ListAccountEntries": _STAFF,
    }
)
