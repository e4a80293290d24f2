"""Who may call which method? Whoever is not named here may not."""

from typing import Final

from mesh.rpc import Authorization, allow, services

SERVICE: Final = "cxmesh.profile.v1.ProfileService"

_STAFF = allow(services("operator"))

AUTHORIZATION = Authorization(
    {
        f"/{SERVICE}/CreateCustomer": _STAFF,
        f"/{SERVICE}/BatchCreateCustomers": _STAFF,
        f"/{SERVICE}/GetCustomer": allow(services("operator", "notification", "billing-accuracy")),
        f"/{SERVICE}/BatchGetCustomers": allow(
            services("operator", "notification", "offer-decision", "usage-correlation")
        ),
        f"/{SERVICE}/ListCustomers": _STAFF,
        f"/{SERVICE}/UpdateCustomer": _STAFF,
        f"/{SERVICE}/CreateSubscription": _STAFF,
        f"/{SERVICE}/BatchCreateSubscriptions": _STAFF,
        f"/{SERVICE}/GetSubscription": allow(services("operator", "usage-correlation", "offer-decision")),
        f"/{SERVICE}/BatchGetSubscriptions": allow(services("operator", "usage-correlation", "billing-accuracy")),
        f"/{SERVICE}/ListSubscriptions": allow(
            services("operator", "usage-correlation", "billing-accuracy", "offer-decision")
        ),
        f"/{SERVICE}/UpdateSubscription": _STAFF,
        f"/{SERVICE}/BatchCreateTouchPoints": _STAFF,
        f"/{SERVICE}/ListTouchPoints": _STAFF,
        f"/{SERVICE}/GetCustomerView": allow(services("operator", "offer-decision")),
    }
)
