"""How do batches travel several at a time, with their answers in order?"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import grpc

from cxmesh_cli.rpc.failure import command_error, decode

BatchT = TypeVar("BatchT")
AnswerT = TypeVar("AnswerT")


def answers(
    batches: Iterable[BatchT], send: "Callable[[BatchT], grpc.Future[AnswerT]]", what: str, *, in_flight: int
) -> Iterator[tuple[BatchT, AnswerT]]:
    """Each batch with its answer. Raises a CommandError about the method `what`, and cancels what is under way then."""
    under_way: deque[tuple[BatchT, grpc.Future[AnswerT]]] = deque()
    try:
        for batch in batches:
            if len(under_way) >= in_flight:
                yield _answered(*under_way.popleft(), what)
            under_way.append((batch, send(batch)))
        while under_way:
            yield _answered(*under_way.popleft(), what)
    finally:
        for _, call in under_way:
            call.cancel()


def _answered(batch: BatchT, call: "grpc.Future[AnswerT]", what: str) -> tuple[BatchT, AnswerT]:
    try:
        return batch, call.result()
    except grpc.RpcError as error:
        raise command_error(decode(error), what) from error
