"""Does a report tell a partner's part, exactly, in the terminal, as a page and as files?"""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.interval_pb2 import Interval
from google.type.money_pb2 import Money

from cxmesh.sla.v1 import agreement_pb2, attainment_pb2, satisfaction_pb2, settlement_pb2
from cxmesh.sla.v1 import satisfaction_service_pb2_grpc as satisfaction_grpc
from cxmesh.sla.v1 import settlement_service_pb2 as settlement
from cxmesh.sla.v1 import settlement_service_pb2_grpc as settlement_grpc
from cxmesh.sla.v1 import value_network_sla_service_pb2 as service
from cxmesh.sla.v1 import value_network_sla_service_pb2_grpc as service_grpc
from cxmesh.sla.v1.session_pb2 import PARTY_KIND_LINK, PARTY_KIND_PARTNER, Party
from cxmesh_cli.errors import BadInputError
from cxmesh_cli.instance.identities import tls_files
from cxmesh_cli.period import parse_period
from cxmesh_cli.sla.document import cell_text, decimals, percent_cut
from mesh.rpc.errors import not_found

Cxmesh = Callable[..., Any]
MARCH = 1_772_323_200
"""The first of March 2026, UTC."""
DAY = 86_400
CDN = "partners/cdn-one"
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


def stamp(seconds: int) -> Timestamp:
    return Timestamp(seconds=seconds)


def window(start: int, visits: int, good: int, *, breached: bool = False) -> attainment_pb2.Attainment:
    return attainment_pb2.Attainment(
        name=f"agreements/cdn/attainments/{start}",
        partner=CDN,
        window_start_time=stamp(start),
        window_end_time=stamp(start + 3600),
        visit_count=visits,
        good_count=good,
        attained_ppm=good * 1_000_000 // visits,
        objective_ppm=990_000,
        breached=breached,
    )


WINDOWS = [
    window(MARCH - 3600, 1000, 0, breached=True),  # of February
    window(MARCH, 1000, 999),
    window(MARCH + 3600, 1000, 900, breached=True),
    window(MARCH + DAY, 2, 2),
    window(MARCH + 31 * DAY, 7, 7),  # of April
]


class FakeSla(service_grpc.ValueNetworkSlaServiceServicer):
    def __init__(self) -> None:
        self.callers: set[str] = set()

    def GetPartner(self, request: service.GetPartnerRequest, context: grpc.ServicerContext) -> agreement_pb2.Partner:
        (uri,) = [name.decode() for name in context.auth_context()["peer_spiffe_id"]]
        self.callers.add(uri.partition("cxmesh.local/")[2])
        if request.name != CDN:
            error = not_found("there is none", reason="ERROR_REASON_PARTNER_NOT_FOUND", domain="sla.cxmesh")
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.status, error.message)
        return agreement_pb2.Partner(name=CDN, display_name="CDN <One>", role=agreement_pb2.PARTNER_ROLE_CONTENT)

    def ListAgreements(
        self, request: service.ListAgreementsRequest, context: grpc.ServicerContext
    ) -> service.ListAgreementsResponse:
        agreement = agreement_pb2.Agreement(
            name="agreements/cdn",
            partner=CDN,
            service="iptv",
            operation="GetStream",
            latency_budget=Duration(nanos=200_500_000),
            objective_ppm=990_000,
        )
        return service.ListAgreementsResponse(agreements=[agreement])

    def ListAttainments(
        self, request: service.ListAttainmentsRequest, context: grpc.ServicerContext
    ) -> service.ListAttainmentsResponse:
        """Latest first, two a page."""
        first = int(request.page_token or 0)
        shown = WINDOWS[::-1][first : first + 2]
        token = str(first + 2) if first + 2 < len(WINDOWS) else ""
        return service.ListAttainmentsResponse(attainments=shown, next_page_token=token)

    def ListBreaches(
        self, request: service.ListBreachesRequest, context: grpc.ServicerContext
    ) -> service.ListBreachesResponse:
        """Latest first, one a page; nobody has to look back further than to the first that was detected before."""

        def breach(of: attainment_pb2.Attainment) -> attainment_pb2.Breach:
            return attainment_pb2.Breach(
                name=f"breaches/cdn.{of.window_start_time.seconds}",
                partner=CDN,
                service="iptv",
                attainment=of,
                detect_time=of.window_end_time,
                affected_customer_count=12,
                shares=[
                    attainment_pb2.BreachShare(
                        party=Party(kind=PARTY_KIND_PARTNER, partner=CDN),
                        share_ppm=875_000,
                        amount=Money(currency_code="EUR", units=87, nanos=500_000_000),
                    ),
                    attainment_pb2.BreachShare(
                        party=Party(kind=PARTY_KIND_LINK),
                        share_ppm=125_000,
                        amount=Money(currency_code="EUR", units=12, nanos=500_000_000),
                    ),
                ],
            )

        long_ago = window(MARCH - 2 * DAY, 10, 0, breached=True)
        found = [breach(one) for one in [*WINDOWS[::-1], long_ago] if one.breached]
        place = int(request.page_token or 0)
        if place >= len(found):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "nobody asks for what was before")
        return service.ListBreachesResponse(breaches=found[place : place + 1], next_page_token=str(place + 1))


