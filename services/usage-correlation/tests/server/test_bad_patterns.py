"""What are staff told of patterns that can't be taken, and who may ask?"""

import grpc
import pytest
from pattern_acts import HEAVY, make, patterns
from usage_world import World

from cxmesh.usage.v1 import pattern_service_pb2 as pb
from cxmesh.usage.v1.error_reason_pb2 import ErrorReason
from cxmesh.usage.v1.pattern_pb2 import Pattern
from mesh.rpc import error_from


@pytest.mark.parametrize(
    ("document", "place", "expected"),
    [
        (HEAVY.replace("quantity >", "quantty >", 1), "quantty >", "undeclared reference"),
        (HEAVY.replace("at_least: 1000", "at_least: much"), "much}", "a number"),
        (HEAVY.replace("kind: PATTERN", "kind: SPEND_THRESHOLD"), "SPEND_THRESHOLD", "the name of a SignalKind"),
        (HEAVY + "window_: {}\n", "window_:", "one of the keys"),
        (HEAVY + "name: [", "", "sound YAML"),
        (
            HEAVY.replace("sliding: 1h", "sliding: 1h, tumbling: day"),
            "{event: use, sliding",
            "either sliding or tumbling",
        ),
    ],
)
async def test_faults_are_told_with_their_place(world: World, document: str, place: str, expected: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await make(world, document)
    error = error_from(caught.value)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == ErrorReason.Name(ErrorReason.ERROR_REASON_INVALID_PATTERN)
    line, column = int(error.metadata["line"]), int(error.metadata["column"])
    assert [*document.splitlines(), ""][line - 1][column - 1 :].startswith(place)
    [violation] = error.field_violations
    assert violation.field == "pattern.document"
    assert expected in violation.description


@pytest.mark.parametrize(
    "method", ["CreatePattern", "GetPattern", "ListPatterns", "UpdatePattern", "DeletePattern", "DryRunPattern"]
)
@pytest.mark.parametrize("caller", ["partner/acme", "service/offer-decision"])
async def test_patterns_are_for_staff(world: World, method: str, caller: str) -> None:
    requests = {
        "CreatePattern": pb.CreatePatternRequest(pattern_id="x", pattern=Pattern(document=HEAVY)),
        "GetPattern": pb.GetPatternRequest(name="patterns/x"),
        "ListPatterns": pb.ListPatternsRequest(),
        "UpdatePattern": pb.UpdatePatternRequest(pattern=Pattern(name="patterns/x")),
        "DeletePattern": pb.DeletePatternRequest(name="patterns/x"),
        "DryRunPattern": pb.DryRunPatternRequest(pattern="patterns/x"),
    }
    call = getattr(patterns(world, caller), method)(requests[method])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call.read() if method == "DryRunPattern" else call)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
