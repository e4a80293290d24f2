"""What do the protos' comments say about a message, field, enum value or method?

Reflection leaves comments out, but the type stubs that ship with cxmesh-contracts carry them as docstrings.
A server whose stubs are not installed here has no comments.
"""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor


class Comments:
    """Reads each stub once."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, str]] = {}

    def of(self, file: FileDescriptor, full_name: str) -> str:
        """`full_name` as in the descriptor, package included; empty when there is no comment."""
        prefix = f"{file.package}." if file.package else ""
        return self._read(file.name).get(full_name.removeprefix(prefix), "")

    def _read(self, proto: str) -> dict[str, str]:
        if proto not in self._files:
            module = proto.removesuffix(".proto").replace("/", ".")
            self._files[proto] = {
                name: text for suffix in ("_pb2", "_pb2_grpc") for name, text in _docstrings(_stub_of(module + suffix))
            }
        return self._files[proto]


def _stub_of(module: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # a parent package is not installed
        return None
    if spec is None or spec.origin is None:
        return None
    stub = Path(spec.origin).with_suffix(".pyi")
    return stub if stub.exists() else None


def _docstrings(stub: Path | None) -> Iterator[tuple[str, str]]:
    if stub is not None:
        yield from _of_body(ast.parse(stub.read_text("utf-8")).body, "")


def _of_body(body: list[ast.stmt], scope: str) -> Iterator[tuple[str, str]]:
    for place, statement in enumerate(body):
        if isinstance(statement, ast.ClassDef):
            # A service's methods are documented on its stub class.
            name = scope + statement.name.removesuffix("Stub")
            yield from _named(name, ast.get_docstring(statement))
            yield from _of_body(statement.body, f"{name}.")
        elif isinstance(statement, ast.FunctionDef):
            yield from _named(scope + statement.name, ast.get_docstring(statement))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield from _named(scope + statement.target.id, _string(body[place + 1 : place + 2]))


def _named(name: str, text: str | None) -> Iterator[tuple[str, str]]:
    if text:
        yield name, text


def _string(following: list[ast.stmt]) -> str | None:
    match following:
        case [ast.Expr(value=ast.Constant(value=str(text)))]:
            return text
    return None
