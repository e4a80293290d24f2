"""Exact rating of usage under declared tariffs: one record, a million records, a bill's lines, a choice of plans."""

from rating.batch import RatedColumns, rate_batch
from rating.bill import Bill, Cycle, RecurringAmount, make_bill, recurring_amounts
from rating.charge import Charge, Portion, Rating
from rating.compare import PlanCosts, compare_plans
from rating.currencies import MINOR_UNITS
from rating.document import load_tariff
from rating.errors import DocumentError, InvalidRecord, NotComparable, Problem, RatingError, Unrated
from rating.lines import Line, LineColumns, LinePart, rate_lines
from rating.money import (
    Rounding,
    RoundingDifference,
    RoundingMethod,
    classify_rounding,
    format_amount,
    from_micros,
    nearest_micros,
    parse_amount,
    to_micros,
)
from rating.outcome import Outcome
from rating.record import UsageColumns, UsageRecord
from rating.scalar import rate
from rating.source import schema_text
from rating.tariff import (
    BASE_UNIT,
    SERVICE_CODES,
    SERVICES,
    Proration,
    Rate,
    RecurringCharge,
    Service,
    Step,
    Tariff,
    Version,
    Zone,
)

__all__ = [
    "BASE_UNIT",
    "MINOR_UNITS",
    "SERVICES",
    "SERVICE_CODES",
    "Bill",
    "Charge",
    "Cycle",
    "DocumentError",
    "InvalidRecord",
    "Line",
    "LineColumns",
    "LinePart",
    "NotComparable",
    "Outcome",
    "PlanCosts",
    "Portion",
    "Problem",
    "Proration",
    "Rate",
    "RatedColumns",
    "Rating",
    "RatingError",
    "RecurringAmount",
    "RecurringCharge",
    "Rounding",
    "RoundingDifference",
    "RoundingMethod",
    "Service",
    "Step",
    "Tariff",
    "Unrated",
    "UsageColumns",
    "UsageRecord",
    "Version",
    "Zone",
    "classify_rounding",
    "compare_plans",
    "format_amount",
    "from_micros",
    "load_tariff",
    "make_bill",
    "nearest_micros",
    "parse_amount",
    "rate",
    "rate_batch",
    "rate_lines",
    "recurring_amounts",
    "schema_text",
    "to_micros",
]
