"""How long does it take to find the best plan for ten thousand subscribers? (`usage.best_plan_s`, AREA=usage.)"""

import json
import random
from datetime import UTC, datetime
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.usage.v1.plan_advice_pb2 import PLAN_ADVICE_STATE_READY
from cxmesh.usage.v1.plan_advice_service_pb2 import BatchGetPlanAdviceRequest
from cxmesh.usage.v1.plan_advice_service_pb2_grpc import PlanAdviceServiceStub
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service
from rating import (
    SERVICE_CODES,
    SERVICES,
    Cycle,
    Service,
    Tariff,
    UsageColumns,
    UsageRecord,
    load_tariff,
    open_account,
    rate_for,
)
from tests.bench.figures import Figure, median_seconds
from tests.bench.stored_usage import store_usage
from tests.bench.usage_mesh import scale, usage_mesh
from usage_correlation.domain.bill_cycles import BillCycle
from usage_correlation.domain.moments import MICROS, to_micros
from usage_correlation.domain.plan_advice.advice import Group, advise

SUBSCRIBERS = 10_000
PLANS = 20
RECORDS_A_CYCLE = 60
CYCLES = tuple(
    BillCycle(to_micros(datetime(2026, month, 1, tzinfo=UTC)), to_micros(datetime(2026, month + 1, 1, tzinfo=UTC)))
    for month in (1, 2, 3)
)
OPTIONS = 3
_ONE_BY_ONE = 2_000
_DAY = 86_400
_DAYS_STORED = 130
"""Until now: whole cycles begin up to four months back."""


def plans(*, allowances: bool) -> dict[str, Tariff]:
    """Twenty plans by band, destination and service; three of four include minutes and data, one rolls over."""
    return {plan: load_tariff(document) for plan, document in documents(allowances=allowances).items()}


def documents(*, allowances: bool) -> dict[str, str]:
    """Their tariffs, by plan."""
    return {f"plan-{number:02d}": _plan(number, allowances=allowances and number % 4 > 0) for number in range(PLANS)}


def _plan(number: int, *, allowances: bool) -> str:
    source = random.Random(number)  # repeatable, no secret
    bands = [("day", "08:00", "17:00"), ("evening", "17:00", "22:00"), ("night", "22:00", "08:00")]

    def price() -> str:
        return f"0.{source.randrange(5, 30):02d}"

    rates: list[dict[str, object]] = [
        {
            "line": band,
            "service": "voice",
            "zone": "national",
            "band": band,
            "steps": [
                {"after": 0, "price": price(), "per": "minute", "increment": 60},
                {"after": 60, "price": price(), "per": "minute", "increment": 1},
            ],
        }
        for band, *_ in bands
    ]
    rates += [
        {"line": "international", "service": "voice", "zone": "international", "price": "0.27", "per": "minute"},
        {"line": "sms", "service": "sms", "price": "0.05", "per": "message"},
        {"line": "data", "service": "data", "price": "0.01", "per": "megabyte"},
    ]
    version: dict[str, object] = {
        "from": "2024-01-01",
        "schedules": [{"id": "h", "bands": [{"band": band, "from": low, "to": high} for band, low, high in bands]}],
        "zones": [{"id": "national", "prefixes": ["1"]}, {"id": "international", "default": True}],
        "rates": rates,
        "recurring": [{"name": "Fee", "amount": f"{source.randrange(5, 40)}.00"}],
    }
    if allowances:
        covers = [{"line": band} for band, *_ in bands]
        minutes = {"id": "talk", "name": "Talk", "unit": "minute", "amount": str(source.randrange(50, 500))}
        surf = {"id": "surf", "name": "Surf", "unit": "megabyte", "amount": str(source.randrange(100, 5000))}
        rolls = {"rollover_cycles": int(number % 4 == 1)}
        version["allowances"] = [
            {**minutes, **rolls, "covers": covers},
            {**surf, **rolls, "covers": [{"line": "data"}]},
        ]
    head = {"format": "cxmesh-tariff/1", "id": f"plan-{number:02d}", "name": "Plan", "currency": "EUR"}
    rounding = {"line": {"method": "half_up", "decimals": 2}}
    return json.dumps({**head, "time_zone": "Europe/Vienna", "rounding": rounding, "versions": [version]})


