"""Can an operator see what becomes of records, and how late signals are?"""

import asyncio
import urllib.request
from datetime import timedelta

from google.type.money_pb2 import Money
from usage_samples import fresh, usage_record
from usage_world import World

from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_service_pb2 import CreateSpendPolicyRequest, RecordUsageRequest
from usage_correlation.server.metrics import ATTRIBUTES, METRICS


async def scraped(world: World) -> dict[str, float]:
    url = f"http://{world.service.running.metrics_address}/metrics"
    page = await asyncio.to_thread(lambda: urllib.request.urlopen(url).read().decode())
    lines = [line for line in page.splitlines() if line.startswith("cxmesh_usage")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_records_are_counted_by_outcome_and_delays_measured_apart(world: World) -> None:
    name = world.profile.hold()
    policy = SpendPolicy(
        limit=Money(units=1, currency_code="USD"), threshold_percents=[100], subscription=f"subscriptions/{name}"
    )
    await world.stub().CreateSpendPolicy(CreateSpendPolicyRequest(spend_policy_id="dollar", spend_policy=policy))
    hour_ago = world.clock.now() - timedelta(hours=1)
    known = usage_record(name, 1800, start=hour_ago)
    invalid, unknown = usage_record(name, -1), usage_record(fresh("nobody"))
    await world.stub().RecordUsage(RecordUsageRequest(records=[known, known, invalid, unknown]))
    found = await scraped(world)
    for outcome in ("accepted", "duplicate", "invalid_record", "subscription_not_found"):
        assert found[f'cxmesh_usage_records_total{{cxmesh_usage_outcome="{outcome}"}}'] == 1
    kind = '{cxmesh_usage_signal_kind="spend_threshold"}'
    assert found[f"cxmesh_usage_signal_event_delay_seconds_sum{kind}"] == 3600
    assert found[f"cxmesh_usage_signal_event_delay_seconds_count{kind}"] == 1
    assert found[f"cxmesh_usage_signal_arrival_delay_seconds_sum{kind}"] == 0
    assert found[f"cxmesh_usage_signal_arrival_delay_seconds_count{kind}"] == 1


def test_every_attribute_of_a_metric_is_described() -> None:
    assert {name for metric in METRICS for name in metric.attributes} == {each.name for each in ATTRIBUTES}
