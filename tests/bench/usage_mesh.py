"""On what is usage measured: the services that take part in an ingest, on embedded stores, with subscribers in bulk."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
import psutil
import psycopg
from google.type.money_pb2 import Money

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.usage.v1.spend_policy_pb2 import SpendPolicy
from cxmesh.usage.v1.usage_service_pb2 import CreateSpendPolicyRequest
from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceStub
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.record import require_record
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service
from tests.bench.instance import instance
from tests.bench.usage_load import TELLING

SERVICES = ("profile", "usage-correlation", "offer-decision")
METERED, BUNDLE = "bench-metered", "bench-bundle"
"""The plans: one charges for everything, one has allowances first."""
THRESHOLD = 100
"""Euros between two thresholds, and the price of a call that raises a signal."""
THRESHOLDS = 10


@dataclass(frozen=True)
class UsageMesh:
    """A running instance."""

    home: Home
    channel: grpc.Channel
    """To usage-correlation, with mutual TLS."""
    database: psycopg.Connection

    def load(self, prefix: str, plan: str, first: int, count: int) -> None:
        """Make customers with a subscription each, numbered on from `first`, by SQL: the profile asks no one else.

        A bill cycle begins on each day of the month somewhere.
        """
        for statement in _LOAD:
            values = {"prefix": prefix, "plan": plan, "first": first, "last": first + count - 1}
            self.database.execute(statement, values)
        self.database.execute("VACUUM ANALYZE profile.customer, profile.subscription, profile.plan_start")

    def signals(self) -> int:
        """How many there are."""
        [(count,)] = self.database.execute("SELECT count(*) FROM usage.signal").fetchall()
        return int(count)

    def signal_commits(self, source: str = "bench") -> list[tuple[str, float]]:
        """The record that decided each signal, and when its transaction was committed: seconds since 1970."""
        rows = self.database.execute(_COMMITS).fetchall()
        return [(record.removeprefix(f"{source}/"), float(seconds)) for record, seconds in rows]

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far of each process with its children; the benchmark's own as `client`."""
        found = {name: _cpu(record.mark.pid) for name, record in require_record(self.home).processes.items()}
        own = psutil.Process().cpu_times()
        return {**found, "client": own.user + own.system}


@contextmanager
def usage_mesh() -> Iterator[UsageMesh]:
    """An instance of SERVICES, with plans and a policy."""
    with (
        instance(SERVICES) as (home, database),
        channel_to(home, find_service("usage-correlation")) as channel,
        channel_to(home, find_service("offer-decision")) as offers,
    ):
        _plans(offers)
        _policy(channel)
        yield UsageMesh(home, channel, database)


def _plans(channel: grpc.Channel) -> None:
    for plan_id, allowances in ((METERED, []), (BUNDLE, _ALLOWANCES)):
        plan = Plan(display_name=plan_id, state=PLAN_STATE_ACTIVE, tariff_document=_tariff(plan_id, allowances))
        CatalogServiceStub(channel).CreatePlan(
            CreatePlanRequest(plan_id=plan_id, plan=plan, request_id=str(uuid.uuid4())), timeout=10
        )


def _policy(channel: grpc.Channel) -> None:
    step = 100 // THRESHOLDS
    policy = SpendPolicy(
        display_name="Ten thresholds",
        limit=Money(currency_code="EUR", units=THRESHOLD * THRESHOLDS),
        threshold_percents=range(step, 101, step),
    )
    UsageServiceStub(channel).CreateSpendPolicy(
        CreateSpendPolicyRequest(spend_policy_id="bench", spend_policy=policy, request_id=str(uuid.uuid4())), timeout=10
    )


