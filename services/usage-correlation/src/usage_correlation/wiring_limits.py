"""What are spending limits made of?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cxmesh.usage.v1.limit_service_pb2_grpc import LimitServiceServicer, add_LimitServiceServicer_to_server
from mesh.events import Subscription
from mesh.rpc import Servicer
from mesh.service import Runtime
from mesh.store import UnitOfWork
from usage_correlation.handlers.directory import Directory
from usage_correlation.handlers.limits.book import LimitBook
from usage_correlation.handlers.limits.enforce import EnforceLimits
from usage_correlation.handlers.limits.views import ReadLimits
from usage_correlation.handlers.ports import ChangeKind
from usage_correlation.server.limit_authorization import SERVICE
from usage_correlation.server.limit_cases import LimitCases
from usage_correlation.server.limit_customer_calls import LimitCustomerCalls
from usage_correlation.server.limit_events import subscriptions
from usage_correlation.server.limit_policy_calls import LimitPolicyCalls
from usage_correlation.server.limit_record_calls import LimitRecordCalls
from usage_correlation.server.signals import signal_raised
from usage_correlation.store.keys import KeyStore
from usage_correlation.store.limits_ledger import PostgresLimitLedger
from usage_correlation.store.limits_policies import LimitPolicyStore, PostgresLimitPolicyWriter
from usage_correlation.store.limits_records import LimitRecordStore


class LimitServicer(LimitPolicyCalls, LimitCustomerCalls, LimitRecordCalls, LimitServiceServicer):
    """All calls on limits, each where its noun is."""

    def __init__(self, cases: LimitCases) -> None:
        LimitPolicyCalls.__init__(self, cases)
        LimitCustomerCalls.__init__(self, cases)
        LimitRecordCalls.__init__(self, cases)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service takes up."""

    book: LimitBook
    """Which policies apply to whom: charging asks it too."""
    servicer: Servicer
    restraint: EnforceLimits
    subscriptions: Sequence[Subscription[Any]]
    """Any: each its own type of event."""


def limits(runtime: Runtime, group: str, directory: Directory, keys: KeyStore) -> Limits:
    """Everything about limits, wired; `group` reads the others' events."""
    store, clock = runtime.store, runtime.clock
    policies, records = LimitPolicyStore(store, clock), LimitRecordStore(store)
    book = LimitBook(policies)
    directory.follow(ChangeKind.LIMIT_POLICY, book.reload, book.outdate)

    def ledger(uow: UnitOfWork) -> PostgresLimitLedger:
        return PostgresLimitLedger(uow, signal_raised, keys.of_charges)

    cases = LimitCases(
        store=store,
        ledger=ledger,
        writer=lambda uow: PostgresLimitPolicyWriter(uow.connection, clock),
        policies=policies,
        records=records,
        read=ReadLimits(directory, book, records, policies, clock),
        directory=directory,
        clock=clock,
    )
    return Limits(
        book,
        Servicer(add_LimitServiceServicer_to_server, LimitServicer(cases), SERVICE),
        EnforceLimits(book, ledger, keys, clock),
        subscriptions(group, ledger, clock),
    )