def usage(subscribers: int, since: int, until: int) -> tuple[UsageColumns, NDArray[np.int64]]:
    """Calls, texts and data, 60 in 30 days, and each record's subscriber."""
    source = np.random.default_rng(1)
    count = subscribers * round(RECORDS_A_CYCLE * (until - since) / (30 * _DAY))
    codes = [SERVICE_CODES[service] for service in (Service.VOICE, Service.SMS, Service.DATA)]
    service = source.choice(codes, count, p=[0.5, 0.2, 0.3]).astype(np.uint8)
    amounts = {
        codes[0]: np.ceil(source.exponential(120, count)),
        codes[1]: np.ones(count),
        codes[2]: source.integers(10**5, 5 * 10**7, count),
    }
    tails = source.integers(1000, 9999, count).astype(np.str_)
    numbers = np.char.add(np.where(source.random(count) < 0.9, "1212555", "4312345"), tails)
    columns = UsageColumns.of(
        service=service,
        start=source.integers(since, until, count),
        quantity=np.select([service == code for code in codes], [amounts[code] for code in codes]).astype(np.int64),
        destination=np.where(service == codes[2], "", numbers),
    )
    return columns, source.integers(0, subscribers, count)


def seconds(tariffs: dict[str, Tariff], columns: UsageColumns, owner: NDArray[np.int64]) -> float:
    """Advice for all of them, from columns as the store gives them to the options that a caller is told."""
    group = Group(CYCLES, tuple(f"s-{number}" for number in range(SUBSCRIBERS)), ("plan-00",) * SUBSCRIBERS, tariffs)
    return median_seconds(lambda: advise(group, columns, owner, OPTIONS), runs=3)


def one_by_one(tariff: Tariff, columns: UsageColumns) -> float:
    """Seconds a record and plan when events are priced one at a time, as others compare plans."""
    cycle = Cycle(CYCLES[0].start, CYCLES[-1].end)
    rows = columns.rows(slice(_ONE_BY_ONE))
    records = [
        UsageRecord(SERVICES[service], datetime.fromtimestamp(start, UTC), quantity, destination)
        for service, start, quantity, destination in zip(
            rows.service.tolist(), rows.start.tolist(), rows.quantity.tolist(), rows.destination.tolist(), strict=True
        )
    ]
    account = open_account(tariff, cycle)
    began = perf_counter()
    for record in records:
        account = rate_for(record, tariff, account).account
    return (perf_counter() - began) / len(records)


def through_the_service() -> float:
    """Seconds until the last advice has come, from usage in PostgreSQL, over gRPC with mutual TLS; median of 3 runs."""
    subscribers = round(SUBSCRIBERS * scale())
    with usage_mesh() as mesh, channel_to(mesh.home, find_service("offer-decision")) as offers:
        for plan_id, document in documents(allowances=True).items():
            plan = Plan(display_name=plan_id, state=PLAN_STATE_ACTIVE, tariff_document=document)
            CatalogServiceStub(offers).CreatePlan(CreatePlanRequest(plan_id=plan_id, plan=plan), timeout=10)
        mesh.load("a-", "plan-00", 0, subscribers)
        now = int(datetime.now(UTC).timestamp())
        names = [f"a-{number}" for number in range(subscribers)]
        store_usage(mesh.database, names, *usage(subscribers, now - _DAYS_STORED * _DAY, now))
        request = BatchGetPlanAdviceRequest(
            names=[f"subscriptions/{name}/planAdvice" for name in names],
            plans=[f"plans/{plan}" for plan in documents(allowances=True)],
            cycle_count=len(CYCLES),
        )
        stub = PlanAdviceServiceStub(mesh.channel)
        return median_seconds(lambda: _advised(stub, request), runs=3)


def _advised(stub: PlanAdviceServiceStub, request: BatchGetPlanAdviceRequest) -> None:
    advice = [one for part in stub.BatchGetPlanAdvice(request, timeout=300) for one in part.advice]
    priced = sum(one.state == PLAN_ADVICE_STATE_READY and one.cycle_count == len(CYCLES) for one in advice)
    if priced != len(request.names):
        raise RuntimeError(f"of {len(request.names)} subscribers {priced} were advised")


def run() -> dict[str, Figure]:
    """10,000 subscribers x 20 plans x 3 cycles of 60 records, with allowances and without; against one at a time.

    Of columns in memory, and through the service from records in PostgreSQL.
    """
    columns, owner = usage(SUBSCRIBERS, CYCLES[0].start_micros // MICROS, CYCLES[-1].end_micros // MICROS)
    rich = plans(allowances=True)
    single = one_by_one(rich["plan-01"], columns) * len(columns) * PLANS
    with_allowances = seconds(rich, columns, owner)
    plain = seconds(plans(allowances=False), columns, owner)
    return {
        "usage.best_plan_s": Figure.against(with_allowances, single, "s"),
        "usage.best_plan_rpc_s": Figure.against(through_the_service(), with_allowances, "s"),
        "usage.best_plan_plain_s": Figure.against(plain, with_allowances, "s"),
    }
