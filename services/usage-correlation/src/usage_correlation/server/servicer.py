"""Which calls does the usage service answer?"""

from cxmesh.usage.v1.usage_service_pb2_grpc import UsageServiceServicer
from usage_correlation.handlers.ports import Signals
from usage_correlation.handlers.watch_signals import SignalWatch
from usage_correlation.server.policy_calls import PolicyCalls, PolicyCases
from usage_correlation.server.signal_calls import SignalCalls
from usage_correlation.server.stream_calls import StreamCalls
from usage_correlation.server.usage_calls import UsageCalls, UsageCases


class UsageServicer(UsageCalls, StreamCalls, PolicyCalls, SignalCalls, UsageServiceServicer):
    """All of them, each where its noun is."""

    def __init__(self, usage: UsageCases, policies: PolicyCases, signals: Signals, watch: SignalWatch) -> None:
        UsageCalls.__init__(self, usage)
        StreamCalls.__init__(self, usage.record_usage)
        PolicyCalls.__init__(self, policies)
        SignalCalls.__init__(self, signals, watch)
