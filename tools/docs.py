"""Which pages are made from code, and are they up to date? `make gen` writes them, `make check` compares."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Final

from google.protobuf.descriptor import EnumDescriptor

from mesh.observe.registry import to_markdown
from mesh.settings import settings_table

ROOT: Final = Path(__file__).resolve().parent.parent
NOTE: Final = "<!-- Made from code by `make gen`. Edit the code. -->\n"

SERVICES: Final = {
    "profile": "customer_profile",
    "usage-correlation": "usage_correlation",
    "billing-accuracy": "billing_accuracy",
    "offer-decision": "offer_decision",
    "notification": "notification",
    "value-network-sla": "value_network_sla",
}
AREAS: Final = ("profile", "catalog", "usage", "billing", "offer", "notification", "sla")


def pages() -> dict[Path, str]:
    """Every generated page with the text that it should have."""
    return {
        ROOT / "docs" / "observability-names.md": _observability(),
        ROOT / "docs" / "settings.md": _settings(),
        ROOT / "docs" / "error-reasons.md": _error_reasons(),
    }


def stale_pages() -> list[str]:
    """What is wrong with the pages as they stand."""
    return [
        f"{path.relative_to(ROOT)} is not what the code says; run `make gen`"
        for path, text in pages().items()
        if not path.exists() or path.read_text() != text
    ]


def write() -> None:
    """Write every generated page."""
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(f"Wrote {path.relative_to(ROOT)}")


def _observability() -> str:
    parts = [NOTE, "# Spans, metrics and attributes\n", "## Every service\n", to_markdown()]
    for service, package in SERVICES.items():
        modules = [f"{package}.{name}" for name in ("names", "server.metrics")]
        named = [importlib.import_module(name) for name in modules if importlib.util.find_spec(name)]
        for names in named:  # a service that adds nothing to what every service has is left out
            lists = (getattr(names, kind, ()) for kind in ("SPANS", "METRICS", "ATTRIBUTES"))
            parts += [f"## {service}\n", to_markdown(*lists)]
    return "\n".join(parts).rstrip() + "\n"


def _settings() -> str:
    parts = [
        NOTE,
        "# Settings of each service",
        "Environment variables; a wrong value stops the service with its name.\n",
    ]
    for service, package in SERVICES.items():
        kind = importlib.import_module(f"{package}.settings").Settings
        parts.append(f"## {service}\n\n{settings_table(kind).strip()}\n")
    return "\n".join(parts)


def _error_reasons() -> str:
    parts = [
        NOTE,
        "# Error reasons",
        "`google.rpc.ErrorInfo.reason`, by `domain`. The comments in `error_reason.proto` hold an example each.\n",
    ]
    for area in AREAS:
        reasons: EnumDescriptor = importlib.import_module(f"cxmesh.{area}.v1.error_reason_pb2").ErrorReason.DESCRIPTOR
        names = [f"- `{value.name}`" for value in reasons.values if value.number]
        parts.append(f"## {area}.cxmesh\n\n" + "\n".join(names) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    write()
