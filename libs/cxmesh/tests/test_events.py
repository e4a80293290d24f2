"""Are lag and parked events of a real Redis told, and parked ones replayed or dropped as asked?"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from google.protobuf import message_factory

from cxmesh.usage.v1.events_pb2 import DESCRIPTOR as USAGE_EVENTS
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.record import REDIS, InstanceRecord, save_record
from cxmesh_cli.instance.stores import running_redis_url, start_redis, stop_store
from cxmesh_cli.streams import decode_event

Cxmesh = Callable[..., Any]
EVENT = next(iter(USAGE_EVENTS.message_types_by_name.values()))


@pytest.fixture
def store(home: Home, stage: Any) -> Iterator["redis.Redis[bytes]"]:
    """The instance's real Redis."""
    started = start_redis(home, stage.ports.redis)
    save_record(home, InstanceRecord(stage.ports, datetime.now(UTC), {REDIS: started.process}))
    with redis.Redis.from_url(running_redis_url(home)) as client:
        yield client
    stop_store(home, REDIS)


def event(number: int, **more: str) -> dict[str, str | bytes]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "type": EVENT.full_name,
        "source": "/usage",
        "subject": f"s-{number}",
        "time": "2026-01-31T12:00:00+00:00",
        "sequence": str(number),
        "data": message_factory.GetMessageClass(EVENT)().SerializeToString(),
    } | more


def park(store: Any, group: str, number: int) -> str:
    fields = event(
        number,
        parked_reason=f"ValueError: number {number}",
        parked_attempts="5",
        parked_time="2026-01-31T12:01:00+00:00",
    )
    entry: bytes = store.xadd(f"{{usage:0}}:parked:{group}", fields)
    return f"usage:0/{group}/{entry.decode()}"


def test_status_tells_health_and_the_lag_of_each_group(cxmesh: Cxmesh, store: Any) -> None:
    for number in range(1, 6):
        store.xadd("{usage:0}:events", event(number))
    store.xgroup_create("{usage:0}:events", "offer-decision", id="0")
    store.xreadgroup("offer-decision", "me", {"{usage:0}:events": ">"}, count=2)
    park(store, "offer-decision", 9)

    ended = cxmesh("status", "--json")
    assert ended.code == 0
    document = json.loads(ended.out)
    assert document["healthy"] is True
    health = {process["name"]: process["health"] for process in document["processes"]}
    assert (health["redis"], health["profile"], health["postgresql"]) == ("serving", "stopped", "stopped")
    (lag,) = document["streams"]
    assert (lag["topic"], lag["partition"], lag["group"]) == ("usage", 0, "offer-decision")
    assert (lag["waiting"], lag["pending"], lag["parked"]) == (3, 2, 1)
    assert lag["oldest"] is not None

    shown = cxmesh("status").out
    assert "usage:0  offer-decision" in shown
    assert "1, see cxmesh events parked" in shown


def test_status_of_a_redis_that_died_says_so(cxmesh: Cxmesh, store: Any, home: Home) -> None:
    assert store.ping()
    from_elsewhere = cxmesh("status")
    assert from_elsewhere.code == 0
    stop_store(home, REDIS)
    assert cxmesh("status").code == 3


def test_parked_events_are_listed_with_reason_and_content(cxmesh: Cxmesh, store: Any) -> None:
    assert cxmesh("events", "parked").out == "nothing is parked\n"
    entries = [park(store, "offer-decision", number) for number in range(1, 4)]
    other = park(store, "notification", 7)
    listed = json.loads(cxmesh("events", "parked", "--json").out)
    assert [parked["name"] for parked in listed] == [other, *entries]
    assert listed[1]["reason"] == "ValueError: number 1"
    assert listed[1]["message"] == {}
    assert (listed[1]["key"], listed[1]["attempts"], listed[1]["group"]) == ("s-1", 5, "offer-decision")
    of_one_group = json.loads(cxmesh("events", "parked", "--group", "notification", "--json").out)
    assert [parked["name"] for parked in of_one_group] == [other]
    assert "ValueError: number 2" in cxmesh("events", "parked", "--topic", "usage").out
    assert cxmesh("events", "parked", "--topic", "profile").out == "nothing is parked\n"


def test_more_parked_events_than_a_page_are_all_listed(cxmesh: Cxmesh, store: Any) -> None:
    for number in range(205):
        park(store, "notification", number)
    assert len(json.loads(cxmesh("events", "parked", "--json").out)) == 205


def test_replayed_events_go_to_their_group_alone(cxmesh: Cxmesh, store: Any) -> None:
    first, second = park(store, "notification", 1), park(store, "notification", 2)
    park(store, "offer-decision", 3)
    assert cxmesh("events", "replay", first).out == "1 replayed\n"
    ((left, _),) = store.xrange("{usage:0}:parked:notification")
    assert second.endswith(f"/{left.decode()}")
    (replayed,) = store.xrange("{usage:0}:replay:notification")
    assert replayed[1][b"subject"] == b"s-1"
    assert json.loads(cxmesh("events", "replay", "--all", "--group", "notification", "--json").out) == {
        "replayed": [second]
    }
    assert store.xlen("{usage:0}:parked:offer-decision") == 1


def test_dropped_events_are_gone_once_it_is_confirmed(cxmesh: Cxmesh, store: Any) -> None:
    entry = park(store, "notification", 1)
    unconfirmed = cxmesh("events", "drop", entry)
    assert unconfirmed.code == 2
    assert "add --yes" in unconfirmed.err
    assert cxmesh("events", "drop", entry, "--yes").out == "1 dropped\n"
    assert store.xlen("{usage:0}:parked:notification") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("replay",), "say which events"),
        (("replay", "1-0", "--all"), "say which events"),
        (("replay", "1-0"), "nothing is parked under 1-0"),
        (("drop", "1-0", "--yes"), "nothing is parked under 1-0"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_is_not_parked_cannot_be_settled(cxmesh: Cxmesh, arguments: tuple[str, ...], message: str) -> None:
    ended = cxmesh("events", *arguments)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.parametrize("kind", ["", "nothing", "cxmesh.usage.v1.NoSuchEvent", "cxmesh.nowhere.v1.Event"])
def test_an_event_of_unknown_type_has_no_readable_content(kind: str) -> None:
    assert decode_event(kind, b"\x00") is None


def test_bytes_that_are_no_message_have_no_readable_content() -> None:
    assert decode_event(EVENT.full_name, b"\xff\xff") is None
