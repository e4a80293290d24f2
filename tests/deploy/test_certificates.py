"""Do the certificates, from cert-manager or for development, say who each service is?"""

import base64
import ipaddress
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from kustomization import Object


def names_of(service: str) -> list[str]:
    return [
        service,
        f"{service}.cxmesh",
        f"{service}.cxmesh.svc",
        f"{service}.cxmesh.svc.cluster.local",
        "localhost",
    ]


class TestFromCertManager:
    @pytest.fixture
    def certificates(self, with_cert_manager: list[Object]) -> dict[str, Object]:
        return {
            each["metadata"]["name"]: each["spec"]
            for each in with_cert_manager
            if each["kind"] == "Certificate" and each["metadata"]["name"] != "cxmesh-ca"
        }

    def test_there_is_one_for_each_service(self, certificates: dict[str, Object], packages: dict[str, str]) -> None:
        assert set(certificates) == {f"{name}-tls" for name in packages}

    def test_each_carries_the_identity_and_the_names(
        self, certificates: dict[str, Object], packages: dict[str, str]
    ) -> None:
        for service in packages:
            spec = certificates[f"{service}-tls"]
            assert spec["secretName"] == f"{service}-tls"
            assert spec["uris"] == [f"spiffe://cxmesh.local/service/{service}"]
            assert spec["dnsNames"] == names_of(service)
            assert spec["ipAddresses"] == ["127.0.0.1"]
            assert {"server auth", "client auth"} <= set(spec["usages"])

    def test_the_issuer_is_there(self, certificates: dict[str, Object], with_cert_manager: list[Object]) -> None:
        issuers = {each["metadata"]["name"] for each in with_cert_manager if each["kind"] == "Issuer"}
        assert {spec["issuerRef"]["name"] for spec in certificates.values()} <= issuers


class TestForDevelopment:
    def secrets(self, root: Path, tmp_path: Path) -> dict[str, Object]:
        command = [sys.executable, str(root / "deploy/dev/certificates.py"), "--folder", str(tmp_path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return {each["metadata"]["name"]: each for each in yaml.safe_load_all(done.stdout)}

    def test_there_is_a_secret_for_each_service(
        self, root: Path, tmp_path: Path, packages: dict[str, str], dev: list[Object]
    ) -> None:
        secrets = self.secrets(root, tmp_path)
        assert set(secrets) == {f"{name}-tls" for name in packages} | {"value-network-sla-evidence"}
        namespaces = {each["metadata"]["name"] for each in dev if each["kind"] == "Namespace"}
        for secret in secrets.values():
            kubernetes_validate.validate(secret, kubernetes_validate.latest_version(), strict=True)
            assert secret["type"] == ("kubernetes.io/tls" if secret["metadata"]["name"].endswith("-tls") else "Opaque")
            assert {secret["metadata"]["namespace"]} == namespaces

    def test_each_holds_a_key_and_its_certificate_signed_by_the_authority(
        self, root: Path, tmp_path: Path, packages: dict[str, str]
    ) -> None:
        secrets = self.secrets(root, tmp_path)
        for service in packages:
            data = {k: base64.b64decode(v) for k, v in secrets[f"{service}-tls"]["data"].items()}
            leaf = x509.load_pem_x509_certificate(data["tls.crt"])
            authority = x509.load_pem_x509_certificate(data["ca.crt"])
            leaf.verify_directly_issued_by(authority)
            assert load_pem_private_key(data["tls.key"], None).public_key() == leaf.public_key()
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            uris = names.get_values_for_type(x509.UniformResourceIdentifier)
            assert uris == [f"spiffe://cxmesh.local/service/{service}"]
            assert names.get_values_for_type(x509.DNSName) == names_of(service)
            assert ipaddress.IPv4Address("127.0.0.1") in names.get_values_for_type(x509.IPAddress)

    def test_evidence_is_signed_with_a_key_of_its_own(self, root: Path, tmp_path: Path) -> None:
        data = self.secrets(root, tmp_path)["value-network-sla-evidence"]["data"]
        assert isinstance(load_pem_private_key(base64.b64decode(data["key.pem"]), None), Ed25519PrivateKey)

    def test_they_stay_the_same_until_they_are_due(self, root: Path, tmp_path: Path) -> None:
        assert self.secrets(root, tmp_path) == self.secrets(root, tmp_path)

    def test_there_is_one_for_the_developer(self, root: Path, tmp_path: Path) -> None:
        self.secrets(root, tmp_path)
        certificate = x509.load_pem_x509_certificate((tmp_path / "service/operator/certificate.pem").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == ["spiffe://cxmesh.local/service/operator"]
