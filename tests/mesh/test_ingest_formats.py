"""Does usage in every format get in once, and is each refusal told once, when `cxmesh ingest` is killed midway?"""

import csv
import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from mesh_files import FORMATS, TAP_CHARGE, FileFormat, Use, imsi_of
from mesh_kills import wait_until
from mesh_tables import Database

from cxmesh.catalog.v1.catalog_service_pb2 import CreatePlanRequest
from cxmesh.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from cxmesh.catalog.v1.plan_pb2 import PLAN_STATE_ACTIVE, Plan
from cxmesh.profile.v1.customer_pb2 import Customer
from cxmesh.profile.v1.profile_service_pb2 import CreateCustomerRequest, CreateSubscriptionRequest
from cxmesh.profile.v1.profile_service_pb2_grpc import ProfileServiceStub
from cxmesh.profile.v1.subscription_pb2 import SERVICE_TYPE_MOBILE, SUBSCRIPTION_STATE_ACTIVE, Subscription
from cxmesh_cli.instance.home import Home
from cxmesh_cli.instance.processes import python_module
from cxmesh_cli.instance.stores import running_database_url
from cxmesh_cli.rpc.channel import channel_to
from cxmesh_cli.topology import find_service

pytestmark = [pytest.mark.mesh, pytest.mark.kill, pytest.mark.timeout(180)]

SUBSCRIPTIONS = [f"s-{number}" for number in range(10)]
RECORDS = 2200
"""Of each file: three batches, so that there is a middle."""
BATCH_SECONDS = 0.2
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
RECORDS_REFUSED = 7
"""The exit code that tells it."""
TARIFF = """
format: cxmesh-tariff/1
id: everything
name: Everything
currency: USD
time_zone: UTC
home_networks: ["310260"]
versions:
  - from: "2020-01-01"
    zones: [{id: anywhere, default: true}]
    roaming_zones: [{id: abroad, default: true}]
    rates:
      - {line: voice, service: voice, price: "0.06", per: minute}
      - {line: voice.abroad, service: voice, roaming: abroad, price: "0.60", per: minute}
      - {line: data, service: data, price: "0.01", per: megabyte}
"""


@pytest.fixture(scope="module")
def home(start_instance: Callable[..., Home]) -> Home:
    """An instance with a plan for all usage, and some who hold it."""
    home = start_instance("profile", "usage-correlation", "offer-decision")
    with (
        channel_to(home, find_service("profile")) as profile,
        channel_to(home, find_service("offer-decision")) as offer,
    ):
        plan = Plan(display_name="Everything", state=PLAN_STATE_ACTIVE, tariff_document=TARIFF)
        CatalogServiceStub(offer).CreatePlan(CreatePlanRequest(plan_id="everything", plan=plan), timeout=10)
        stub = ProfileServiceStub(profile)
        customer = Customer(display_name="Ada", language_code="en", time_zone="UTC")
        stub.CreateCustomer(CreateCustomerRequest(customer_id="c-1", customer=customer), timeout=10)
        for name in SUBSCRIPTIONS:
            held = Subscription(
                customer="customers/c-1",
                service_type=SERVICE_TYPE_MOBILE,
                plan="plans/everything",
                bill_cycle_day=1,
                state=SUBSCRIPTION_STATE_ACTIVE,
            )
            held.activate_time.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))
            stub.CreateSubscription(CreateSubscriptionRequest(subscription_id=name, subscription=held), timeout=10)
    return home


@pytest.fixture(scope="module")
def database(home: Home) -> Iterator[Database]:
    """In which storing a batch takes a while."""
    with Database(running_database_url(home)) as database:
        database.do(
            "CREATE FUNCTION public.pause() RETURNS trigger LANGUAGE plpgsql AS "  # type: ignore[arg-type]  # a constant
            f"'BEGIN PERFORM pg_sleep({BATCH_SECONDS}); RETURN NULL; END'"
        )
        database.do(
            "CREATE TRIGGER pause AFTER INSERT ON usage.usage_record_key "
            "FOR EACH STATEMENT EXECUTE FUNCTION public.pause()"
        )
        yield database


