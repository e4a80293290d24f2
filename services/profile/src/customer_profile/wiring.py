"""What is the profile service made of?"""

from typing import Final

from customer_profile.server.authorization import AUTHORIZATION
from customer_profile.server.authorization import SERVICE as PROFILE_SERVICE
from customer_profile.server.faults import ERRORS
from customer_profile.server.servicer import ProfileServicer
from customer_profile.settings import Settings
from customer_profile.store.records import records_on
from customer_profile.store.tables import SCHEMA
from cxmesh.profile.v1.profile_service_pb2_grpc import add_ProfileServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Application, Runtime, ServiceDefinition


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    return Application(
        servicers=[
            Servicer(
                add=add_ProfileServiceServicer_to_server,
                implementation=ProfileServicer(runtime.store, records_on, runtime.clock),
                service=PROFILE_SERVICE,
            )
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
    )


SERVICE: Final = ServiceDefinition(
    name="profile",
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="customer_profile.store.migrations",
)
