"""What may be set from outside a service, and what does a wrong value say?"""

import os
import re
import socket
import types
from collections.abc import Iterator
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "CXMESH_"
_MEBIBYTE = 1 << 20
_IDENTITY = re.compile(r"(service|partner)/[a-z0-9][a-z0-9-]*")


class SettingsError(Exception):
    """The settings can't be used; one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _host_and_port(value: str) -> str:
    host, separator, port = value.rpartition(":")
    if not (host and separator and port.isascii() and port.isdigit() and int(port) <= 65535):  # noqa: PLR2004 - the last port
        raise ValueError("expected host:port, such as 0.0.0.0:8443 (port 0 picks a free one)")
    return value


def _with_scheme(*schemes: str) -> AfterValidator:
    def check(secret: SecretStr) -> SecretStr:
        url = urlsplit(secret.get_secret_value())
        if url.scheme not in schemes or not (url.netloc or url.query):
            raise ValueError("expected " + " or ".join(f"{scheme}://…" for scheme in schemes))
        return secret

    return AfterValidator(check)


HostPort = Annotated[str, AfterValidator(_host_and_port)]
"""`host:port`; port 0 picks a free one, IPv6 hosts stand in brackets."""


class DatabaseSettings(BaseSettings):
    """What it takes to migrate: the database alone."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, use_attribute_docstrings=True, validate_by_name=True, extra="forbid"
    )

    database_url: Annotated[SecretStr, _with_scheme("postgresql")] = Field(validation_alias="DATABASE_URL")
    """PostgreSQL, where the truth is kept: `postgresql://user:password@host:port/database`."""


class ServiceSettings(DatabaseSettings):
    """What every service is told from outside; a service adds its own fields in a subclass."""

    redis_url: Annotated[SecretStr, _with_scheme("redis", "rediss", "unix")] = Field(validation_alias="REDIS_URL")
    """Redis for streams, caches and limits: `redis://host:port`, or `rediss://` over TLS."""
    redis_cluster: bool = False
    """The Redis at `REDIS_URL` is one node of a Redis Cluster."""

    listen: HostPort = "0.0.0.0:8443"
    """Where gRPC is served."""
    health_listen: HostPort = "0.0.0.0:8081"
    """Where gRPC health checks are answered without TLS, for probes that hold no certificate."""
    metrics_listen: HostPort = "0.0.0.0:9464"
    """Where Prometheus scrapes metrics over HTTP."""

    tls_certificate_file: FilePath | None = None
    """This service's certificate chain, PEM. Renewed files are taken up without a restart."""
    tls_key_file: FilePath | None = None
    """The private key of the certificate, PEM."""
    tls_ca_file: FilePath | None = None
    """The authorities that may sign the certificates of callers and of called services, PEM."""
    plaintext: bool = False
    """Serve and call without TLS, instead of with the three TLS files. For a private machine only."""
    plaintext_identity: str | None = None
    """Who every caller is taken to be when `plaintext` is set: `service/<name>` or `partner/<id>`. Unset: nobody."""
    trust_domain: str = Field("cxmesh.local", pattern=r"^[a-z0-9._-]+$")
    """The SPIFFE trust domain that identities must belong to."""

    max_concurrent_rpcs: int = Field(1000, gt=0)
    """Calls served at a time; those beyond are refused with RESOURCE_EXHAUSTED."""
    max_message_bytes: int = Field(16 * _MEBIBYTE, gt=0)
    """The largest message taken in or sent."""
    max_connection_age_seconds: float = Field(300, gt=0)
    """A connection is renewed after this time, so that callers come to see new replicas."""
    drain_notice_seconds: float = Field(0.5, ge=0)
    """When the service stops, how long callers have to see that before new calls are refused."""
    drain_grace_seconds: float = Field(20, ge=0)
    """How long running calls and handlers may take to end when the service stops."""
    default_timeout_seconds: float = Field(10, gt=0)
    """Time limit of an outgoing call that is made without one."""

    stream_partitions: int = Field(1, gt=0)
    """Event streams that each topic is spread over; the same number in every service."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe log lines that are written."""
    instance_id: str = Field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", min_length=1)
    """What tells this replica from the others, in traces, metrics and consumer groups."""
    trace_receiver: str = "value-network-sla"
    """The DNS name that the certificate of the trace receiver (`OTEL_EXPORTER_OTLP_ENDPOINT`, https) must carry."""

    # Checks that span fields sit on the last field of their group rather than on the model: model validators run
    # only when every field is right, and all problems are to be reported at once.
    @field_validator("plaintext")
    @classmethod
    def _tls_or_plaintext(cls, plaintext: bool, info: ValidationInfo) -> bool:
        names = ("tls_certificate_file", "tls_key_file", "tls_ca_file")
        if not all(name in info.data for name in names):
            return plaintext  # a file is missing and is reported by itself
        given = [name for name in names if info.data[name] is not None]
        if plaintext and given:
            raise ValueError("expected either the three TLS files or plaintext, not both")
        if not plaintext and len(given) < len(names):
            missing = ", ".join(_variable(cls, name) for name in names if name not in given)
            raise ValueError(f"expected {missing} to be set (or {_PREFIX}PLAINTEXT=true on a private machine)")
        return plaintext

    @field_validator("plaintext_identity")
    @classmethod
    def _identity_only_without_tls(cls, identity: str | None, info: ValidationInfo) -> str | None:
        if identity is not None and not _IDENTITY.fullmatch(identity):
            raise ValueError("expected service/<name> or partner/<id>")
        if identity is not None and info.data.get("plaintext") is False:
            raise ValueError(
                f"expected only together with {_PREFIX}PLAINTEXT=true: with TLS, certificates say who calls"
            )
        return identity


