"""Are OpenSLO documents taken in whole, or refused with the place of all that is wrong?"""

from collections.abc import Iterator
from concurrent import futures
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from cxmesh.sla.v1 import objective_service_pb2_grpc
from cxmesh.sla.v1.objective_pb2 import Objective
from cxmesh.sla.v1.objective_service_pb2 import ImportObjectivesRequest, ImportObjectivesResponse
from cxmesh_cli.errors import BadInputError, CallError, FilesRefusedError
from cxmesh_cli.main import build
from cxmesh_cli.sla.importing import import_text
from mesh.rpc.errors import FieldViolation, RpcError

MOMENT = datetime(2026, 4, 1, tzinfo=UTC)


class FakeObjectives(objective_service_pb2_grpc.ObjectiveServiceServicer):
    """Keeps what it was asked, and refuses what says so."""

    def __init__(self) -> None:
        self.asked: list[ImportObjectivesRequest] = []

    def ImportObjectives(
        self, request: ImportObjectivesRequest, context: grpc.ServicerContext
    ) -> ImportObjectivesResponse:
        self.asked.append(request)
        if "refuse" in request.document:
            _abort(context, "ERROR_REASON_DOCUMENT_REFUSED", {"problems": "3"})
        if "unknown" in request.document:
            _abort(context, "ERROR_REASON_PARTNER_NOT_FOUND", {})
        return ImportObjectivesResponse(
            objectives=[Objective(name="objectives/speed", revision=2, partner="partners/cdn-one")],
            unchanged=["objectives/other"],
        )


def _abort(context: grpc.ServicerContext, reason: str, metadata: dict[str, str]) -> None:
    violations = [FieldViolation("document", "line 3, column 5: spec: no is refused; expected yes")]
    error = RpcError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "no",
        reason=reason,
        domain="sla.cxmesh",
        metadata=metadata,
        field_violations=violations,
    )
    context.set_trailing_metadata(error.trailing_metadata())
    context.abort(error.status, error.message)


@pytest.fixture
def objectives() -> FakeObjectives:
    return FakeObjectives()


@pytest.fixture
def channel(objectives: FakeObjectives) -> Iterator[grpc.Channel]:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    objective_service_pb2_grpc.add_ObjectiveServiceServicer_to_server(objectives, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as opened:
        yield opened
    server.stop(None).wait()


def take_in(channel: grpc.Channel, text: str, *, dry_run: bool = False) -> ImportObjectivesResponse:
    return import_text(channel, text, shown_as="slos.yaml", partner="cdn-one", effective=MOMENT, dry_run=dry_run)


def test_what_is_asked_for_is_what_is_sent(channel: grpc.Channel, objectives: FakeObjectives) -> None:
    found = take_in(channel, "text", dry_run=True)
    [asked] = objectives.asked
    assert (asked.document, asked.partner, asked.validate_only) == ("text", "partners/cdn-one", True)
    assert asked.effective_time.ToDatetime(tzinfo=UTC) == MOMENT
    assert [each.revision for each in found.objectives] == [2]


def test_a_text_that_is_refused_is_told_of_with_places(channel: grpc.Channel) -> None:
    with pytest.raises(FilesRefusedError) as refused:
        take_in(channel, "refuse")
    assert "slos.yaml is refused" in refused.value.message
    assert "line 3, column 5" in refused.value.detail
    assert "and 2 more" in refused.value.detail
    assert refused.value.exit_code == 8


def test_another_error_is_told_of_as_the_service_says_it(channel: grpc.Channel) -> None:
    with pytest.raises(CallError, match="PARTNER_NOT_FOUND"):
        take_in(channel, "unknown")


@pytest.mark.parametrize("moment", ["2026-04-01", "2026-04-01T00:00:00", "soon"])
def test_a_moment_needs_an_offset(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "slos.yaml"
    file.write_text("kind: SLO")
    done = CliRunner().invoke(build(), ["sla", "import", str(file), "--effective-from", moment])
    assert isinstance(done.exception, BadInputError)
    assert "with an offset" in done.exception.message


def test_a_file_that_is_not_there_is_told_of() -> None:
    done = CliRunner().invoke(build(), ["sla", "import", "/nowhere/slos.yaml"])
    assert isinstance(done.exception, BadInputError)
    assert "can't be read" in done.exception.message
