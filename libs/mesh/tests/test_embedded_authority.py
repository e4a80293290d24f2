import socket
import ssl
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from mesh.clock import FixedClock
from mesh.embedded import CertificateFiles, DevelopmentAuthority


def loaded(files: CertificateFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


def names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_the_identity_is_the_only_uri_of_the_certificate(tmp_path: Path) -> None:
    authority = DevelopmentAuthority(tmp_path, trust_domain="example.net")
    service = names(loaded(authority.issue("service/profile")))
    assert service.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.net/service/profile"]
    assert service.get_values_for_type(x509.DNSName) == [
        "profile",
        "profile.cxmesh",
        "profile.cxmesh.svc",
        "profile.cxmesh.svc.cluster.local",
        "localhost",
    ]
    partner = names(loaded(authority.issue("partner/cdn-east")))
    assert partner.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.net/partner/cdn-east"]
    assert partner.get_values_for_type(x509.DNSName) == [], "a partner must not pass for a server"


@pytest.mark.parametrize("identity", ["profile", "service/", "service/../operator", "root/x", "service/a b", ""])
def test_an_identity_that_is_none_is_refused(tmp_path: Path, identity: str) -> None:
    with pytest.raises(ValueError, match="expected service/<name> or partner/<id>"):
        DevelopmentAuthority(tmp_path).issue(identity)


def test_the_authority_stays_the_same_when_opened_again(tmp_path: Path) -> None:
    first = DevelopmentAuthority(tmp_path).certificate_file.read_bytes()
    again = DevelopmentAuthority(tmp_path)
    assert again.certificate_file.read_bytes() == first
    loaded(again.issue("service/profile")).verify_directly_issued_by(x509.load_pem_x509_certificate(first))


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    files = DevelopmentAuthority(tmp_path / "ca").issue("service/profile", folder=tmp_path / "profile")
    assert files.key == tmp_path / "profile" / "key.pem"
    for key in (files.key, tmp_path / "ca" / "ca-key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_certificate_is_renewed_only_when_it_is_due(tmp_path: Path, clock: FixedClock) -> None:
    authority = DevelopmentAuthority(tmp_path, clock=clock)
    files = authority.issue("service/profile", valid_for=timedelta(days=90))
    assert not authority.renew_if_due("service/profile", files)
    clock.advance(timedelta(days=61))
    before = loaded(files)
    assert authority.renew_if_due("service/profile", files)
    assert loaded(files).serial_number != before.serial_number
    assert files.expires() == (clock.now() + timedelta(days=90)).replace(microsecond=0)


def test_a_certificate_of_an_earlier_authority_is_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    files = DevelopmentAuthority(tmp_path / "old").issue("service/profile", folder=folder)
    authority = DevelopmentAuthority(tmp_path / "new")
    assert authority.renew_if_due("service/profile", files)
    assert files.ca.read_bytes() == authority.certificate_file.read_bytes()


def test_two_identities_can_talk_over_mutual_tls_under_strict_rules(tmp_path: Path) -> None:
    authority = DevelopmentAuthority(tmp_path)
    server_files, client_files = authority.issue("service/profile"), authority.issue("partner/acme")
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(server_files.ca))
    server_context.load_cert_chain(server_files.certificate, server_files.key)
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = ssl.create_default_context(cafile=str(client_files.ca))
    client_context.load_cert_chain(client_files.certificate, client_files.key)
    for context in (server_context, client_context):
        context.verify_flags |= ssl.VERIFY_X509_STRICT

    seen: list[object] = []

    def serve(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        with server_context.wrap_socket(accepted, server_side=True) as connection:
            seen.append((connection.getpeercert() or {}).get("subjectAltName"))
            connection.sendall(b"hello")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with (
            socket.create_connection(listener.getsockname()) as plain,
            client_context.wrap_socket(plain, server_hostname="profile") as connection,
        ):
            assert connection.recv(5) == b"hello"
        thread.join()
    assert seen == [(("URI", "spiffe://cxmesh.local/partner/acme"),)]
