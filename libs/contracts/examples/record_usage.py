"""Record usage of subscribers who used your network, e.g. while roaming (service usage-correlation).

python record_usage.py roam-net subscriptions/s-1 2026-03-01T12:00:00Z 180

The source is your partner id, or begins with it and a colon (`roam-net:switch-7`). Send the same records again after a
break: (source, record_id) identifies a record, and none counts twice.
"""

import sys
from datetime import datetime

from partner import channel

from cxmesh.usage.v1.usage_record_pb2 import USAGE_TYPE_VOICE, UsageRecord
from cxmesh.usage.v1.usage_service_pb2 import RecordUsageRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub


def main(source: str, subscription: str, start: str, seconds: str) -> None:
    """Record one call. Send up to 1,000 records in a request."""
    record = UsageRecord(
        source=source,
        record_id=f"{subscription.partition('/')[2]}-{start.replace(':', '')}",
        subscription=subscription,
        usage_type=USAGE_TYPE_VOICE,
        quantity=int(seconds),
    )
    record.start_time.FromDatetime(datetime.fromisoformat(start))
    with channel() as open_channel:
        answer = UsageServiceStub(open_channel).RecordUsage(RecordUsageRequest(records=[record]), timeout=30)
    print(f"{answer.accepted_count} accepted, {answer.duplicate_count} known already")
    for rejection in answer.rejections:
        print(f"record {rejection.index} refused: {rejection.field}: {rejection.description}")


if __name__ == "__main__":
    main(*sys.argv[1:5])
