"""The service under test, and those that it asks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from usage_peers import FakeCatalogue, FakeProfile

from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from mesh.clock import FixedClock
from mesh.testkit import Certificates
from mesh.testkit.serving import ServiceUnderTest

if TYPE_CHECKING:  # the stubs alone know the name
    from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceAsyncStub


@dataclass
class World:
    """The usage service with a profile and a catalogue of its own."""

    service: ServiceUnderTest
    profile: FakeProfile
    catalogue: FakeCatalogue
    clock: FixedClock
    certificates: Certificates

    def stub(self, as_: str = "service/operator") -> "UsageServiceAsyncStub":
        """What `as_` calls the service with."""
        return UsageServiceStub(self.service.channel(as_))
