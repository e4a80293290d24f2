"""Real servers, certificates and a clock for tests."""

from mesh.clock import FixedClock
from mesh.testkit.certificates import Certificates
from mesh.testkit.servers import Servers

__all__ = ["Certificates", "FixedClock", "Servers"]