def _tariff(plan_id: str, allowances: list[dict[str, object]]) -> str:
    """Calls by destination and time of day, the first minute whole and then by the second; data; messages."""
    bands = [("day", "08:00", "18:00"), ("evening", "18:00", "22:00"), ("night", "22:00", "08:00")]
    zones = {"home": ["43"], "near": ["49"], "far": ["1", "886"], "telling": [TELLING]}
    rates: list[dict[str, object]] = [
        {"service": "voice", "zone": zone, "band": band, "line": f"voice.{zone}.{band}", "steps": _steps(price)}
        for zone, price in (("home", "0.04"), ("near", "0.09"), ("far", "0.29"))
        for band, *_ in bands
    ]
    rates += [
        {"service": "voice", "zone": "telling", "line": "voice.telling", "flat": str(THRESHOLD)},
        {"service": "data", "line": "data", "price": "0.02", "per": "megabyte", "increment": "kilobyte"},
        {"service": "sms", "line": "sms", "price": "0.05", "per": 1},
    ]
    version = {
        "from": "2020-01-01",
        "schedules": [{"id": "hours", "bands": [{"band": band, "from": low, "to": high} for band, low, high in bands]}],
        "zones": [{"id": zone, "prefixes": prefixes} for zone, prefixes in zones.items()],
        "rates": rates,
        "allowances": allowances,
    }
    head = {"format": "cxmesh-tariff/1", "id": plan_id, "name": plan_id, "currency": "EUR", "time_zone": _ZONE}
    return json.dumps({**head, "rounding": {"line": {"method": "half_up", "decimals": 2}}, "versions": [version]})


def _steps(price: str) -> list[dict[str, object]]:
    return [{"after": after, "price": price, "per": "minute", "increment": each} for after, each in ((0, 60), (60, 1))]


def _cpu(pid: int) -> float:
    process = psutil.Process(pid)
    ended = process.cpu_times()  # counts the children that have ended, too
    total = ended.user + ended.system + ended.children_user + ended.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended; the next look finds it with its parent
            total += child.cpu_times().user + child.cpu_times().system
    return total


def scale() -> float:
    """BENCH_SCALE: 1 measures at full size, 0.05 tries the benchmark itself."""
    return float(os.environ.get("BENCH_SCALE", "1"))


_ZONE = "Europe/Vienna"
_VOICE = [
    {"line": f"voice.{zone}.{band}", "factor": factor}
    for zone, factor in (("home", "1"), ("near", "2"))
    for band in ("day", "evening", "night")
]
_ALLOWANCES: list[dict[str, object]] = [
    {"id": "minutes", "name": "Minutes", "unit": "minute", "amount": "30", "covers": _VOICE, "proration": "by_day"},
    {"id": "data", "name": "Data", "unit": "megabyte", "amount": "20", "covers": [{"line": "data"}]},
    {"id": "messages", "name": "Messages", "unit": "message", "amount": "10", "covers": [{"line": "sms"}]},
]
# The shard is the CRC-32 of the id, as everywhere.
_LOAD = (
    """
    INSERT INTO profile.customer (
        shard, customer_id, display_name, life_cycle_state, contact_media, language_code, time_zone, region_code,
        consents, source_references, create_time, update_time, revision
    )
    SELECT crc32(convert_to(id, 'UTF8')) %% 64, id, id, 'active', '[]', 'de-AT', 'Europe/Vienna', 'AT', '[]', '[]',
        now(), now(), 1
    FROM generate_series(%(first)s::int, %(last)s::int) AS number, format('c-%%s%%s', %(prefix)s::text, number) AS id
    """,
    """
    INSERT INTO profile.subscription (
        shard, subscription_id, customer_shard, customer_id, service_type, line_identifier, bill_cycle_day, state,
        activate_time, create_time, update_time, revision
    )
    SELECT crc32(convert_to(id, 'UTF8')) %% 64, id, crc32(convert_to('c-' || id, 'UTF8')) %% 64, 'c-' || id, 'mobile',
        '43660' || number, 1 + number %% 28, 'active', '2020-01-01+00', now(), now(), 1
    FROM generate_series(%(first)s::int, %(last)s::int) AS number, format('%%s%%s', %(prefix)s::text, number) AS id
    """,
    """
    INSERT INTO profile.plan_start (shard, subscription_id, start_time, plan)
    SELECT crc32(convert_to(id, 'UTF8')) %% 64, id, '2020-01-01+00', 'plans/' || %(plan)s::text
    FROM generate_series(%(first)s::int, %(last)s::int) AS number, format('%%s%%s', %(prefix)s::text, number) AS id
    """,
)
_COMMITS = """
    SELECT evidence_records[array_upper(evidence_records, 1)],
        extract(epoch FROM pg_xact_commit_timestamp(xmin))
    FROM usage.signal
"""
