"""What the service may be told, and what it says of nonsense."""

import pytest

from mesh.settings import SettingsError, load
from notification.settings import Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/x")
    monkeypatch.setenv("REDIS_URL", "redis://localhost")
    monkeypatch.setenv("CXMESH_PLAINTEXT", "true")
    return monkeypatch


def test_it_runs_without_being_told_more(environment):
    settings = load(Settings)

    assert (settings.smtp_host, settings.smtp_port, settings.smtp_security) == ("localhost", 25, "if-offered")


def test_stopping_waits_longer_than_a_message_takes(environment):
    settings = load(Settings)

    assert settings.smtp_timeout_seconds < settings.drain_grace_seconds


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CXMESH_SMTP_SENDER", "nobody"),
        ("CXMESH_SMTP_SENDER", "Us <us@example.com>"),
        ("CXMESH_SMTP_SENDER", "a@example.com\nBcc: b@example.com"),
        ("CXMESH_SMTP_SENDER", "zoë@example.com"),
        ("CXMESH_SITE_URL", "my.example.com"),
        ("CXMESH_SITE_URL", "https://"),
        ("CXMESH_SITE_URL", "https://my.example.com?x=1"),
        ("CXMESH_SITE_URL", "javascript:alert(1)"),
        ("CXMESH_SMTP_PORT", "0"),
        ("CXMESH_SMTP_SECURITY", "maybe"),
        ("CXMESH_SMTP_CLIENT_NAME", "a b"),
        ("CXMESH_MAX_ATTEMPTS", "0"),
        ("CXMESH_MESSAGES_IN_HAND", "0"),
    ],
)
def test_nonsense_is_named(environment, variable: str, value: str):
    environment.setenv(variable, value)

    with pytest.raises(SettingsError, match=variable):
        load(Settings)


def test_the_password_is_not_shown(environment):
    environment.setenv("CXMESH_SMTP_PASSWORD", "open sesame")

    assert "open sesame" not in repr(load(Settings))
