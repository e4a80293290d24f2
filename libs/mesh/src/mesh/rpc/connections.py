"""Which gRPC channel is beneath a call, when certificates are renewed in the meantime?"""

import asyncio
import json
from typing import Any

import grpc

from mesh.rpc.certificates import Certificates, TlsMaterial
from mesh.settings import ServiceSettings

# No `timeout` in here: gRPC counts it from the wrong moment and ends calls a second or two early (grpc#40633).
# Every call brings its own.
_SERVICE_CONFIG = json.dumps({
    "loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": ""},
    "methodConfig": [
        {
            "name": [{}],  # every method: mutations carry a request_id, so that repeating one does nothing twice
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.05s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # Each failure takes a token, each success gives back a tenth; below half there are no retries. They help over a
    # lost replica; over a lost service they would only add to the load.
    "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.1},
})  # fmt: skip
_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A replica that is replaced is away for a second or two; gRPC's own pauses (1 s to 2 minutes between attempts,
    # 30 s between look-ups of the name) are made for servers on the other side of the world.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
)


class Connection:
    """A gRPC channel, made with one certificate, and the number of calls that run on it."""

    __slots__ = ("_closing", "active_calls", "channel", "material", "retired")

    def __init__(self, channel: grpc.aio.Channel, material: TlsMaterial | None) -> None:
        self.channel = channel
        self.material = material
        self.active_calls = 0
        self.retired = False
        self._closing: asyncio.Task[None] | None = None

    def release(self) -> None:
        """A call has ended; the last one on a retired connection closes it."""
        self.active_calls -= 1
        self.close_if_done()

    def close_if_done(self) -> None:
        """Close when retired and idle."""
        if self.retired and self.active_calls == 0 and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.channel.close())


class Connections:
    """The connection to one service at one address; a new one when the certificate is renewed."""

    def __init__(
        self, settings: ServiceSettings, service: str, address: str, certificates: Certificates | None
    ) -> None:
        """`certificates` None: plaintext."""
        self._address = address
        self._certificates = certificates
        self._options = (
            *_OPTIONS,
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_send_message_length", settings.max_message_bytes),
            ("grpc.ssl_target_name_override", service),
        )
        self._retired: list[Connection] = []
        self._connection = self._connect(certificates.current() if certificates else None)

    def current(self) -> Connection:
        """The connection for a call that begins now; calls that run on an earlier one finish there."""
        if self._certificates is not None:
            material = self._certificates.current()
            if material is not self._connection.material:
                self._retire(self._connection)
                self._connection = self._connect(material)
        return self._connection

    async def close(self, grace: float | None) -> None:
        """Close; running calls may take `grace` seconds."""
        await asyncio.gather(*(each.channel.close(grace) for each in (*self._retired, self._connection)))

    def _connect(self, material: TlsMaterial | None) -> Connection:
        if material is None:
            return Connection(grpc.aio.insecure_channel(self._address, self._options), None)
        credentials = material.channel_credentials()
        return Connection(grpc.aio.secure_channel(self._address, credentials, self._options), material)

    def _retire(self, connection: Connection) -> None:
        connection.retired = True
        connection.close_if_done()
        self._retired = [each for each in (*self._retired, connection) if each.active_calls]
