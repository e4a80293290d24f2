"""How are the calls on customers answered?"""

from collections.abc import Iterable

from customer_profile.domain.customers import Customer, CustomerFacts, LifeCycleState
from customer_profile.errors import inside
from customer_profile.handlers.create_customers import NewCustomer, create_customers
from customer_profile.handlers.ports import Work
from customer_profile.handlers.read_profiles import get_customers
from customer_profile.handlers.update_customer import update_customer
from customer_profile.server.calls import Calls, Context
from customer_profile.server.customers import NOT_WRITTEN, customer_message, facts_from
from customer_profile.server.pages import page
from cxmesh.profile.v1 import customer_pb2
from cxmesh.profile.v1 import profile_service_pb2 as pb
from mesh.api import changed_paths, id_in, merged


class CustomerCalls(Calls):
    """Calls on customers."""

    async def CreateCustomer(self, request: pb.CreateCustomerRequest, context: Context) -> customer_pb2.Customer:
        """Makes a customer."""
        new = _new(request, "customer")

        async def make(work: Work) -> customer_pb2.Customer:
            (customer,) = await create_customers(work, [new])
            return customer_message(customer)

        return await self._once("CreateCustomer", request, make)

    async def BatchCreateCustomers(
        self, request: pb.BatchCreateCustomersRequest, context: Context
    ) -> pb.BatchCreateCustomersResponse:
        """Makes up to 1,000 customers, all or none."""
        for each in request.requests:
            each.ClearField("request_id")  # ignored, so two requests that differ in it alone are the same
        batch = [_new(each, f"requests[{n}].customer") for n, each in enumerate(request.requests)]

        async def make(work: Work) -> pb.BatchCreateCustomersResponse:
            customers = await create_customers(work, batch)
            return pb.BatchCreateCustomersResponse(customers=_messages(customers))

        return await self._once("BatchCreateCustomers", request, make)

    async def GetCustomer(self, request: pb.GetCustomerRequest, context: Context) -> customer_pb2.Customer:
        """One customer."""
        async with self._reading() as records:
            (customer,) = await get_customers(records.customers, [_id(request.name)])
        return customer_message(customer)

    async def BatchGetCustomers(
        self, request: pb.BatchGetCustomersRequest, context: Context
    ) -> pb.BatchGetCustomersResponse:
        """Up to 1,000 customers in the order asked for."""
        async with self._reading() as records:
            customers = await get_customers(records.customers, [_id(name) for name in request.names])
        return pb.BatchGetCustomersResponse(customers=_messages(customers))

    async def ListCustomers(self, request: pb.ListCustomersRequest, context: Context) -> pb.ListCustomersResponse:
        """Customers by name, page by page."""
        wanted = page(request)
        async with self._reading() as records:
            found = await records.customers.page(wanted.after_name, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.customer_id,))
        return pb.ListCustomersResponse(customers=_messages(shown), next_page_token=token)

    async def UpdateCustomer(self, request: pb.UpdateCustomerRequest, context: Context) -> customer_pb2.Customer:
        """Changes the fields in the mask."""
        sent = request.customer
        changed_id = id_in("customers", sent.name, "customer.name")
        paths = changed_paths(request.update_mask, sent, NOT_WRITTEN)

        def change(customer: Customer) -> CustomerFacts:
            with inside("customer"):
                return facts_from(merged(customer_message(customer), sent, paths, inside="customer"))

        async def make(work: Work) -> customer_pb2.Customer:
            return customer_message(await update_customer(work, changed_id, sent.etag, change))

        return await self._once("UpdateCustomer", request, make)


def _new(request: pb.CreateCustomerRequest, field: str) -> NewCustomer:
    with inside(field):
        return NewCustomer(request.customer_id, facts_from(request.customer, default_state=LifeCycleState.PROSPECT))


def _id(name: str) -> str:
    return name.removeprefix("customers/")


def _messages(customers: Iterable[Customer]) -> list[customer_pb2.Customer]:
    return [customer_message(customer) for customer in customers]
