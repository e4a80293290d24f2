"""Watch your error budgets: hear of each alert once, also across breaks.

python watch_alerts.py cursor.txt        until interrupted
python watch_alerts.py cursor.txt 30     for 30 seconds
"""

import sys
import time
from pathlib import Path

import grpc
from partner import channel

from cxmesh.sla.v1.alert_pb2 import Alert, AlertState
from cxmesh.sla.v1.alert_service_pb2 import WatchAlertsRequest
from cxmesh.sla.v1.alert_service_pb2_grpc import AlertServiceStub

_WAIT_SECONDS = 1.0


def main(cursor_file: str, seconds: str = "inf") -> None:
    """Print alerts as they change. The cursor is written after what came with it was handled."""
    kept, until = Path(cursor_file), time.monotonic() + float(seconds)
    with channel() as open_channel:
        alerts = AlertServiceStub(open_channel)
        while (left := until - time.monotonic()) > 0:
            request = WatchAlertsRequest(cursor=kept.read_text("utf-8") if kept.exists() else "")
            try:
                for answer in alerts.WatchAlerts(request, timeout=None if seconds == "inf" else left):
                    for alert in answer.alerts:
                        handle(alert)
                    kept.write_text(answer.cursor, "utf-8")
            except grpc.RpcError as error:
                # The time is up, or this replica goes: go on with another, after the cursor.
                if error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
                    raise
                time.sleep(min(_WAIT_SECONDS, max(0.0, until - time.monotonic())))


def handle(alert: Alert) -> None:
    """Here you would page somebody."""
    state = AlertState.Name(alert.state).removeprefix("ALERT_STATE_")
    burn = f"{alert.long_burn_milli / 1000:.1f} times too fast" if alert.HasField("long_burn_milli") else "no data"
    hit = f"{alert.affected_customer_count} customers hit"
    print(f"{state} {alert.severity} {alert.objective}: {burn}; {hit}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
