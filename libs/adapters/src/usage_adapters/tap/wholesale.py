"""What does a visited network charge us for each call event: the wholesale side of a TAP file?

The same file gives usage records (adapter.py) and these charges, joined by (source, record_id): what roaming usage
costs us beside what its customer is charged. Amounts are exact, in the file's own currency; the exchange rate stands
beside them as the file has it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO, Final, TextIO

from usage_adapters.reading import Options
from usage_adapters.tap.audit import charges_of
from usage_adapters.tap.decoding import UndecodableError, decode
from usage_adapters.tap.header import Header, utc_text
from usage_adapters.tap.stamps import stamp_of
from usage_adapters.tap.walking import TapFile

_DIGEST_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class WholesaleTax:
    """Tax on a charge."""

    kind: str
    """Type and rate, as the file's accounting information has them: "13 at 19.00000"."""
    amount: Decimal


@dataclass(frozen=True, slots=True)
class WholesaleCharge:
    """One charged item of a call event."""

    source: str
    record_id: str
    """Of the usage record that the event became; where it became several, of what they have in common."""
    place: int
    """The event's number in the file, from 1."""
    sender: str
    recipient: str
    file_sequence: str
    event_time: str
    """UTC; empty where the event doesn't say."""
    item: str
    """What was charged: D for duration, X for volume, E for the event, L for CAMEL and so on."""
    amount: Decimal
    """Without the taxes beside it, after the discount."""
    currency: str
    """TAP currency, such as SDR."""
    local_currency: str
    exchange_rate: Decimal | None
    discount: Decimal
    taxes: tuple[WholesaleTax, ...]
    is_refund: bool


def wholesale_charges(content: BinaryIO, options: Options) -> Iterator[WholesaleCharge]:
    """The charges of a file that `verify` has passed, in its order. Raises FileRefusedError."""
    file = TapFile(content)
    header = file.header
    source = options.source or f"tap:{header.sender}"
    for place, event in enumerate(file.events(), start=1):
        try:
            kind, value = decode("CallEventDetail", event.raw)
        except UndecodableError:
            continue  # the adapter rejects it, with its reason
        name = hashlib.blake2b(event.raw, digest_size=_DIGEST_BYTES).hexdigest()
        stamp = stamp_of(kind, value)
        moment = "" if stamp is None else _moment(header, stamp)
        for charge in charges_of(kind, value):
            rate = header.rates.get(charge.rate_code) if charge.rate_code is not None else None
            yield WholesaleCharge(
                source, name, place, header.sender, header.recipient, header.sequence, moment, charge.item,
                amount=_money(header, charge.total),
                currency=header.tap_currency or header.local_currency,
                local_currency=header.local_currency,
                exchange_rate=None if rate is None else Decimal(rate.rate).scaleb(-rate.decimals),
                discount=_money(header, charge.discount),
                taxes=tuple(_tax(header, code, amount) for code, amount in charge.taxes),
                is_refund=charge.is_refund,
            )  # fmt: skip


def write_wholesale(charges: Iterable[WholesaleCharge], to: TextIO) -> int:
    """JSON Lines, amounts as texts; how many."""
    count = 0
    for charge in charges:
        row = {name: getattr(charge, name) for name in WholesaleCharge.__dataclass_fields__}
        row |= {name: format(row[name], "f") for name in ("amount", "discount")}
        row["exchange_rate"] = None if charge.exchange_rate is None else format(charge.exchange_rate, "f")
        row["taxes"] = [{"kind": tax.kind, "amount": format(tax.amount, "f")} for tax in charge.taxes]
        to.write(json.dumps(row, separators=(",", ":")) + "\n")
        count += 1
    return count


def _money(header: Header, units: int) -> Decimal:
    """TAP counts in so small a unit; a Decimal made of a text keeps every digit."""
    return Decimal(f"{units}E-{header.decimals or 0}")


def _tax(header: Header, code: int | None, amount: int) -> WholesaleTax:
    return WholesaleTax("" if code is None else header.taxes.get(code, ""), _money(header, amount))


def _moment(header: Header, stamp: dict[str, object]) -> str:
    try:
        return utc_text(header.micros(stamp))
    except ValueError:
        return ""
