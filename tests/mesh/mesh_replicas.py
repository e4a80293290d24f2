"""What does a test do with replicas of a service: start, ask how many calls each has served, restart one by one?"""

import signal
import subprocess
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from cxmesh_cli.instance.environment import Stores, service_environment
from cxmesh_cli.instance.health import Health, wait_until_serving
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import tls_files
from cxmesh_cli.instance.ports import LOOPBACK, ServicePorts
from cxmesh_cli.instance.processes import python_module
from cxmesh_cli.instance.record import require_record
from cxmesh_cli.instance.stores import running_database_url, running_redis_url
from cxmesh_cli.loglines import tail_text
from cxmesh_cli.topology import find_service

_HEALTHY_SECONDS = 20.0
_END_SECONDS = 30.0
_CALLS = "rpc_server_call_duration_seconds_count"


class Replica:
    """One more process of a service of an instance, on ports of its own that it keeps."""

    def __init__(self, home: Home, service: str, name: str, ports: ServicePorts) -> None:
        self.name = name
        self._service = find_service(service)
        self._ports = ports
        self._log = home.log_of(name)
        stores = Stores(running_database_url(home), running_redis_url(home))
        tls = tls_files(home, f"service/{service}")
        instance = service_environment(self._service, home, require_record(home).ports, stores, tls, sample=0.0)
        self._environment = instance | {
            "CXMESH_LISTEN": self.address,
            "CXMESH_HEALTH_LISTEN": f"{LOOPBACK}:{self._ports.health}",
            "CXMESH_METRICS_LISTEN": f"{LOOPBACK}:{self._ports.metrics}",
            "CXMESH_INSTANCE_ID": name,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self._ports.grpc}"

    def start(self) -> None:
        """Healthy on return."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                python_module(self._service.package, "serve"), env=self._environment, stdout=log, stderr=log
            )
        process = self._process
        health = wait_until_serving(self._ports.health, _HEALTHY_SECONDS, lambda: process.poll() is None)
        assert health is Health.SERVING, tail_text(self.name, self._log)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        assert self._process
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code."""
        assert self._process
        return self._process.wait(_END_SECONDS)

    def close(self) -> None:
        """However a test went."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(_END_SECONDS)

    def served(self, method: str) -> int:
        """Calls of `method` since it started, as its metrics tell."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self._ports.metrics}/metrics", timeout=5) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [sample for family in families for sample in family.samples if sample.name == _CALLS]
        return int(sum(sample.value for sample in samples if method in sample.labels.values()))
