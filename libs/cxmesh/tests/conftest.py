"""What do the command's tests share: a home each, the command itself, and servers that play services."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import grpc
import pytest
from grpc_reflection.v1alpha import reflection

from cxmesh_cli.instance.authority import ensure_certificates
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.ports import Ports, pick_free_block
from cxmesh_cli.instance.processes import ProcessMark
from cxmesh_cli.instance.record import InstanceRecord, ProcessRecord, save_record
from cxmesh_cli.main import main

sys.path.insert(0, str(Path(__file__).parent))  # for the modules beside the tests, which are no package
sys.path.append(str(Path(__file__).parents[2] / "adapters" / "tests"))  # where TAP files are made


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Cxmesh = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.at(tmp_path / "home")
    made.create()
    return made


@pytest.fixture
def cxmesh(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cxmesh:
    """Runs a command line in this process, in the test's own home."""
    monkeypatch.setenv("CXMESH_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["cxmesh", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, printed.out, printed.err)

    return run


@dataclass(frozen=True)
class Stage:
    """An instance of which single services are played by servers in this process."""

    home: Home
    ports: Ports

    @contextmanager
    def playing(
        self, service: str, full_name: str, add: Callable[[grpc.Server], None], certificate_of: str = ""
    ) -> Iterator[None]:
        """Serve with the service's certificate (or another's), asking for the caller's, as the real one does."""
        identity = f"service/{certificate_of or service}"
        tls = ensure_certificates(self.home, [identity, "service/operator", "partner/cdn-one"])[identity]
        server = grpc.server(futures.ThreadPoolExecutor(4))
        add(server)
        reflection.enable_server_reflection((full_name, reflection.SERVICE_NAME), server)
        credentials = grpc.ssl_server_credentials(
            [(tls.key.read_bytes(), tls.certificate.read_bytes())],
            root_certificates=tls.authority.read_bytes(),
            require_client_auth=True,
        )
        server.add_secure_port(f"127.0.0.1:{self.ports.of(service).grpc}", credentials)
        server.start()
        own = ProcessRecord(ProcessMark.of(os.getpid()), "0.0.0")
        save_record(self.home, InstanceRecord(self.ports, datetime.now(UTC), {service: own}))
        try:
            yield
        finally:
            server.stop(grace=None).wait()


@pytest.fixture
def stage(home: Home) -> Stage:
    return Stage(home, pick_free_block(Random()))
