"""Does an instance remember itself, and let one command at a time work on it?"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cxmesh_cli.errors import BadInputError, CommandError, NotRunningError
from cxmesh_cli.instance.environment import Stores, service_environment
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.identities import require_identity, tls_files
from cxmesh_cli.instance.ports import Ports
from cxmesh_cli.instance.processes import ProcessMark
from cxmesh_cli.instance.record import InstanceRecord, ProcessRecord, load_record, require_record, save_record
from cxmesh_cli.topology import find_service, find_services

NOBODY = ProcessRecord(ProcessMark(pid=2**22 + 1, started=1.0), "1.2.3")


def own_process() -> ProcessRecord:
    return ProcessRecord(ProcessMark.of(os.getpid()), "0.1.0")


def test_a_record_is_read_back_as_it_was_saved(home: Home) -> None:
    record = InstanceRecord(
        Ports(12_300), datetime(2026, 1, 31, 12, tzinfo=UTC), {"profile": own_process(), "redis": NOBODY}
    )
    save_record(home, record)
    assert load_record(home) == record
    assert json.loads(home.record_file.read_text())["ports"]["base"] == 12_300


def test_a_home_without_a_record_has_none(home: Home) -> None:
    assert load_record(home) is None


def test_a_record_whose_processes_died_is_not_a_running_instance(home: Home) -> None:
    save_record(home, InstanceRecord(Ports(12_300), datetime.now(UTC), {"redis": NOBODY}))
    with pytest.raises(NotRunningError):
        require_record(home)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "ports": 3}'])
def test_a_broken_record_is_told_with_a_way_out(home: Home, text: str) -> None:
    home.record_file.write_text(text)
    with pytest.raises(CommandError, match="cannot be read") as told:
        load_record(home)
    assert "delete that file" in told.value.hint


def test_a_record_of_another_version_is_not_misread(home: Home) -> None:
    home.record_file.write_text('{"format": 99}')
    with pytest.raises(CommandError, match="another version"):
        load_record(home)


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CommandError, match="cannot be made"):
        Home.at(tmp_path / "file" / "home").create()


def test_a_folder_with_data_of_somebody_else_is_left_alone(tmp_path: Path, cxmesh: Callable[..., Any]) -> None:
    (tmp_path / "project" / "data").mkdir(parents=True)
    project = Home.at(tmp_path / "project")
    with pytest.raises(CommandError, match="has data already, and cxmesh did not make it"):
        project.create()
    assert cxmesh("down", "--erase", "--home", str(project.root)).code == 0
    assert [item.name for item in project.root.iterdir()] == ["data"]


def test_erasing_an_instance_leaves_what_others_put_into_its_folder(home: Home, cxmesh: Callable[..., Any]) -> None:
    (home.root / "notes.txt").write_text("mine")
    (home.logs / "profile.log").write_text("ours")
    assert cxmesh("down", "--erase").code == 0
    assert [item.name for item in home.root.iterdir()] == ["notes.txt"]


def test_erasing_is_for_whole_instances_only(cxmesh: Callable[..., Any]) -> None:
    assert cxmesh("down", "profile", "--erase").code == 2


HOLD = """
import sys
from pathlib import Path
from cxmesh_cli.instance.home import Home
with Home(Path(sys.argv[1])).locked("up", print):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_command_waits_for_the_first_and_says_for_whom(home: Home) -> None:
    said: list[str] = []
    command = [sys.executable, "-c", HOLD, str(home.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"

        def on_wait(text: str) -> None:
            said.append(text)
            first.terminate()

        with home.locked("down", on_wait):
            assert said == [f"waiting for `cxmesh up` (pid {first.pid}) to finish with {home.root}"]


def test_waiting_for_the_first_ends(home: Home) -> None:
    still_working = pytest.raises(CommandError, match=r"`cxmesh up` \(pid \d+\) is still working")
    waiting = home.locked("down", lambda _: None, wait_seconds=0.2)
    with home.locked("up", print), still_working, waiting:
        pass


def test_services_get_their_addresses_certificates_and_no_proxies(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("CXMESH_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("CXMESH_TRUST_DOMAIN", "elsewhere.example")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://elsewhere.example:4317")
    notification = find_service("notification")
    tls = tls_files(home, "service/notification")
    environment = service_environment(
        notification, home, Ports(7400), Stores("postgresql://db", "redis://r"), tls, sample=0.25
    )
    assert environment["CXMESH_LISTEN"] == "127.0.0.1:7440"
    assert environment["CXMESH_PROFILE_ADDRESS"] == "ipv4:127.0.0.1:7400"
    assert environment["CXMESH_VALUE_NETWORK_SLA_ADDRESS"] == "ipv4:127.0.0.1:7450"
    assert "CXMESH_NOTIFICATION_ADDRESS" not in environment
    assert (environment["CXMESH_SMTP_HOST"], environment["CXMESH_SMTP_PORT"]) == ("127.0.0.1", "7492")
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://localhost:7450"
    assert environment["OTEL_TRACES_SAMPLER_ARG"] == "0.25"
    assert environment["CXMESH_LOG_LEVEL"] == "DEBUG"
    for unwanted in ("HTTPS_PROXY", "CXMESH_TRUST_DOMAIN", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        assert unwanted not in environment


def test_services_are_found_by_name_topic_and_package() -> None:
    assert find_service("usage") == find_service("usage_correlation") == find_service("usage-correlation")
    assert [service.name for service in find_services(["sla", "profile"])] == ["profile", "value-network-sla"]
    assert len(find_services([])) == 6


def test_a_misspelt_service_is_met_with_the_right_one() -> None:
    with pytest.raises(BadInputError) as told:
        find_service("notifcation")
    assert told.value.hint == "did you mean notification?"


def test_acting_as_somebody_needs_their_certificate(home: Home) -> None:
    with pytest.raises(BadInputError) as told:
        require_identity(home, "partner/cdn-one")
    assert told.value.hint == "cxmesh partner-certificate cdn-one"
    for wrong in ("cdn-one", "partner/", "partner/../x", "staff/ada", "partner/CDN"):
        with pytest.raises(BadInputError, match="is not an identity"):
            tls_files(home, wrong)
