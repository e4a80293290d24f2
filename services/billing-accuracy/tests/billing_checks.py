"""Bill checks as they are kept."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from billing_samples import END, START

from billing_accuracy.domain.findings import CorrectionLine, Finding, FindingClass, HoldState, Verdict
from billing_accuracy.handlers.ports import BillCheck, BillRun

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
FINDING = Finding(
    FindingClass.OVERCHARGE, ("1", "2"), "voice.day", Fraction(50), Fraction("45.9"), "4.10 too much", ("a", "b")
)
TIE = Finding(FindingClass.ROUNDING, ("3",), "voice.night", Fraction("0.67"), Fraction("0.68"), "a tie")
CORRECTION = (CorrectionLine("1", "voice.day", Fraction(-50)), CorrectionLine("", "voice.day", Fraction("45.9")))


def bill_run(run: str = "run", created: datetime = NOW, currency: str = "USD") -> BillRun:
    return BillRun(run, "March", currency, created)


def held(run: str, bill: str, **fields: Any) -> BillCheck:
    """A bill that is held, for two findings."""
    usual: dict[str, Any] = {
        "bill_run_id": run,
        "bill_id": bill,
        "digest": b"\x00\x01",
        "subscription": "subscriptions/s-1",
        "customer": "customers/c-1",
        "plan": "plans/standard",
        "start": START,
        "end": END,
        "currency": "USD",
        "billed_total": Fraction("70.16"),
        "expected_total": Fraction("66.06"),
        "verdict": Verdict.HOLD,
        "hold_state": HoldState.HELD,
        "findings": (FINDING, TIE),
        "correction": CORRECTION,
        "line_count": 4,
        "record_count": 7,
        "check_time": NOW,
    }
    return BillCheck(**usual | fields)


def passed(run: str, bill: str, **fields: Any) -> BillCheck:
    """A bill that is right."""
    usual = {"verdict": Verdict.PASS, "hold_state": HoldState.NOT_HELD, "findings": (), "correction": ()}
    return held(run, bill, **usual | {"billed_total": Fraction("66.06")} | fields)


def noted(run: str, bill: str) -> BillCheck:
    """A bill that passes with a note."""
    return held(
        run, bill, verdict=Verdict.PASS_WITH_NOTE, hold_state=HoldState.NOT_HELD, findings=(TIE,), correction=()
    )