class FakeSettlement(settlement_grpc.SettlementServiceServicer):
    def ListStatements(
        self, request: settlement.ListStatementsRequest, context: grpc.ServicerContext
    ) -> settlement.ListStatementsResponse:
        def statement(start: int, end: int) -> settlement_pb2.Statement:
            return settlement_pb2.Statement(
                name=f"statements/cdn-one.{start}.1",
                partner=CDN,
                period=Interval(start_time=stamp(start), end_time=stamp(end)),
                sequence=1,
                issue_time=stamp(end),
                claim_end_time=stamp(end + 30 * DAY),
                net=[Money(currency_code="EUR", units=-87, nanos=-500_000_000)],
                lines=[
                    settlement_pb2.StatementLine(
                        number=1,
                        kind=settlement_pb2.STATEMENT_LINE_KIND_PENALTY,
                        agreement="agreements/cdn",
                        description="=breach",
                        amount=Money(currency_code="EUR", units=-87, nanos=-500_000_000),
                    )
                ],
            )

        return settlement.ListStatementsResponse(
            statements=[statement(MARCH, MARCH + 7 * DAY), statement(MARCH - 7 * DAY, MARCH)]
        )

    def ListContests(
        self, request: settlement.ListContestsRequest, context: grpc.ServicerContext
    ) -> settlement.ListContestsResponse:
        contest = settlement_pb2.Contest(
            name="contests/one",
            statement=f"statements/cdn-one.{MARCH}.1",
            line=1,
            reason=settlement_pb2.CONTEST_REASON_MEASUREMENT,
            state=settlement_pb2.CONTEST_STATE_PARTLY_UPHELD,
            open_time=stamp(MARCH + 8 * DAY),
        )
        return settlement.ListContestsResponse(contests=[contest])


class FakeSatisfaction(satisfaction_grpc.SatisfactionServiceServicer):
    def MeasureSatisfaction(self, request: Any, context: grpc.ServicerContext) -> satisfaction_pb2.Satisfaction:
        def party(partner: str, cost: float) -> satisfaction_pb2.PartySatisfaction:
            return satisfaction_pb2.PartySatisfaction(
                party=Party(kind=PARTY_KIND_PARTNER, partner=partner),
                session_count=60,
                troubled_session_count=30,
                experience=satisfaction_pb2.Estimate(value=50, low=40, high=60),
                harm=satisfaction_pb2.Estimate(value=2 * cost, low=cost, high=3 * cost),
                cost=satisfaction_pb2.Estimate(value=cost, low=0, high=2 * cost),
            )

        others = [party("partners/a", 1.5), party("partners/b", 2.25)]
        return satisfaction_pb2.Satisfaction(service="iptv", parties=[party(CDN, 4), *others])


@pytest.fixture
def sla(stage: Any) -> Iterator[FakeSla]:
    """Objectives and alerts are not served."""
    fake = FakeSla()

    def add(server: grpc.Server) -> None:
        service_grpc.add_ValueNetworkSlaServiceServicer_to_server(fake, server)
        settlement_grpc.add_SettlementServiceServicer_to_server(FakeSettlement(), server)
        satisfaction_grpc.add_SatisfactionServiceServicer_to_server(FakeSatisfaction(), server)

    with stage.playing("value-network-sla", "cxmesh.sla.v1.ValueNetworkSlaService", add):
        yield fake


@pytest.mark.usefixtures("sla")
def test_a_report_is_tables_and_bars_in_the_terminal(cxmesh: Cxmesh) -> None:
    ended = cxmesh("sla", "report", "cdn-one", "--period", "2026-03")
    assert ended.code == 0, ended.err
    shown = " ".join(ended.out.split())
    assert "CDN <One> (partners/cdn-one)" in shown
    assert "period 2026-03-01 to 2026-04-01 UTC" in shown
    # 1,901 of 2,002 visits in March: rounded down, never up to what was promised.
    assert "cdn iptv GetStream 200.50 99.000 % 2002 1901 94.955 % 3 1" in shown
    assert "94.950 % (101 of 2000 bad)" in shown
    assert "100.000 %" in shown
    assert "bars begin at" in shown
    assert f"cdn.{MARCH + 3600} iptv 2026-03-01 01:00:00 90.000 % 87.500 % 87.50 12.50 EUR 12" in shown
    assert f"cdn-one.{MARCH}.1 1 penalty cdn -87.50 EUR =breach" in shown
    assert "measurement partly upheld" in shown
    assert "iptv 60 30 50.0 (40.0 to 60.0) 8.0 (4.0 to 12.0) 4.0 (0.0 to 8.0) 3.75" in shown
    assert "left out, for value-network-sla doesn't tell it: objectives: UNIMPLEMENTED" in shown
    assert f"cdn.{MARCH - 3600}" not in shown


