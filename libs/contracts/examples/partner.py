"""How does a partner reach the mesh? Where it is and with which certificate stands in the environment.

CXMESH_ADDRESS       host:port of the service, e.g. value-network-sla.operator.example:8443
CXMESH_CA            certificate of the authority that vouches for the operator's services (PEM)
CXMESH_CERTIFICATE   your certificate, from the operator: it says who you are
CXMESH_KEY           its private key
CXMESH_SERVER_NAME   the name in the service's certificate, where it is not the host of the address
"""

import os
from pathlib import Path

import grpc

_RETRY = """
{"methodConfig": [{"name": [{}], "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]
}}]}
"""


def channel() -> grpc.Channel:
    """A channel with mutual TLS that tries again when a replica goes away."""
    address = os.environ["CXMESH_ADDRESS"]
    credentials = grpc.ssl_channel_credentials(
        Path(os.environ["CXMESH_CA"]).read_bytes(),
        Path(os.environ["CXMESH_KEY"]).read_bytes(),
        Path(os.environ["CXMESH_CERTIFICATE"]).read_bytes(),
    )
    options = [("grpc.service_config", _RETRY)]
    if name := os.environ.get("CXMESH_SERVER_NAME"):
        options.append(("grpc.ssl_target_name_override", name))
    return grpc.secure_channel(address, credentials, options)
