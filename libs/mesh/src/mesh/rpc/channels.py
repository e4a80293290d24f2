"""How does a service reach the others?"""

import asyncio

import grpc

from mesh.observe import Telemetry
from mesh.rpc.certificates import Certificates
from mesh.rpc.connections import Connections
from mesh.rpc.measure import ClientMeasure
from mesh.rpc.outgoing import MeasuredChannel
from mesh.settings import ServiceSettings


class Channels:
    """The channels of one service: one for each service and address, however often it is asked for."""

    def __init__(self, settings: ServiceSettings, telemetry: Telemetry, certificates: Certificates | None) -> None:
        """`certificates` None: plaintext."""
        self._settings = settings
        self._certificates = certificates
        self._measure = ClientMeasure(telemetry.tracer, telemetry.meter)
        self._channels: dict[tuple[str, str], MeasuredChannel] = {}

    def to(self, service: str, address: str) -> grpc.aio.Channel:
        """A channel to `service` at `address` (`dns:///profile:8443`, `127.0.0.1:8443`).

        The other end must show a certificate for the name `service`, whatever the address. A call ends after its
        `timeout`, by default the settings' (`math.inf`: never), and at the latest when the time is up of the call
        on whose behalf it is made. Calls are repeated on UNAVAILABLE alone, on replicas that say they are serving.
        """
        channel = self._channels.get((service, address))
        if channel is None:
            connections = Connections(self._settings, service, address, self._certificates)
            default = self._settings.default_timeout_seconds
            channel = MeasuredChannel(connections, self._measure, service, default)
            self._channels[service, address] = channel
        return channel

    async def close(self, grace: float | None = None) -> None:
        """Close all channels; calls that take longer than `grace` seconds are cancelled."""
        channels = list(self._channels.values())
        self._channels.clear()
        await asyncio.gather(*(channel.close(grace) for channel in channels))