SettingsT = TypeVar("SettingsT", bound=DatabaseSettings)


def load(kind: type[SettingsT]) -> SettingsT:
    """Read `kind` from the environment; raises SettingsError that names every problem."""
    try:
        return kind()
    except ValidationError as error:
        problems = [_problem(kind, details) for details in error.errors(include_url=False)]
        raise SettingsError(problems) from error


def settings_table(kind: type[DatabaseSettings]) -> str:
    """The settings of a service as a Markdown table: variable, type, default, meaning."""
    rows = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for name, field in kind.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        meaning = " ".join((field.description or "").split())
        rows.append(f"| `{_variable(kind, name)}` | {_type_name(field.annotation)} | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _problem(kind: type[DatabaseSettings], details: ErrorDetails) -> str:
    name = str(details["loc"][0])
    by_alias = {field.validation_alias: key for key, field in kind.model_fields.items() if field.validation_alias}
    name = by_alias.get(name, name)
    variable = _variable(kind, name)
    if details["type"] == "missing":
        return f"{variable} is not set: {_meaning(kind, name)}"
    said = details["msg"].removeprefix("Value error, ").replace("Input should be", "expected it to be")
    expected = said[0].lower() + said[1:]
    return f"{variable}={_shown(kind, name, details['input'])}: {expected}"


def _shown(kind: type[DatabaseSettings], name: str, value: object) -> str:
    field = kind.model_fields.get(name)
    return "(hidden)" if field is None or SecretStr in _leaves(field.annotation) else str(value)


def _meaning(kind: type[DatabaseSettings], name: str) -> str:
    return (kind.model_fields[name].description or "it has no default").strip()


def _variable(kind: type[DatabaseSettings], name: str) -> str:
    field = kind.model_fields.get(name)
    alias = field.validation_alias if field else None
    prefix = kind.model_config.get("env_prefix", _PREFIX)
    return alias if isinstance(alias, str) else f"{prefix}{name}".upper()


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "made at start"
    return (
        "none"
        if field.default is None
        else f"`{str(field.default).lower()}`"
        if isinstance(field.default, bool)
        else f"`{field.default}`"
    )


def _leaves(annotation: object) -> Iterator[object]:
    if get_origin(annotation) in (Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _leaves(argument)
    else:
        yield annotation


def _type_name(annotation: object) -> str:
    names: list[str] = []
    for leaf in _leaves(annotation):
        if get_origin(leaf) is Literal:
            names.append(" or ".join(str(value) for value in get_args(leaf)))
        elif leaf is SecretStr:
            names.append("secret text")
        elif leaf is not type(None):
            plain = get_args(leaf)[0] if get_origin(leaf) is Annotated else leaf
            words = {str: "text", int: "whole number", float: "number", bool: "true or false"}
            names.append(words.get(plain, "file") if isinstance(plain, type) else str(plain))
    return " or ".join(names)
