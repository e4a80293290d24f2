"""Does usage end at the same records, counters and signals when everything under it is killed in between?

`KILL_RECORDS=500000 pytest tests/mesh/test_kill_everything.py` does it at full size.
"""

import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Callable

import pytest
import yaml
from google.protobuf.field_mask_pb2 import FieldMask
from mesh_core import SERVICES, Core, core_of
from mesh_kills import bring_back, flush_redis, kill, lose_redis, wait_until
from mesh_partner import Partner, in_lanes
from mesh_tables import Skipped, contents, differences

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.profile.v1.profile_service_pb2 import UpdateSubscriptionRequest
from cxmesh.profile.v1.subscription_pb2 import Subscription
from cxmesh_cli.demo.calls import expand
from cxmesh_cli.demo.plans import PLANS
from cxmesh_cli.demo.provision import EFFECTIVE
from cxmesh_cli.demo.subscribers import read_subscribers
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.record import POSTGRESQL, REDIS

RECORDS = int(os.environ.get("KILL_RECORDS", "20000"))
"""About; a subscriber has 300 of them."""
SECONDS = 60 + RECORDS / 500
"""Within which an ingest ends, whatever dies."""

pytestmark = [pytest.mark.mesh, pytest.mark.kill, pytest.mark.timeout(4 * SECONDS)]

USAGE = "usage-correlation"
SUBSCRIBERS = read_subscribers(RECORDS // 300)
LANES = 2
BATCH = min(1_000, RECORDS // 100)
BATCH_SECONDS = 0.15
"""What storing a batch takes at the least, so that there is a middle to die in on any machine."""


def die(name: str) -> Callable[[Home], None]:
    """kill -9 it with all its processes, and start it again; Redis loses its data."""

    def death(home: Home) -> None:
        lose_redis(home) if name == REDIS else kill(home, name)
        bring_back(home, USAGE)

    return death


EVENTS: tuple[tuple[float, Callable[[Home], None]], ...] = (
    (0.05, die(USAGE)),
    (0.2, die(POSTGRESQL)),
    (0.3, flush_redis),
    (0.4, die(REDIS)),
    (0.75, die(USAGE)),
)
"""What happens when so much was answered, give or take a little. While Redis is away, usage goes on coming in."""

ALLOWANCES = [
    {
        "id": "minutes",
        "name": "Minutes",
        "unit": "minute",
        "amount": "100",
        "covers": [{"line": "voice.day"}, {"line": "voice.evening"}, {"line": "voice.international", "factor": "5"}],
        "rollover_cycles": 1,
    },
    {"id": "credit", "name": "Credit", "unit": "money", "amount": "5", "covers": [{"line": "voice.night"}]},
]

NOT_COMPARED = Skipped(
    tables=frozenset(
        {
            "alembic_version",
            "booking",  # how re-rating came to the counters, which are compared: when it looks decides in what steps
            "change",  # what replicas were to forget, for an hour
            "change_head",
            "correlation_lane",  # how far event time has come by the clock
            "idempotent_request",
            "inbox",
            "insight_round",  # how far jobs have come that look at cycles which are over
            "outbox",  # announcements of the signals, which are compared
            # What patterns count, cleared away some time after it has stopped to count; their signals are compared.
            *("pattern_due", "pattern_event", "pattern_sum"),
            "relay_state",
            "signal_head",  # how many numbers were given out: a transaction that was broken off took some, too
        }
    ),
    columns=frozenset(
        {
            *("arrive_time", "arrive_micros", "latest_arrive_micros"),
            *("create_time", "update_time", "install_time", "learn_time"),
            *("as_of_micros", "live_micros"),  # when a source was heard, and a pattern made
            "position",
        }
    ),
)
QUEUES = ("correlation_queue", "rerating")
"""What waits in these is done in the background, soon."""
LOOKS_BACK = "SELECT 1 FROM usage.pattern_recall JOIN usage.pattern USING (state_key) WHERE NOT paused"
"""A pattern does half a minute after it was made, which is when the service first starts."""


@pytest.fixture(scope="module")
def undisturbed(start_instance: Callable[..., Home]) -> dict[str, Counter[str]]:
    """What the tables hold after an ingest in which nothing ever happened."""
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        give_allowances(core)
        with Partner(core.mesh.usage, in_lanes(core.records(SUBSCRIBERS), LANES, BATCH)) as partner:
            partner.finish(SECONDS)
        assert not partner.repeats
        return settled(core)


def test_everything_may_be_killed_and_the_tables_end_at_the_same(
    undisturbed: dict[str, Counter[str]], start_instance: Callable[..., Home]
) -> None:
    chance = random.Random(7)
    with core_of(start_instance(*SERVICES), SUBSCRIBERS) as core:
        give_allowances(core)
        core.slow_down(BATCH_SECONDS)
        with Partner(core.mesh.usage, in_lanes(core.records(SUBSCRIBERS), LANES, BATCH)) as partner:
            for share, happen in EVENTS:
                wait_until(f"{share:.0%} is answered", partner.is_past(share + chance.uniform(0, 0.05)), SECONDS)
                assert partner.answered < partner.total
                happen(core.home)
            partner.finish(SECONDS)
        assert sum(partner.repeats.values()) >= LANES, "nothing was under way when something died"
        found = differences(undisturbed, settled(core))
        assert not found, "\n".join(found)


def give_allowances(core: Core) -> None:
    """A third of the subscribers change, for all time, to a plan that has minutes in it."""
    document = yaml.safe_load(PLANS[0].tariff_document()) | {"id": "bundle", "name": "Bundle"}
    document["versions"][0]["allowances"] = ALLOWANCES
    plan = Plan(display_name="Bundle", state=PLAN_STATE_ACTIVE, tariff_document=json.dumps(document))
    request_id = str(uuid.uuid4())
    core.mesh.catalog.CreatePlan(CreatePlanRequest(plan_id="bundle", plan=plan, request_id=request_id), timeout=10)
    for one in SUBSCRIBERS[::3]:
        subscription = Subscription(name=one.subscription, plan="plans/bundle")
        request = UpdateSubscriptionRequest(subscription=subscription, update_mask=FieldMask(paths=["plan"]))
        request.plan_start_time.FromDatetime(EFFECTIVE)
        core.mesh.profile.UpdateSubscription(request, timeout=10)


def settled(core: Core) -> dict[str, Counter[str]]:
    """The tables, when every signal has led to its decision and nothing moves any more."""
    signals = core.signals(SUBSCRIBERS)
    assert len(signals) > len(SUBSCRIBERS)
    wait_until("all events are handled", core.is_at_rest, SECONDS)
    wait_until("nothing waits to be done", lambda: not any(core.count(queue) for queue in QUEUES), SECONDS)
    wait_until("patterns have looked back", lambda: not core.ask(LOOKS_BACK), SECONDS)
    assert sorted(core.decided()) == sorted(core.announced()) == sorted(signals)
    found = contents(core.database, "usage", NOT_COMPARED)
    assert found["usage_record"].total() == len(expand(SUBSCRIBERS, core.cycle))
    assert found["signal"].total() == len(signals)
    return found
