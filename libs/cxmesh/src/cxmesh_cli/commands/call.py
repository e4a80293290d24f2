"""cxmesh call: ask any method of any service, with JSON."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from cxmesh_cli.commands.options import DEFAULT_HOME, AsOption, HomeOption, JsonOption, examples
from cxmesh_cli.console import notices, print_json, results

if TYPE_CHECKING:
    import grpc

    from cxmesh_cli.rpc.reflected import ReflectedServer

EXAMPLES = examples(
    "cxmesh call profile                     its methods",
    "cxmesh call profile GetCustomer         what the request looks like",
    """cxmesh call profile GetCustomer '{"name": "customers/c-1"}'""",
    "cxmesh call usage RecordUsage @records.json --trace",
    "cxmesh call usage WatchSignals '{}' --timeout 60",
    "cxmesh call sla ListSessions '{}' --as partner/cdn-one",
)


def call(
    service: Annotated[str, typer.Argument(help="A service, by its name or topic: usage-correlation or usage.")],
    method: Annotated[str, typer.Argument(help="A method; without one, all are listed.")] = "",
    request: Annotated[
        str,
        typer.Argument(metavar="[JSON]", help="The request; @FILE reads a file, - standard input."),
    ] = "",
    home: HomeOption = DEFAULT_HOME,
    identity: AsOption = "service/operator",
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.01, metavar="SECONDS", help="Time limit: by default 10, streams none."),
    ] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Keep the call's trace and print its id for `cxmesh trace`.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Call a method through server reflection and print its answer as JSON.

    Answers of a streaming method are printed as they come, one JSON document each.
    """
    import grpc

    from cxmesh_cli.errors import CallError
    from cxmesh_cli.instance.home import Home
    from cxmesh_cli.rpc import failure
    from cxmesh_cli.rpc.channel import channel_to
    from cxmesh_cli.rpc.reflected import ReflectedServer
    from cxmesh_cli.topology import find_service

    known = find_service(service)
    with channel_to(Home.at(home), known, identity) as channel:
        server = ReflectedServer(channel)
        try:
            if not method:
                _list_methods(server, as_json=as_json)
            elif not request:
                _show_shape(server, method)
            else:
                _invoke(channel, server, method, _read(request), timeout, trace=trace)
        except grpc.RpcError as error:
            decoded = failure.decode(error)
            if as_json:
                print_json({"error": failure.as_json(decoded)})
                raise typer.Exit(CallError.exit_code) from error
            raise failure.command_error(decoded, f"{known.name} {method}".strip()) from error


def _list_methods(server: "ReflectedServer", *, as_json: bool) -> None:
    from cxmesh_cli.rpc.comments import Comments
    from cxmesh_cli.rpc.reflected import short_name

    comments = Comments()
    methods = server.methods()
    texts = [comments.of(method.containing_service.file, method.full_name) for method in methods]
    if as_json:
        print_json(
            [
                {"method": method.full_name, "streaming": method.server_streaming, "comment": text}
                for method, text in zip(methods, texts, strict=True)
            ]
        )
        return
    width = max((len(short_name(method)) for method in methods), default=0)
    for method, text in zip(methods, texts, strict=True):
        first = text.splitlines()[0] if text else ""
        line = Text(f"{short_name(method):<{width}}  ").append(first, style="dim")
        results().print(line, overflow="ellipsis", no_wrap=True, soft_wrap=False)


def _show_shape(server: "ReflectedServer", method: str) -> None:
    from cxmesh_cli.rpc.comments import Comments
    from cxmesh_cli.rpc.shape import describe

    console = results()
    for line in describe(server.find(method), Comments(), console.width):
        console.print(Text(line, style="dim green" if line.lstrip().startswith("//") else ""))


def _invoke(
    channel: "grpc.Channel",
    server: "ReflectedServer",
    method: str,
    text: str,
    timeout_seconds: float | None,
    *,
    trace: bool,
) -> None:
    from cxmesh_cli.rpc.invoke import TraceStart, invoke, parse_request, to_json

    found = server.find(method)
    message = parse_request(found, text, server.pool)
    start = TraceStart.new() if trace else None
    if start is not None:
        notices().print(f"[dim]trace {escape(start.trace_id)}: cxmesh trace {escape(start.trace_id)}[/]")
    metadata = start.metadata if start is not None else ()
    for answer in invoke(channel, found, message, timeout_seconds, metadata):
        print_json(to_json(answer, server.pool))


def _read(request: str) -> str:
    from cxmesh_cli.errors import BadInputError

    if request == "-":
        return sys.stdin.read()
    if not request.startswith("@"):
        return request
    try:
        return Path(request[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{request[1:]} cannot be read: {error}") from error
