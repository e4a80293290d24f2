"""What does `python -m <service> serve | migrate | settings` do?"""

import argparse
import asyncio
import gc
import os
import signal
import sys

import sqlalchemy.exc

from mesh.observe import configure_logging, log
from mesh.rpc import AuthorizationMismatch, CertificateUnusable, NotServable
from mesh.service.definition import ServiceDefinition
from mesh.service.running import MigrationsPending, start
from mesh.settings import DatabaseSettings, ServiceSettings, SettingsError, load, settings_table
from mesh.store import StoreError, apply_migrations, pending_migrations

_CANT_START = (
    AuthorizationMismatch,
    CertificateUnusable,
    MigrationsPending,
    NotServable,
    SettingsError,
    StoreError,
)
"""What is told in a sentence; anything else is a fault of ours and comes with its traceback."""
_YOUNG_OBJECTS = 50_000
_FAILED = 1
_MISUSED = 2
_HARD_STOPS = (signal.SIGTERM, signal.SIGINT)


def main(definition: ServiceDefinition) -> None:
    """Run the command line of a service; ends the process. 0: done, 1: failed, 2: wrong settings or arguments."""
    arguments = _parser(definition).parse_args()
    try:
        match arguments.command:
            case "serve":
                code = _serve(definition)
            case "migrate":
                code = _migrate(definition, check=arguments.check)
            case _:
                code = _say(settings_table(definition.settings))
    except _CANT_START as error:
        code = _complain(definition, str(error), _MISUSED if isinstance(error, SettingsError) else _FAILED)
    except sqlalchemy.exc.OperationalError as error:
        code = _complain(definition, f"the database at DATABASE_URL can't be used: {error.orig}", _FAILED)
    sys.exit(code)


def _parser(definition: ServiceDefinition) -> argparse.ArgumentParser:
    module = definition.migrations.partition(".")[0]
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"The {definition.name} service.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="answer calls until SIGTERM or SIGINT")
    migrate = commands.add_parser("migrate", help="bring the database schema up to date; needs DATABASE_URL alone")
    migrate.add_argument("--check", action="store_true", help="change nothing; exit with 1 when something is missing")
    commands.add_parser("settings", help="list the environment variables that are read, as a Markdown table")
    return parser


def _serve(definition: ServiceDefinition) -> int:
    settings = load(definition.settings)
    configure_logging(definition.name, settings.log_level)
    # What gRPC's core writes to standard error is no JSON, and below ERROR it is of use to its authors alone.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    return asyncio.run(_serve_until_stopped(definition, settings))


async def _serve_until_stopped(definition: ServiceDefinition, settings: ServiceSettings) -> int:
    stopping = asyncio.Event()
    for number in _HARD_STOPS:
        asyncio.get_running_loop().add_signal_handler(number, _ask_to_stop, stopping)
    running = await start(definition, settings)
    # What is there by now stays. And batches make thousands of objects at a time, few of them garbage: at Python's own
    # thresholds the collector would look through them every few hundred.
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    log.info(
        "serving", version=definition.version, grpc=running.address, health=running.health_address,
        metrics=running.metrics_address,
    )  # fmt: skip
    code = 0
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait((asked, running.failed), return_when=asyncio.FIRST_COMPLETED)
    if running.failed.done():
        log.error("stopping: the service can't go on", why=str(running.failed.exception()))
        code = _FAILED
    asked.cancel()
    log.info("draining")
    await running.stop()
    log.info("stopped")
    return code


def _ask_to_stop(stopping: asyncio.Event) -> None:
    """The first signal drains; a second one ends the process at once, as signals do by default."""
    for number in _HARD_STOPS:
        asyncio.get_running_loop().remove_signal_handler(number)
    stopping.set()


def _migrate(definition: ServiceDefinition, *, check: bool) -> int:
    url = load(DatabaseSettings).database_url.get_secret_value()
    act = pending_migrations if check else apply_migrations
    steps = act(url, definition.schema, definition.migrations)
    for step in steps:
        _say(f"{'missing' if check else 'applied'}: {step.revision} {step.summary}\n")
    if not steps:
        _say(f"schema {definition.schema} is up to date\n")
    return _FAILED if check and steps else 0


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _complain(definition: ServiceDefinition, what: str, code: int) -> int:
    indented = what.replace("\n", "\n  ")
    sys.stderr.write(f"{definition.name} can't start:\n  {indented}\n")
    return code
