"""Exact rating of usage under declared tariffs: one record, a million records, a bill's lines, a choice of plans."""

from rating.accounts import has_room, keeps_accounts, open_account, rollover_cycles
from rating.allowance import MONEY, Account, Allowance, Block, Bucket, Counter, CoveredLine
from rating.batch import RatedColumns, rate_batch
from rating.bill import (
    Bill,
    BillItem,
    RecurringAmount,
    RuledAmounts,
    TaxAmount,
    apply_rules,
    make_bill,
    recurring_amounts,
)
from rating.bill_rules import Commitment, Discount, OneOffCharge, Tax
from rating.blocks import AllowanceUse
from rating.calendar import Calendar, Days
from rating.charge import AccountRating, Charge, Cover, Credit, CycleUse, Portion, Rating
from rating.compare import PlanCosts, compare_plans
from rating.currencies import MINOR_UNITS
from rating.cycle import Cycle, bill_cycle
from rating.deck import Deck, load_deck
from rating.document import load_tariff
from rating.draws import Draws, SharedDraws, draws_of, shared_draws_of
from rating.errors import DocumentError, InvalidRecord, NotComparable, Problem, RatingError, Unrated
from rating.ledger import Ledger
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
from rating.prices import AtMaximum, CycleModel, CyclePrice, Maximum, Rate, Step, Tier
from rating.record import UsageColumns, UsageRecord
from rating.rerate import Booking, BookingKind, Rerating, book, rerate
from rating.scalar import rate, rate_for
from rating.services import BASE_UNIT, SERVICE_CODES, SERVICES, UNIT_SIZES, Service
from rating.source import schema_text
from rating.tariff import Proration, RecurringCharge, Tariff, Version, Zone
from rating.totals import BillTotals, bill_totals

__all__ = [
    "BASE_UNIT",
    "MINOR_UNITS",
    "MONEY",
    "SERVICES",
    "SERVICE_CODES",
    "UNIT_SIZES",
    "Account",
    "AccountRating",
    "Allowance",
    "AllowanceUse",
    "AtMaximum",
    "Bill",
    "BillItem",
    "BillTotals",
    "Block",
    "Booking",
    "BookingKind",
    "Bucket",
    "Calendar",
    "Charge",
    "Commitment",
    "Counter",
    "Cover",
    "CoveredLine",
    "Credit",
    "Cycle",
    "CycleModel",
    "CyclePrice",
    "CycleUse",
    "Days",
    "Deck",
    "Discount",
    "DocumentError",
    "Draws",
    "InvalidRecord",
    "Ledger",
    "Line",
    "LineColumns",
    "LinePart",
    "Maximum",
    "NotComparable",
    "OneOffCharge",
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
    "Rerating",
    "Rounding",
    "RoundingDifference",
    "RoundingMethod",
    "RuledAmounts",
    "Service",
    "SharedDraws",
    "Step",
    "Tariff",
    "Tax",
    "TaxAmount",
    "Tier",
    "Unrated",
    "UsageColumns",
    "UsageRecord",
    "Version",
    "Zone",
    "apply_rules",
    "bill_cycle",
    "bill_totals",
    "book",
    "classify_rounding",
    "compare_plans",
    "draws_of",
    "format_amount",
    "from_micros",
    "has_room",
    "keeps_accounts",
    "load_deck",
    "load_tariff",
    "make_bill",
    "nearest_micros",
    "open_account",
    "parse_amount",
    "rate",
    "rate_batch",
    "rate_for",
    "rate_lines",
    "recurring_amounts",
    "rerate",
    "rollover_cycles",
    "schema_text",
    "shared_draws_of",
    "to_micros",
]
