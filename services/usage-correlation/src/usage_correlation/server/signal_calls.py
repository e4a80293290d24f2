"""How are the calls on signals answered?"""

from collections.abc import AsyncIterator
from typing import Any

import grpc

from cxmesh.usage.v1 import usage_service_pb2 as pb
from cxmesh.usage.v1.signal_pb2 import Signal
from mesh.rpc import until_draining
from usage_correlation.errors import SignalNotFound
from usage_correlation.handlers.ports import Signals
from usage_correlation.handlers.watch_signals import SignalWatch
from usage_correlation.server.signals import kind_from, kinds_from, signal_message
from usage_correlation.server.wire import SIGNALS, SUBSCRIPTIONS, page

Context = grpc.aio.ServicerContext[Any, Any]


class SignalCalls:
    """Calls on signals."""

    def __init__(self, signals: Signals, watch: SignalWatch) -> None:
        self._signals = signals
        self._watch = watch

    async def GetSignal(self, request: pb.GetSignalRequest, context: Context) -> Signal:
        """One signal."""
        signal_id = request.name.removeprefix(SIGNALS)
        signal = await self._signals.get(signal_id)
        if signal is None:
            raise SignalNotFound(signal_id)
        return signal_message(signal)

    async def ListSignals(self, request: pb.ListSignalsRequest, context: Context) -> pb.ListSignalsResponse:
        """Signals, newest first."""
        wanted = page(request)
        before = wanted.after[0] if wanted.after else None
        subscription = request.subscription.removeprefix(SUBSCRIPTIONS)
        found = await self._signals.page(subscription, kind_from(request.kind), before, wanted.size + 1)
        shown, token = wanted.cut(found, lambda last: (last.position,))
        return pb.ListSignalsResponse(
            signals=[signal_message(placed.signal) for placed in shown], next_page_token=token
        )

    async def WatchSignals(
        self, request: pb.WatchSignalsRequest, context: Context
    ) -> AsyncIterator[pb.WatchSignalsResponse]:
        """Signals as they are committed."""
        async for watched in until_draining(self._watch.watch(request.cursor, kinds_from(request.kinds))):
            yield pb.WatchSignalsResponse(
                signals=[signal_message(signal) for signal in watched.signals], cursor=watched.cursor
            )
