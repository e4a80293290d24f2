"""How is a running instance described to a script?"""

from cxmesh_cli.console import Json
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import LOOPBACK
from cxmesh_cli.instance.record import InstanceRecord
from cxmesh_cli.topology import SERVICES


def as_document(home: Home, record: InstanceRecord) -> Json:
    """Without passwords; `cxmesh open-ports --urls` shows those."""
    ports = record.ports
    return {
        "home": str(home.root),
        "started": record.started.isoformat(),
        "postgresql": {"address": f"{LOOPBACK}:{ports.postgresql}"},
        "redis": {"address": f"{LOOPBACK}:{ports.redis}"},
        "smtp": {"address": f"{LOOPBACK}:{ports.smtp}"},
        "services": {
            service.name: {
                "address": f"{LOOPBACK}:{ports.of(service.name).grpc}",
                "health_address": f"{LOOPBACK}:{ports.of(service.name).health}",
                "metrics_url": f"http://{LOOPBACK}:{ports.of(service.name).metrics}/metrics",
                "pid": record.processes[service.name].mark.pid,
                "version": record.processes[service.name].version,
            }
            for service in SERVICES
            if record.is_alive(service.name)
        },
    }
