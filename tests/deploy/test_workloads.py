"""Is every pod restricted, probed, bounded and given time to drain?"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from environment import environment_of
from kustomization import Object
from kustomization.objects import containers, pod_template

from mesh.settings import ServiceSettings


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def servers(objects: list[Object]) -> dict[str, Object]:
    return {
        name: each
        for name, each in of_kind(objects, "Deployment").items()
        if each["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "server"
    }


def pods(objects: list[Object]) -> Iterator[Object]:
    return (template for each in objects if (template := pod_template(each)))


def all_containers(objects: list[Object]) -> Iterator[Object]:
    return (container for each in objects for container in containers(each))


def selects(selector: dict[str, str], template: Object) -> bool:
    labels: dict[str, str] = template["metadata"]["labels"]
    return selector.items() <= labels.items()


class TestEveryService:
    def test_has_a_deployment_a_service_an_account_a_budget_and_a_migration(
        self, rendered: list[Object], packages: dict[str, str]
    ) -> None:
        assert set(servers(rendered)) == set(packages)
        assert set(of_kind(rendered, "ServiceAccount")) == set(packages)
        assert set(of_kind(rendered, "PodDisruptionBudget")) == set(packages)
        assert set(of_kind(rendered, "Service")) >= set(packages)
        assert set(of_kind(rendered, "Job")) == {f"{name}-migrate" for name in packages}

    def test_runs_its_own_package(self, rendered: list[Object], packages: dict[str, str]) -> None:
        for name, package in packages.items():
            (server,) = containers(servers(rendered)[name])
            (migration,) = containers(of_kind(rendered, "Job")[f"{name}-migrate"])
            assert server["args"] == [package, "serve"]
            assert migration["args"] == [package, "migrate"]
            assert server["image"] == migration["image"]

    def test_runs_under_its_own_account(self, rendered: list[Object], packages: dict[str, str]) -> None:
        for name in packages:
            for workload in (servers(rendered)[name], of_kind(rendered, "Job")[f"{name}-migrate"]):
                assert workload["spec"]["template"]["spec"]["serviceAccountName"] == name

    def test_reads_its_own_certificate(self, rendered: list[Object], packages: dict[str, str]) -> None:
        for name in packages:
            server = servers(rendered)[name]
            (tls,) = [each for each in server["spec"]["template"]["spec"]["volumes"] if each["name"] == "tls"]
            assert tls["secret"] == {"secretName": f"{name}-tls", "defaultMode": 0o440}
            (container,) = containers(server)
            mount = {"name": "tls", "mountPath": "/etc/cxmesh/tls", "readOnly": True}  # no subPath: it is renewed
            assert mount in container["volumeMounts"]

    def test_signs_evidence_with_the_key_that_all_replicas_have(self, rendered: list[Object]) -> None:
        server = servers(rendered)["value-network-sla"]
        (secret,) = [
            each["secret"] for each in server["spec"]["template"]["spec"]["volumes"] if each["name"] == "evidence"
        ]
        assert secret == {"secretName": "value-network-sla-evidence", "defaultMode": 0o440}
        (container,) = containers(server)
        (mount,) = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "evidence"]
        assert environment_of(rendered, "value-network-sla")["CXMESH_EVIDENCE_KEY_FILE"] == f"{mount}/key.pem"

    def test_keeps_serving_while_it_is_replaced(self, rendered: list[Object]) -> None:
        for server in servers(rendered).values():
            update = server["spec"]["strategy"]["rollingUpdate"]
            assert (update["maxUnavailable"], update["maxSurge"]) == (0, 1)

    def test_has_two_replicas_in_the_base_and_one_for_development(self, base: list[Object], dev: list[Object]) -> None:
        assert {each["spec"]["replicas"] for each in servers(base).values()} == {2}
        assert {each["spec"]["replicas"] for each in servers(dev).values()} == {1}

    def test_has_more_time_to_end_than_it_takes_at_worst(self, rendered: list[Object]) -> None:
        for name, server in servers(rendered).items():
            (container,) = containers(server)
            pre_stop = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            drain = float(environment_of(rendered, name)["CXMESH_DRAIN_GRACE_SECONDS"])
            notice = ServiceSettings.model_fields["drain_notice_seconds"].default
            traces = 30  # OpenTelemetry's default for the last export
            worst = pre_stop + notice + drain + drain + traces  # calls first, then event handlers
            assert server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= worst

    def test_is_probed_on_the_health_port(self, rendered: list[Object]) -> None:
        for server in servers(rendered).values():
            (container,) = containers(server)
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert container[probe]["grpc"] == {"port": ports["health"], "service": ""}
            live = container["livenessProbe"]
            assert live["periodSeconds"] * live["failureThreshold"] >= 60, "a pause must not kill a server"

    def test_is_spread_by_service_and_revision(self, rendered: list[Object]) -> None:
        for server in servers(rendered).values():
            for rule in server["spec"]["template"]["spec"]["topologySpreadConstraints"]:
                assert rule["matchLabelKeys"] == ["app.kubernetes.io/name", "pod-template-hash"]
                assert selects(rule["labelSelector"]["matchLabels"], server["spec"]["template"])

    def test_takes_its_stores_from_one_secret(self, base: list[Object], packages: dict[str, str]) -> None:
        for name in packages:
            for workload, keys in (
                (servers(base)[name], ["DATABASE_URL", "REDIS_URL"]),
                (of_kind(base, "Job")[f"{name}-migrate"], ["DATABASE_URL"]),
            ):
                (container,) = containers(workload)
                secrets = [each["valueFrom"].get("secretKeyRef") for each in container["env"]]
                assert [each for each in secrets if each] == [{"name": "cxmesh-stores", "key": key} for key in keys]


class TestEveryPod:
    def test_is_restricted(self, rendered: list[Object]) -> None:
        for pod in pods(rendered):
            spec = pod["spec"]
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["securityContext"]["runAsUser"] > 0
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
            kinds = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
            assert kinds <= {"secret", "emptyDir", "configMap"}

    def test_holds_no_token_of_the_kubernetes_api(self, rendered: list[Object]) -> None:
        for pod in pods(rendered):
            assert pod["spec"]["automountServiceAccountToken"] is False
        for account in of_kind(rendered, "ServiceAccount").values():
            assert account["automountServiceAccountToken"] is False

    def test_has_containers_without_any_right(self, rendered: list[Object]) -> None:
        for container in all_containers(rendered):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "privileged" not in context

    def test_has_a_root_file_system_that_nobody_writes_to(self, base: list[Object]) -> None:
        for container in all_containers(base):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounts["scratch"] == "/tmp"  # noqa: S108 - a folder of the container

    def test_says_what_it_needs_and_what_it_may_take(self, rendered: list[Object]) -> None:
        for container in all_containers(rendered):
            for bounds in (container["resources"]["requests"], container["resources"]["limits"]):
                assert {"cpu", "memory"} <= set(bounds)

    def test_runs_an_image_of_a_stated_version(self, rendered: list[Object], root: Path) -> None:
        version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
        for container in all_containers(rendered):
            name, _, tag = container["image"].partition(":")
            assert tag not in {"", "latest"}
            assert name != "cxmesh" or tag == version

    def test_is_known_as_part_of_cxmesh(self, rendered: list[Object]) -> None:
        for pod in pods(rendered):
            assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "cxmesh"


class TestSelectors:
    def test_of_a_deployment_match_its_pods(self, rendered: list[Object]) -> None:
        for kind in ("Deployment", "StatefulSet"):
            for each in of_kind(rendered, kind).values():
                assert selects(each["spec"]["selector"]["matchLabels"], each["spec"]["template"])

    @pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
    def test_of_a_service_and_a_budget_match_one_workload_and_no_migration(
        self, rendered: list[Object], kind: str
    ) -> None:
        workloads = [each for each in rendered if pod_template(each)]
        for name, each in of_kind(rendered, kind).items():
            selector = each["spec"]["selector"]
            labels = selector.get("matchLabels", selector)
            matched = [w["metadata"]["name"] for w in workloads if selects(labels, w["spec"]["template"])]
            assert matched == [name]


class TestServices:
    def test_are_headless(self, rendered: list[Object]) -> None:
        assert {each["spec"]["clusterIP"] for each in of_kind(rendered, "Service").values()} == {"None"}

    def test_offer_ports_that_the_container_has(self, rendered: list[Object]) -> None:
        workloads = [each for each in rendered if pod_template(each)]
        for service in of_kind(rendered, "Service").values():
            (workload,) = [w for w in workloads if selects(service["spec"]["selector"], w["spec"]["template"])]
            (container,) = containers(workload)
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            for port in service["spec"]["ports"]:
                # A headless name resolves to the pod itself: the port asked for is the container's.
                assert ports[port["targetPort"]] == port["port"]

    def test_of_the_six_offer_grpc_and_metrics(self, rendered: list[Object], packages: dict[str, str]) -> None:
        for name in packages:
            ports = {p["name"]: p["port"] for p in of_kind(rendered, "Service")[name]["spec"]["ports"]}
            own = {"otlp-token": 4317, "otlp-http": 4318} if name == "value-network-sla" else {}
            assert ports == {"grpc": 8443, "metrics": 9464} | own


def test_a_changed_setting_rolls_the_pods(base: list[Object], dev: list[Object]) -> None:
    def names(objects: list[Object]) -> set[str]:
        sources = [each for container in all_containers(objects) for each in container.get("envFrom", [])]
        return {each["configMapRef"]["name"] for each in sources if "configMapRef" in each}

    assert names(base) == set(of_kind(base, "ConfigMap")), "every reference is to a ConfigMap that is there"
    shared = {name for name in names(base) | names(dev) if name.startswith("cxmesh-settings")}
    assert len(shared) == 2, "the name carries a hash of the content"


def test_the_namespace_admits_restricted_pods_alone(rendered: list[Object]) -> None:
    (namespace,) = of_kind(rendered, "Namespace").values()
    for mode in ("enforce", "audit", "warn"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_the_base_holds_no_secret(base: list[Object]) -> None:
    assert not of_kind(base, "Secret")
