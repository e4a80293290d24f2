"""What are the queries on consumption, projections and advice on plans made of?"""

import hashlib

import numpy as np

from cxmesh.usage.v1.consumption_service_pb2_grpc import add_ConsumptionServiceServicer_to_server
from cxmesh.usage.v1.plan_advice_service_pb2_grpc import add_PlanAdviceServiceServicer_to_server
from cxmesh.usage.v1.projection_service_pb2_grpc import add_ProjectionServiceServicer_to_server
from mesh.rpc import Servicer
from mesh.service import Runtime
from usage_correlation.handlers.consumption.count_usage import CountUsage
from usage_correlation.handlers.consumption.list_rated_usage import ListRatedUsage
from usage_correlation.handlers.consumption.rate_usage import RateUsage
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.forecast.limits_ahead import LimitsAhead
from usage_correlation.handlers.forecast.project_cycles import ProjectCycles
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.plan_advice.advise_plans import AdvisePlans
from usage_correlation.handlers.plan_advice.estimate_cost import EstimateCost
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.server.authorization import CONSUMPTION_SERVICE, PLAN_ADVICE_SERVICE, PROJECTION_SERVICE
from usage_correlation.server.consumption_calls import ConsumptionServicer
from usage_correlation.server.plan_advice_calls import PlanAdviceServicer
from usage_correlation.server.projection_calls import ProjectionServicer
from usage_correlation.store.limits_policies import LimitPolicyStore
from usage_correlation.store.limits_records import LimitRecordStore
from usage_correlation.store.usage import UsageStore
from usage_correlation.wiring_insights import read_countries


def queries(runtime: Runtime, directory: Directory, usage: UsageStore) -> list[Servicer]:
    """Their servicers. They keep nothing: every answer is made from records, tariffs and policies as they are."""
    clock, store = runtime.clock, runtime.store
    records = LimitRecordStore(store)
    rate = RateUsage(directory, usage, records, clock)
    book = LimitBook(LimitPolicyStore(store, clock))
    directory.follow(ChangeKind.LIMIT_POLICY, book.reload)
    limits = LimitsAhead(directory, book, records)
    consumption = ConsumptionServicer(ListRatedUsage(directory, usage, clock, rate), CountUsage(directory, rate), clock)
    projection = ProjectionServicer(ProjectCycles(directory, rate, limits, clock, chance))
    advice = PlanAdviceServicer(
        AdvisePlans(directory, usage, clock), EstimateCost(directory, rate, read_countries(), clock)
    )
    return [
        Servicer(add_ConsumptionServiceServicer_to_server, consumption, CONSUMPTION_SERVICE),
        Servicer(add_ProjectionServiceServicer_to_server, projection, PROJECTION_SERVICE),
        Servicer(add_PlanAdviceServiceServicer_to_server, advice, PLAN_ADVICE_SERVICE),
    ]


def chance(subscription: str, now_micros: int) -> np.random.Generator:
    """The same futures whenever the same is asked at the same moment, in every replica."""
    seed = hashlib.blake2b(f"{subscription}\0{now_micros}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed, "little"))
