"""Do the manifests set what the services read, and does the result start them?"""

import importlib
from pathlib import Path

import pytest
from environment import POD_NAME, environment_of
from kustomization import Object

from mesh.settings import DatabaseSettings, ServiceSettings, load

MOUNTS = "/etc/cxmesh/"
SENDERS_COME_TO = "value-network-sla"


def settings_of(package: str) -> type[ServiceSettings]:
    kind: type[ServiceSettings] = importlib.import_module(f"{package}.settings").Settings
    assert issubclass(kind, ServiceSettings)
    return kind


def variables_of(kind: type[ServiceSettings]) -> dict[str, str]:
    """Variable to field."""
    return {
        field.validation_alias if isinstance(field.validation_alias, str) else f"CXMESH_{name}".upper(): name
        for name, field in kind.model_fields.items()
    }


def test_every_variable_is_a_setting_of_its_service(rendered: list[Object], packages: dict[str, str]) -> None:
    for name, package in packages.items():
        known = set(variables_of(settings_of(package)))
        given = {variable for variable in environment_of(rendered, name) if variable.startswith("CXMESH_")}
        assert given <= known, name


def test_every_service_is_given_the_addresses_of_those_it_calls(
    rendered: list[Object], packages: dict[str, str]
) -> None:
    for name, package in packages.items():
        given = environment_of(rendered, name)
        wanted = {each for each in variables_of(settings_of(package)) if each.endswith("_ADDRESS")}
        assert {each for each in given if each.endswith("_ADDRESS")} == wanted, name
        for variable in wanted:
            peer = variable.removeprefix("CXMESH_").removesuffix("_ADDRESS").lower().replace("_", "-")
            assert given[variable] == f"dns:///{peer}:8443"
            assert peer in packages


def test_the_ports_that_services_listen_on_are_the_container_s(
    rendered: list[Object], packages: dict[str, str]
) -> None:
    for name, package in packages.items():
        (container,) = next(
            each["spec"]["template"]["spec"]["containers"]
            for each in rendered
            if (each["kind"], each["metadata"]["name"]) == ("Deployment", name)
        )
        ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
        given, fields = environment_of(rendered, name), settings_of(package).model_fields
        known = {"grpc": "listen", "health": "health_listen", "metrics": "metrics_listen"}
        own = {"otlp-http": "otlp_http_listen", "otlp-token": "otlp_token_listen"} if name == SENDERS_COME_TO else {}
        assert set(ports) == {*known, *own}
        for port, field in (known | own).items():
            listened = given.get(f"CXMESH_{field}".upper(), fields[field].default)
            assert listened.rpartition(":")[2] == ports[port]


def test_the_settings_load(
    dev: list[Object], packages: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in ("tls/tls.crt", "tls/tls.key", "tls/ca.crt", "evidence/key.pem"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    for name, package in packages.items():
        with monkeypatch.context() as environment:
            for variable, value in environment_of(dev, name).items():
                environment.setenv(variable, value.replace(MOUNTS, f"{tmp_path}/"))
            settings = load(settings_of(package))
        assert settings.plaintext is False
        assert settings.trust_domain == "cxmesh.local"
        assert settings.instance_id == POD_NAME


def test_a_migration_is_given_the_database_and_nothing_else(
    dev: list[Object], packages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in packages:
        given = environment_of(dev, f"{name}-migrate", "Job")
        assert set(given) == {"DATABASE_URL"}
        with monkeypatch.context() as environment:
            environment.setenv("DATABASE_URL", given["DATABASE_URL"])
            assert load(DatabaseSettings).database_url.get_secret_value() == given["DATABASE_URL"]


def test_the_base_sets_all_that_is_required_but_the_stores(base: list[Object], packages: dict[str, str]) -> None:
    for name, package in packages.items():
        kind = settings_of(package)
        given = environment_of(base, name)
        required = {v for v, field in variables_of(kind).items() if kind.model_fields[field].is_required()}
        assert required <= set(given), name
