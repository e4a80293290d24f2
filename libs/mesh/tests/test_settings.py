"""What does a service say of settings that it can't use?"""

from pathlib import Path
from typing import Any

import pytest

from mesh.settings import DatabaseSettings, ServiceSettings, SettingsError, load, settings_table


class Settings(ServiceSettings):
    """Of a service with a knob of its own."""

    profile_address: str = "dns:///profile:8443"
    """Where the profile service is."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`environment(NAME="value", …)` sets variables on top of the ones that every service needs."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hunter2@db/cxmesh")
    monkeypatch.setenv("REDIS_URL", "redis://cache:6379")
    monkeypatch.setenv("CXMESH_PLAINTEXT", "true")

    def put(**variables: str | None) -> None:
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name)
            else:
                monkeypatch.setenv(name, value)

    return put


def problems(kind: type[DatabaseSettings] = Settings) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(kind)
    return caught.value.problems


def test_settings_come_from_the_environment_with_defaults(environment: Any) -> None:
    environment(CXMESH_LISTEN="127.0.0.1:0", CXMESH_PROFILE_ADDRESS="dns:///elsewhere:1")

    settings = load(Settings)

    assert (settings.listen, settings.health_listen) == ("127.0.0.1:0", "0.0.0.0:8081")
    assert settings.profile_address == "dns:///elsewhere:1"
    assert settings.database_url.get_secret_value().endswith("@db/cxmesh")
    assert settings.instance_id


def test_every_problem_is_named_at_once_with_variable_value_and_what_was_expected(environment: Any) -> None:
    environment(
        DATABASE_URL="mysql://user:hunter2@db/cxmesh", REDIS_URL=None, CXMESH_LISTEN="8443",
        CXMESH_MAX_CONCURRENT_RPCS="-1", CXMESH_LOG_LEVEL="loud", CXMESH_PLAINTEXT="perhaps",
    )  # fmt: skip

    told = problems()

    assert told[0] == "DATABASE_URL=(hidden): expected postgresql://…"
    assert told[1].startswith("REDIS_URL is not set: Redis for streams")
    assert told[2] == "CXMESH_LISTEN=8443: expected host:port, such as 0.0.0.0:8443 (port 0 picks a free one)"
    assert told[3].startswith("CXMESH_PLAINTEXT=perhaps: ")
    assert told[4] == "CXMESH_MAX_CONCURRENT_RPCS=-1: expected it to be greater than 0"
    assert "CXMESH_LOG_LEVEL=loud: expected it to be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'" in told[5]
    assert len(told) == 6
    assert "hunter2" not in "".join(told)


def test_one_of_tls_and_plaintext_must_be_chosen(environment: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    ca = str(tmp_path / "ca.pem")

    environment(CXMESH_TLS_CA_FILE=ca)
    assert problems() == ["CXMESH_PLAINTEXT=true: expected either the three TLS files or plaintext, not both"]
    environment(CXMESH_PLAINTEXT="false")
    [told] = problems()
    assert "expected CXMESH_TLS_CERTIFICATE_FILE, CXMESH_TLS_KEY_FILE to be set" in told
    environment(CXMESH_TLS_KEY_FILE="/nowhere/key.pem")
    assert problems() == ["CXMESH_TLS_KEY_FILE=/nowhere/key.pem: path does not point to a file"]


def test_an_identity_may_be_decreed_without_tls_alone(environment: Any, tmp_path: Path) -> None:
    (tmp_path / "any.pem").touch()
    environment(CXMESH_PLAINTEXT_IDENTITY="nobody")
    assert problems() == ["CXMESH_PLAINTEXT_IDENTITY=nobody: expected service/<name> or partner/<id>"]

    files = {f"CXMESH_TLS_{name}_FILE": str(tmp_path / "any.pem") for name in ("CERTIFICATE", "KEY", "CA")}
    environment(CXMESH_PLAINTEXT_IDENTITY="partner/acme", CXMESH_PLAINTEXT="false", **files)
    [told] = problems()
    assert "expected only together with CXMESH_PLAINTEXT=true" in told


def test_a_migration_needs_the_database_alone(environment: Any) -> None:
    environment(REDIS_URL=None, CXMESH_PLAINTEXT=None)

    assert load(DatabaseSettings).database_url.get_secret_value().startswith("postgresql://")


def test_secrets_do_not_show(environment: Any) -> None:
    assert "hunter2" not in repr(load(Settings))


def test_the_settings_of_a_service_can_be_listed() -> None:
    table = settings_table(Settings)

    assert "| `DATABASE_URL` | secret text | required | PostgreSQL, where the truth is kept" in table
    assert "| `CXMESH_PLAINTEXT` | true or false | `false` |" in table
    assert "| `CXMESH_PROFILE_ADDRESS` | text | `dns:///profile:8443` | Where the profile service is. |" in table
    assert "| `CXMESH_TLS_KEY_FILE` | file | none |" in table
    assert "| `CXMESH_INSTANCE_ID` | text | made at start |" in table
    assert table.count("\n") == len(Settings.model_fields) + 2


def test_every_setting_is_documented() -> None:
    assert [name for name, field in ServiceSettings.model_fields.items() if not field.description] == []
