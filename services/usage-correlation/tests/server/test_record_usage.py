"""Are records stored, known again, and refused for the right reason?"""

from cxmesh.usage.v1.usage_service_pb2 import GetUsageSummaryRequest, RecordUsageRequest
from usage_samples import usage_record


async def test_new_records_are_accepted_and_counted(world):
    name = world.profile.hold()
    request = RecordUsageRequest(records=[usage_record(name, 60), usage_record(name, 30)])
    answer = await world.stub().RecordUsage(request)
    assert (answer.accepted_count, answer.duplicate_count, list(answer.rejections)) == (2, 0, [])
    summary = await world.stub().GetUsageSummary(GetUsageSummaryRequest(name=f"subscriptions/{name}/usageSummary"))
    print(summary)
    assert [(line.charge_code, line.record_count, line.quantity) for line in summary.lines] == [("voice.day", 2, 90)]
    assert (summary.total.units, summary.total.nanos) == (0, 260_000_000)
