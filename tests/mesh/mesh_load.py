"""How do many callers keep calling while a test does something to those who answer?"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Self, TypeVar

import grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import OPERATOR_IDENTITY, tls_files
from mesh.observe import setup
from mesh.rpc import Certificates, Channels, TlsFiles
from mesh.settings import ServiceSettings

AnswerT = TypeVar("AnswerT")
