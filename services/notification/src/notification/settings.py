"""What may be set from outside the notification service?"""

import re
import socket
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FilePath, SecretStr

from mesh.settings import ServiceSettings

_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def _an_address(value: str) -> str:
    if not _ADDRESS.fullmatch(value) or not value.isascii():
        raise ValueError("expected an e-mail address such as no-reply@example.com")
    return value


def _a_site(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        raise ValueError("expected the address of a site, such as https://my.example.com")
    return value


class Settings(ServiceSettings):
    """What every service has, and where messages go."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile service is reached."""
    site_url: Annotated[str, AfterValidator(_a_site)] = "https://my.cxmesh.example"
    """The provider's site: what `{action_url}` in templates begins with."""

    smtp_host: str = "localhost"
    """The SMTP server that takes e-mail."""
    smtp_port: int = Field(25, gt=0, le=65535)
    """Its port."""
    smtp_sender: Annotated[str, AfterValidator(_an_address)] = "no-reply@cxmesh.example"
    """The address that e-mail comes from."""
    smtp_security: Literal["none", "if-offered", "starttls", "tls"] = "if-offered"
    """Encryption: never, when the server offers STARTTLS, STARTTLS or nothing, TLS from the start."""
    smtp_ca_file: FilePath | None = None
    """The authorities that may sign the server's certificate, PEM; beside those that the machine trusts."""
    smtp_username: str | None = None
    """The name to sign in with; unset: no sign-in."""
    smtp_password: SecretStr | None = None
    """The password to it."""
    smtp_client_name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9.\[\]:_-]+$")
    """The name under which this service greets the server (EHLO)."""
    smtp_connections: int = Field(4, gt=0)
    """Connections to the server at a time, for each replica."""
    smtp_timeout_seconds: float = Field(15, gt=0)
    """How long the server may take with a message; shorter than the drain grace, so that stopping cuts off none."""

    retry_seconds: float = Field(30, gt=0)
    """How long to wait after a first temporary failure; each time twice as long."""
    retry_limit_seconds: float = Field(900, gt=0)
    """The longest wait between two attempts."""
    max_attempts: int = Field(12, gt=0)
    """How often a channel is tried before the next one is."""
    messages_in_hand: int = Field(16, gt=0)
    """How many messages are claimed and being sent at a time, for each replica."""