@pytest.mark.usefixtures("sla")
def test_a_report_is_the_same_as_json(cxmesh: Cxmesh) -> None:
    document = json.loads(cxmesh("sla", "report", "partners/cdn-one", "--period", "2026-03", "--json").out)
    assert document["statements"][0]["net"] == "-87.500000"
    assert [window["visits"] for window in document["attainments"]] == [1000, 1000, 2]
    assert len(document["breaches"]) == 1


@pytest.mark.usefixtures("sla")
def test_a_report_is_files_for_a_spreadsheet(cxmesh: Cxmesh, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    ended = cxmesh("sla", "report", "cdn-one", "--period", "2026-03", "--csv", str(folder))
    assert "wrote 7 files" in ended.err
    assert ended.out == ""
    with (folder / "statement_lines.csv").open(newline="", encoding="utf-8") as file:
        (line,) = csv.DictReader(file)
    assert (line["amount"], line["currency"]) == ("-87.500000", "EUR")
    assert line["description"] == "'=breach"  # no formula
    with (folder / "attainments.csv").open(newline="", encoding="utf-8") as file:
        assert [row["missed"] for row in csv.DictReader(file)] == ["no", "yes", "no"]


class Tags(HTMLParser):
    """Counts tags, and tells what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.loads += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.usefixtures("sla")
def test_a_report_is_a_page_that_stands_alone(cxmesh: Cxmesh, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    cxmesh("sla", "report", "cdn-one", "--period", "2026-03", "--html", str(page))
    text = page.read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    assert (tags.open, tags.loads) == ([], [])
    assert "script" not in tags.seen
    assert tags.seen.count("svg") == 1
    assert tags.seen.count("rect") == 2  # two days
    assert "CDN &lt;One&gt;" in text
    assert "<One>" not in text


def test_a_partner_asks_with_its_own_certificate(cxmesh: Cxmesh, sla: FakeSla, stage: Any, tmp_path: Path) -> None:
    files = tls_files(stage.home, "partner/cdn-one")
    for source, name in ((files.certificate, "tls.crt"), (files.key, "tls.key"), (files.authority, "ca.crt")):
        shutil.copy(source, tmp_path / name)
    arguments = ("sla", "report", "cdn-one", "--period", "2026-03", "--json")
    here = cxmesh(*arguments, "--as", "partner/cdn-one")
    address = f"localhost:{stage.ports.of('value-network-sla').grpc}"
    elsewhere = cxmesh(*arguments, "--address", address, "--tls", str(tmp_path))
    assert (here.code, elsewhere.code) == (0, 0), elsewhere.err
    assert json.loads(here.out)["breaches"] == json.loads(elsewhere.out)["breaches"]
    assert sla.callers == {"partner/cdn-one"}


@pytest.mark.usefixtures("sla")
def test_what_is_not_there_is_told(cxmesh: Cxmesh, tmp_path: Path) -> None:
    ended = cxmesh("sla", "report", "nobody")
    assert ended.code == 6
    assert "partners/nobody: NOT_FOUND ERROR_REASON_PARTNER_NOT_FOUND" in ended.err
    assert cxmesh("sla", "report", "cdn-one", "--address", "localhost:1").code == 2
    ended = cxmesh("sla", "report", "cdn-one", "--address", "localhost:1", "--tls", str(tmp_path))
    assert (ended.code, "there is no tls.crt" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("", datetime(2026, 3, 1, tzinfo=UTC), NOW),
        ("2026-02", datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        ("2025-12", datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-03-01/2026-03-02", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        ("1d", datetime(2026, 3, 14, 12, tzinfo=UTC), NOW),
    ],
)
def test_a_period_is_read(text: str, start: datetime, end: datetime) -> None:
    period = parse_period(text, NOW)
    assert (period.start, period.end) == (start, end)


@pytest.mark.parametrize("text", ["march", "2026-13", "0d", "2026-03-02/2026-03-01", "2026-03-01/", "93d", "2026-3"])
def test_what_is_no_period_is_told(text: str) -> None:
    with pytest.raises(BadInputError):
        parse_period(text, NOW)


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(1, 3), 2, "0.33"),
        (Fraction(-1, 2), 0, "-1"),
        (Fraction(1, 200), 2, "0.01"),
        (Fraction(-1, 1000), 2, "0.00"),
        (Fraction(-175, 2), 2, "-87.50"),
        (Fraction(10**20 + 1), 1, "100000000000000000001.0"),
    ],
)
def test_fractions_are_told_exactly(value: Fraction, places: int, text: str) -> None:
    assert decimals(value, places) == text


def test_percent_are_never_rounded_up_to_a_promise() -> None:
    assert percent_cut(Fraction(100 * 1_999_999, 2_000_000)) == "99.999 %"
    assert percent_cut(Fraction(100)) == "100.000 %"
    assert (cell_text(None), cell_text(5), cell_text(Fraction(1, 8))) == ("-", "5", "0.13")
