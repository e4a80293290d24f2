"""How does the command reach a service of its instance: as whom, and how sure is it whom it talks to?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from cxmesh_cli.errors import NotRunningError
from cxmesh_cli.instance.environment import address_of
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import OPERATOR_IDENTITY, TlsFiles, require_identity
from cxmesh_cli.instance.record import require_record
from cxmesh_cli.topology import MeshService

_MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024
"""The most that any service of the mesh sends."""
_SERVICE_CONFIG = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


@contextmanager
def channel_to(home: Home, service: MeshService, identity: str = OPERATOR_IDENTITY) -> Iterator[grpc.Channel]:
    """A channel to a service of the running instance, with the certificate of `identity`."""
    record = require_record(home)
    if not record.is_alive(service.name):
        raise NotRunningError(f"{service.name} is not running in {home.root}", hint=f"cxmesh up {service.name}")
    with open_channel(
        address_of(service.name, record.ports), service.name, require_identity(home, identity)
    ) as channel:
        yield channel


def open_channel(target: str, server_name: str, tls: TlsFiles) -> grpc.Channel:
    """Mutual TLS; the other end must show a certificate for `server_name`, whatever its address."""
    credentials = grpc.ssl_channel_credentials(
        tls.authority.read_bytes(), tls.key.read_bytes(), tls.certificate.read_bytes()
    )
    options = [
        ("grpc.ssl_target_name_override", server_name),
        ("grpc.default_authority", server_name),
        ("grpc.max_receive_message_length", _MESSAGE_LIMIT_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_LIMIT_BYTES),
        ("grpc.enable_http_proxy", 0),
        # A service that restarts is found again within a second, not within the two minutes of the default.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.service_config", _SERVICE_CONFIG),
    ]
    return grpc.secure_channel(target, credentials, options)
