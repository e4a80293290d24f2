"""What is the value-network SLA service made of?"""

from datetime import timedelta
from typing import Final

from cxmesh.sla.v1.value_network_sla_service_pb2_grpc import add_ValueNetworkSlaServiceServicer_to_server
from mesh.observe import log
from mesh.rpc import Servicer
from mesh.service import Application, Job, Runtime, ServiceDefinition
from value_network_sla.domain.evidence_rule import EvidenceRule
from value_network_sla.handlers.close_sessions import CloseSessions
from value_network_sla.handlers.judge_windows import JudgeWindows
from value_network_sla.handlers.settlement.keep_evidence import Sample
from value_network_sla.server.authorization import AUTHORIZATION
from value_network_sla.server.authorization import SERVICE as SLA_SERVICE
from value_network_sla.server.calls import Calls
from value_network_sla.server.faults import ERRORS
from value_network_sla.server.servicer import ValueNetworkSlaServicer
from value_network_sla.settings import Settings
from value_network_sla.store.records import records_on
from value_network_sla.store.retention import Retention, purge
from value_network_sla.store.tables import SCHEMA
from value_network_sla.wiring_pinpointing import pinpointing_jobs, pinpointing_servicers
from value_network_sla.wiring_policing import Policing
from value_network_sla.wiring_receiving import Doors
from value_network_sla.wiring_satisfaction import (
    satisfaction_jobs,
    satisfaction_servicer,
    satisfaction_subscriptions,
)
from value_network_sla.wiring_settlement import settlement_jobs, settlement_servicers

_CLOSE_EVERY = timedelta(milliseconds=250)
_JUDGE_EVERY = timedelta(seconds=1)
_PURGE_EVERY = timedelta(minutes=1)


def build(runtime: Runtime) -> Application:
    """Everything, wired."""
    settings = runtime.settings
    if not isinstance(settings, Settings):
        raise TypeError(f"expected the settings of this service, got {type(settings).__name__}")
    calls = Calls(runtime.store, records_on, runtime.clock)
    policing = Policing(runtime, settings)
    doors = Doors(runtime, settings, calls)
    return Application(
        servicers=[
            Servicer(add_ValueNetworkSlaServiceServicer_to_server, ValueNetworkSlaServicer(calls), SLA_SERVICE),
            doors.servicer(),
            *pinpointing_servicers(calls),
            satisfaction_servicer(runtime),
            *settlement_servicers(calls, settings),
            *policing.servicers(),
        ],
        authorization=AUTHORIZATION,
        errors=ERRORS,
        jobs=[
            *_jobs(runtime, settings, calls),
            *pinpointing_jobs(calls),
            *satisfaction_jobs(runtime, settings),
            *settlement_jobs(settings, calls),
            *policing.jobs(),
        ],
        subscriptions=satisfaction_subscriptions(),
        listeners=doors.listeners(),
    )


def _jobs(runtime: Runtime, settings: Settings, calls: Calls) -> list[Job]:
    close = CloseSessions(
        calls,
        quiet=timedelta(seconds=settings.quiet_seconds),
        longest_open=timedelta(seconds=settings.longest_open_seconds),
        correctable=timedelta(days=settings.span_retention_days - 1),
        on_failure=_report,
        bundles=Sample(settings.evidence_sample_ppm),
        evidence=EvidenceRule(settings.evidence_share, timedelta(minutes=settings.evidence_minutes)),
    )
    judge = JudgeWindows(calls, settle=timedelta(seconds=settings.settle_seconds))
    retention = Retention(
        spans=timedelta(days=settings.span_retention_days), sessions=timedelta(days=settings.session_retention_days)
    )

    async def throw_away() -> None:
        await purge(runtime.store, runtime.clock.now(), retention)

    return [
        Job("close-sessions", _CLOSE_EVERY, close.run),
        Job("judge-windows", _JUDGE_EVERY, judge.run),
        Job("purge-spans-and-sessions", _PURGE_EVERY, throw_away),
    ]


def _report(trace_id: bytes, error: Exception) -> None:
    log.error("session not closed", session=f"sessions/{trace_id.hex()}", exc_info=error)


SERVICE: Final = ServiceDefinition(
    name="value-network-sla",
    schema=SCHEMA,
    settings=Settings,
    build=build,
    migrations="value_network_sla.store.migrations",
)