class Command:
    """`cxmesh ingest` on one file, that can be killed and begun again."""

    def __init__(self, home: Home, name: str, form: FileFormat, folder: Path) -> None:
        self.form = form
        # Each file has usage of its own moments, so that what is stored shows whose it is.
        first = BEGAN + timedelta(hours=list(FORMATS).index(name))
        self.uses = [
            Use(SUBSCRIPTIONS[number % len(SUBSCRIPTIONS)], first + timedelta(seconds=number), 1 + number % 60)
            for number in range(RECORDS)
        ]
        self.wholesale = folder / f"{name}.charges.jsonl"
        file = folder / f"{name}.usage"
        file.write_bytes(form.write(self.uses))
        options = dict(form.options)
        if form.mapping:
            mapping = folder / f"{name}.yaml"
            mapping.write_text(form.mapping)
            options["--mapping"] = str(mapping)
        if form.subscriptions:
            table = folder / f"{name}.csv"
            rows = [f"{imsi_of(each)},{each}" for each in SUBSCRIPTIONS]
            table.write_text("\n".join(["key,subscription", *rows, ""]))
            options["--subscriptions"] = str(table)
        if name == "tap3":
            options["--wholesale-out"] = str(self.wholesale)
        given = [word for option in options.items() for word in option]
        self._line = python_module("cxmesh_cli", "ingest", str(file), "--in-flight", "1", "--json", *given)
        self._home = home
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """From the first row, or from where it ended."""
        environment = {**os.environ, "CXMESH_HOME": str(self._home.root)}
        self._process = subprocess.Popen(
            self._line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kill(self) -> None:
        """kill -9; it had not come to its end."""
        assert self._process
        with self._process:  # waits, and closes the pipes
            assert self._process.poll() is None
            self._process.kill()

    def end(self) -> None:
        """However the test ends."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def finish(self) -> dict[str, object]:
        """What it says of its file at its end."""
        assert self._process
        printed, errors = self._process.communicate(timeout=90)
        assert self._process.returncode == RECORDS_REFUSED, errors
        [told] = json.loads(printed)["files"]
        found: dict[str, object] = told
        return found


def test_what_is_in_files_of_every_format_gets_in_once_though_the_command_is_killed(
    home: Home, database: Database, tmp_path: Path
) -> None:
    commands = {name: Command(home, name, form, tmp_path) for name, form in FORMATS.items()}
    try:
        for command in commands.values():
            command.start()
        _kill_midway(database, list(commands.values()))
        for command in commands.values():
            command.start()
        ended = {name: command.finish() for name, command in commands.items()}
    finally:
        for command in commands.values():
            command.end()
    for name, command in commands.items():
        _check(database, command, ended[name])
    _check_charges(commands["tap3"])


def _kill_midway(database: Database, commands: Sequence[Command]) -> None:
    alive = list(commands)

    def all_dead() -> bool:
        stored = _stored(database)
        for command in [each for each in alive if stored[each.form.source]]:
            command.kill()
            alive.remove(command)
            assert _stored(database)[command.form.source] < RECORDS, "it was too late to kill it midway"
        return not alive

    wait_until("some of every file is stored", all_dead, 60)


def _stored(database: Database) -> Counter[str]:
    """Records by source."""
    rows = database.rows(
        "SELECT source, count(*) FROM usage.usage_record_key JOIN usage.source USING (source_key) GROUP BY source"
    )
    return Counter(dict(rows))


def _check(database: Database, command: Command, told: dict[str, object]) -> None:
    form = command.form
    rows = database.rows(
        "SELECT subscription_id, start_time, quantity FROM usage.usage_record "
        "JOIN usage.source USING (source_key) JOIN usage.subscription USING (subscription_key) WHERE source = %s",
        [form.source],
    )
    assert Counter(rows) == Counter((use.subscription, use.start, use.quantity) for use in command.uses), form.source
    assert (told["rows"], told["rejected"], told["reasons"]) == (RECORDS + 1, 1, {form.reason: 1}), form.source
    assert _number(told["accepted"]) + _number(told["duplicates"]) == RECORDS, form.source
    with Path(str(told["reject_report"])).open(newline="") as report:
        assert [line["reason"] for line in csv.DictReader(report)] == [form.reason], form.source
    assert len(Path(str(told["quarantine"])).read_text().splitlines()) == 1, form.source


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _check_charges(command: Command) -> None:
    """Of all events, each with whose usage it is; also of that which is nobody's here."""
    charges = [json.loads(line) for line in command.wholesale.read_text().splitlines()]
    whose = [f"subscriptions/{use.subscription}" for use in command.uses]
    assert Counter(charge["subscription"] for charge in charges) == Counter([*whose, ""])
    assert sum(Decimal(charge["amount"]) for charge in charges) == Decimal(TAP_CHARGE * (RECORDS + 1)) / 1000
