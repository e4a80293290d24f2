"""How do account entries cross the wire, and which break their rules?"""

import hashlib
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final

from billing_accuracy.domain.bills import LARGEST
from billing_accuracy.domain.entries import AccountEntry, EntryKind
from billing_accuracy.errors import EntryProblem, ProblemReason
from cxmesh.billing.v1 import account_entry_pb2 as pb
from mesh.api import from_money, to_money
from mesh.rpc import RpcError
from mesh.rpc.validation import RequestRules
from rating import from_micros, to_micros

_KINDS: Final = {pb.AccountEntryKind.Value(f"ACCOUNT_ENTRY_KIND_{kind}"): kind for kind in EntryKind}
_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
_WITHOUT_CODE: Final = frozenset({EntryKind.PAYMENT, EntryKind.OPENING_BALANCE, EntryKind.OPENING_CREDIT})
_MAY_BE_NOTHING: Final = frozenset({EntryKind.OPENING_BALANCE, EntryKind.OPENING_CREDIT})


class EntryReader:
    """Reads account entries from the wire."""

    def __init__(self, rules: RequestRules) -> None:
        self._rules = rules

    def read(self, message: pb.AccountEntry) -> tuple[AccountEntry, bytes]:
        """The entry that a message means, and a digest of it; raises EntryProblem."""
        try:
            self._rules.check(message)
            return _entry(message), hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
        except RpcError as error:
            first = error.field_violations[0]
            raise _invalid(first.field, first.description) from error


def entry_message(entry: AccountEntry) -> pb.AccountEntry:
    """An entry as it was sent."""
    message = pb.AccountEntry(
        source=entry.source,
        entry_id=entry.entry_id,
        subscription=entry.subscription,
        kind=_NUMBERS[entry.kind],
        charge_code=entry.charge_code,
        amount=None if entry.amount is None else to_money(to_micros(entry.amount), entry.currency),
        tax_exempt=entry.tax_exempt,
        reason=entry.reason,
        reference=entry.reference,
    )
    message.effective_time.FromDatetime(entry.time)
    return message


def _entry(message: pb.AccountEntry) -> AccountEntry:
    kind = _KINDS[message.kind]
    if bool(message.charge_code) == (kind in _WITHOUT_CODE):
        wanted = "nothing" if message.charge_code else "the code that it has on a bill"
        raise _invalid("charge_code", f"{message.charge_code!r}: expected {wanted} for {kind}")
    amount, currency = _amount(message, kind)
    return AccountEntry(
        source=message.source,
        entry_id=message.entry_id,
        subscription=message.subscription,
        kind=kind,
        time=_moment(message),
        charge_code=message.charge_code,
        amount=amount,
        currency=currency,
        tax_exempt=message.tax_exempt,
        reason=message.reason,
        reference=message.reference,
    )


def _amount(message: pb.AccountEntry, kind: EntryKind) -> tuple[Fraction | None, str]:
    if not message.HasField("amount"):
        if kind is EntryKind.ONE_OFF:
            return None, ""
        raise _invalid("amount", f"nothing: expected an amount for {kind}")
    currency = message.amount.currency_code
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():  # noqa: PLR2004 - ISO 4217
        raise _invalid("amount.currency_code", f"{currency!r}: expected an ISO 4217 code")
    amount = from_micros(from_money(message.amount, "amount"))
    if not (0 < amount <= LARGEST or (amount == 0 and kind in _MAY_BE_NOTHING)):
        raise _invalid("amount", f"{float(amount):g} {currency}: expected above zero and at most {LARGEST}")
    return amount, currency


def _moment(message: pb.AccountEntry) -> datetime:
    """To the microsecond, of the years that usage can have."""
    stamp = message.effective_time
    try:
        moment = stamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or not 1970 <= moment.year < 9998:  # noqa: PLR2004 - as for the periods of bills
        shown = f"{stamp.seconds} seconds, {stamp.nanos} nanos" if moment is None else moment.isoformat()
        raise _invalid("effective_time", f"{shown}: expected a moment in the years 1970 to 9997")
    return moment


def _invalid(field: str, description: str) -> EntryProblem:
    return EntryProblem(ProblemReason.INVALID_ENTRY, field, description)
