"""Is a taken port found before anything starts, and its holder named?"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from random import Random

import pytest

from cxmesh_cli.errors import PortTakenError
from cxmesh_cli.instance.ports import (
    DEFAULT_BASE,
    Ports,
    accepts,
    guarded,
    holder_of,
    is_free,
    pick_free_block,
    require_free,
)

LISTENER = """
import socket, sys, time
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def listener() -> Iterator[tuple[int, int]]:
    """Port and pid of another process that listens."""
    command = [sys.executable, "-c", LISTENER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
        process.terminate()


def test_every_use_has_its_fixed_port() -> None:
    ports = Ports(DEFAULT_BASE)
    assert ports.of("profile").all() == (7400, 7401, 7402)
    assert ports.of("value-network-sla").all() == (7450, 7451, 7452)
    assert (ports.postgresql, ports.redis, ports.smtp) == (7490, 7491, 7492)
    assert (ports.otlp_http, ports.otlp_token) == (7453, 7454)
    assert len(ports.all()) == 23


def test_a_taken_port_is_told_with_its_use_pid_and_command(listener: tuple[int, int]) -> None:
    port, pid = listener
    with pytest.raises(PortTakenError) as refused:
        require_free([(port, "profile gRPC")])
    assert refused.value.message.startswith(f"port {port} (profile gRPC) is taken by pid {pid}: {sys.executable} -c")
    assert "--free-ports" in refused.value.hint


def test_all_taken_ports_are_told_at_once(listener: tuple[int, int]) -> None:
    port, _ = listener
    with socket.create_server(("127.0.0.1", 0)) as own:
        other = own.getsockname()[1]
        with pytest.raises(PortTakenError) as refused:
            require_free([(port, "Redis"), (other, "SMTP")])
    assert refused.value.message == "2 ports are taken"
    assert [line.split()[1] for line in refused.value.detail.splitlines()] == [str(port), str(other)]


def test_a_port_of_all_interfaces_is_taken_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as held:  # noqa: S104 - what a server may do
        assert not is_free(held.getsockname()[1])


def test_the_holder_of_a_free_port_is_nobody() -> None:
    port = pick_free_block(Random()).smtp
    assert is_free(port)
    assert not accepts(port)
    assert holder_of(port) is None
    require_free([(port, "SMTP")])


def test_a_free_block_avoids_taken_ports() -> None:
    first = pick_free_block(Random(7))
    with socket.create_server(("127.0.0.1", first.redis)):
        assert pick_free_block(Random(7)) != first
    assert pick_free_block(Random(7)) == first


def test_a_block_whose_guard_is_held_is_not_picked_and_not_entered() -> None:
    ports = pick_free_block(Random(11))
    with guarded(ports):
        assert pick_free_block(Random(11)) != ports
        with pytest.raises(PortTakenError, match=f"port {ports.guard}"), guarded(ports):
            pass
