"""By which doors do spans come in, and who may come through them?"""

from mesh.rpc import Certificates, ErrorTable, Identity, Servicer, TlsFiles
from mesh.service import Listener, Runtime
from mesh.service.faults import COMMON_ERRORS
from value_network_sla.handlers.receive_spans import SpanReceiver
from value_network_sla.handlers.sender_tokens import TokenHolders
from value_network_sla.server.authorization import AUTHORIZATION, TRACE_SERVICE
from value_network_sla.server.calls import Calls
from value_network_sla.server.faults import ERRORS
from value_network_sla.server.intake import Intake
from value_network_sla.server.otlp_http import OtlpHttp
from value_network_sla.server.otlp_identity import Senders
from value_network_sla.server.otlp_listeners import HttpListener, TokenListener
from value_network_sla.server.trace_servicer import TraceServicer, add_trace_receiver
from value_network_sla.settings import Settings


class Doors:
    """The gRPC port of the service, and those beside it that the settings ask for."""

    def __init__(self, runtime: Runtime, settings: Settings, calls: Calls) -> None:
        receiver = SpanReceiver(calls, max_waiting_spans=settings.max_waiting_spans)
        self._intake = Intake(receiver, AUTHORIZATION)
        self._settings = settings
        self._certificates = _certificates(settings)
        self._senders = Senders(
            TokenHolders(calls, runtime.clock.now),
            trust_domain=settings.trust_domain,
            decreed=Identity.parse(settings.plaintext_identity) if settings.plaintext_identity else None,
        )
        self._errors = ErrorTable({**COMMON_ERRORS, **ERRORS})

    def servicer(self) -> Servicer:
        """For the service's own port."""
        return Servicer(add_trace_receiver, TraceServicer(self._intake), TRACE_SERVICE, traced=False)

    def listeners(self) -> list[Listener]:
        """The others."""
        settings, found = self._settings, list[Listener]()
        if settings.otlp_http_listen is not None:
            door = OtlpHttp(self._intake, self._senders.of_request, self._errors, most_bytes=settings.max_message_bytes)
            grace = settings.drain_grace_seconds
            found.append(HttpListener(door, settings.otlp_http_listen, self._certificates, grace_seconds=grace))
        if settings.otlp_token_listen is not None:
            found.append(
                TokenListener(
                    self._intake,
                    self._senders,
                    self._errors,
                    listen=settings.otlp_token_listen,
                    certificates=self._certificates,
                    most_bytes=settings.max_message_bytes,
                    most_calls=settings.max_concurrent_rpcs,
                    grace_seconds=settings.drain_grace_seconds,
                )
            )
        return found


def _certificates(settings: Settings) -> Certificates | None:
    certificate, key, ca = settings.tls_certificate_file, settings.tls_key_file, settings.tls_ca_file
    if certificate is None or key is None or ca is None:
        return None
    return Certificates(TlsFiles(certificate, key, ca))
