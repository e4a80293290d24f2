"""Which records of a batch count towards which limits, and what do they come to?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from rating import (
    SERVICE_CODES,
    SERVICES,
    Account,
    Ledger,
    RatedColumns,
    Service,
    Tariff,
    Tax,
    UsageColumns,
    Version,
    Zone,
    keeps_accounts,
    rate_batch,
)
from usage_correlation.domain.limits.policies import LimitPolicy, LimitScope, Place, TaxBasis
from usage_correlation.domain.moments import MICROS, from_micros
from usage_correlation.domain.rated import PlanUsage

Applying = Callable[[int], Sequence[LimitPolicy]]
"""The policies that apply to an account, by its number."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What a record adds to one bill line, as rated."""

    line: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class MeteredRecord:
    """A record that counts towards limits."""

    account: int
    row: int
    """In the batch."""
    start_micros: int
    usage: PlanUsage
    index: int
    """In the usage's columns."""
    pieces: tuple[Piece, ...]
    policies: tuple[LimitPolicy, ...]
    """Those that it counts towards, by id."""

    @property
    def amount(self) -> Fraction:
        """As rated."""
        return sum((piece.amount for piece in self.pieces), Fraction(0))

    def cost(self, basis: TaxBasis) -> Fraction:
        """On a tax basis."""
        return on_basis(self.usage.tariff, self.start_micros, self.pieces, basis)


def metered(
    usages: Sequence[PlanUsage], starts: Sequence[int], scopes: Collection[LimitScope], policies: Applying
) -> list[MeteredRecord]:
    """The records that cost something and count towards any limit, in the order in which they began.

    `starts` are those of the whole batch, in microseconds; `scopes` those of all policies there are. Policies are
    looked for only where one of them fits, since most usage counts towards none.
    """
    found = [record for usage in usages for record in _of_plan(usage, starts, scopes, policies)]
    return sorted(found, key=lambda record: (record.start_micros, record.row))


def _of_plan(
    usage: PlanUsage, starts: Sequence[int], scopes: Collection[LimitScope], policies: Applying
) -> list[MeteredRecord]:
    places = _Places(usage.tariff, usage.columns)
    masks = {scope: mask for scope in scopes for mask in [places.rows_in(scope)] if mask.any()}
    if not masks:
        return []
    counting: dict[int, tuple[LimitPolicy, ...]] = {}
    for index in np.flatnonzero(np.logical_or.reduce(list(masks.values()))).tolist():
        mine = tuple(
            policy
            for policy in policies(int(usage.accounts[index]))
            if policy.terms.currency == usage.tariff.currency
            and policy.terms.scope in masks
            and masks[policy.terms.scope][index]
        )
        if mine:
            counting[index] = mine
    return [
        MeteredRecord(int(usage.accounts[index]), row, starts[row], usage, index, pieces, counting[index])
        for index, pieces in _pieces(usage, list(counting)).items()
        for row in [int(usage.rows[index])]
        if any(piece.amount for piece in pieces)
    ]


def _pieces(usage: PlanUsage, indexes: Sequence[int]) -> Mapping[int, tuple[Piece, ...]]:
    """What each of some records adds to each line: what it costs, as the ledger has it, split as it would be alone."""
    if not indexes:
        return {}
    wanted = np.zeros(len(usage.columns), np.bool_)
    wanted[list(indexes)] = True
    costs, scale = usage.costs(wanted)
    alone: dict[int, list[Piece]] = {index: [] for index in indexes}
    for record, piece in _charges(_rated_alone(usage.columns.rows(np.flatnonzero(wanted)), usage.tariff)):
        alone[indexes[record]].append(piece)
    return {index: _split(Fraction(cost, scale), alone[index]) for index, cost in zip(indexes, costs, strict=True)}


def _split(cost: Fraction, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """A record's cost over its lines, in proportion to what it would add to each if nothing was included."""
    total = sum((piece.amount for piece in pieces), Fraction(0))
    if total == cost:
        return tuple(pieces)
    if not total:
        return (Piece(pieces[0].line, cost),)
    return tuple(Piece(piece.line, piece.amount * cost / total) for piece in pieces)


def _rated_alone(columns: UsageColumns, tariff: Tariff) -> RatedColumns:
    """Records as if nothing was included in the plan."""
    ledger = Ledger.of(tariff, [Account()]) if keeps_accounts(tariff) else None
    return rate_batch(columns, tariff, ledger)


def _charges(rated: RatedColumns) -> list[tuple[int, Piece]]:
    columns = (rated.pieces.record, rated.line, rated.amount)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(record, Piece(rated.lines[line], Fraction(amount, rated.scale))) for record, line, amount in rows]


@dataclass(frozen=True, slots=True)
class Quote:
    """What further usage costs, on a tax basis."""

    service: Service
    quantity: int
    """In base units."""
    visited_network: str
    price: Fraction


def quote(record: MeteredRecord, policy: LimitPolicy) -> Quote:
    """What more of the same as a record costs: same service, network and destination, at the same time.

    Without what is included in the plan: whoever has reached a limit has used that up.
    """
    columns, at = record.usage.columns, record.index
    service = SERVICES[int(columns.service[at])]
    quantity = policy.terms.quantity_priced(service)
    network = "" if columns.visited_network is None else str(columns.visited_network[at])
    more = UsageColumns.of(
        service=service,
        start=columns.start[at : at + 1],
        quantity=[quantity],
        destination=str(columns.destination[at]),
        visited_network=network,
        value_micros=None if columns.value_micros is None else columns.value_micros[at : at + 1],
    )
    pieces = tuple(piece for _, piece in _charges(_rated_alone(more, record.usage.tariff)))
    price = on_basis(record.usage.tariff, record.start_micros, pieces, policy.terms.tax_basis)
    return Quote(service, quantity, network, price)


def on_basis(tariff: Tariff, start_micros: int, pieces: Sequence[Piece], basis: TaxBasis) -> Fraction:
    """What charges come to without taxes, or with all of them, by the tariff's version in force."""
    version = tariff.version_at(from_micros(start_micros))
    taxes = version.taxes if version else ()
    if not taxes:
        return sum((piece.amount for piece in pieces), Fraction(0))
    return sum((piece.amount * _factor(taxes, piece.line, basis) for piece in pieces), Fraction(0))


def _factor(taxes: Sequence[Tax], line: str, basis: TaxBasis) -> Fraction:
    """By which a price is multiplied to be on a tax basis. A tax in the price is percent/(100+percent) of it."""
    concerning = [tax for tax in taxes if not tax.lines or line in tax.lines]
    contained = sum((tax.percent / (100 + tax.percent) for tax in concerning if tax.included), Fraction(0))
    added = sum((tax.percent / 100 for tax in concerning if not tax.included), Fraction(0))
    return 1 - contained if basis is TaxBasis.EXCLUDED else 1 + added


class _Places:
    """Where the records of one plan were used."""

    def __init__(self, tariff: Tariff, columns: UsageColumns) -> None:
        self._tariff = tariff
        self._columns = columns
        networks = columns.visited_network
        self._names, self._which = np.array([""]), np.zeros(len(columns), np.int64)
        if networks is not None:
            self._names, self._which = np.unique(networks, return_inverse=True)
        home = tariff.home_networks
        self._abroad = np.array([bool(name) and not str(name).startswith(home) for name in self._names], np.bool_)

    def rows_in(self, scope: LimitScope) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """A mask over the records."""
        columns = self._columns
        mask = np.ones(len(columns), np.bool_)
        if scope.services:
            mask &= np.isin(columns.service, [SERVICE_CODES[service] for service in scope.services])
        abroad = self._abroad[self._which]
        if scope.place is not Place.ANYWHERE:
            mask &= abroad if scope.place is Place.ROAMING else ~abroad
        if scope.visited_networks:
            named = np.array([str(name).startswith(scope.visited_networks) for name in self._names], np.bool_)
            mask &= named[self._which]
        if scope.roaming_zones and mask.any():
            mask &= abroad
            for index in np.flatnonzero(mask).tolist():
                mask[index] = self._zone(index) in scope.roaming_zones
        return mask

    def _zone(self, index: int) -> str | None:
        """The roaming zone of a record abroad."""
        version = self._tariff.version_at(from_micros(int(self._columns.start[index]) * MICROS))
        return _zone_of(version, str(self._names[self._which[index]])) if version else None


def _zone_of(version: Version, network: str) -> str | None:
    """By longest prefix, then the default zone; of the version that prices the rest where this one knows none."""
    best: tuple[int, Zone] | None = None
    for zone in version.roaming_zones:
        length = max((len(prefix) for prefix in zone.prefixes if network.startswith(prefix)), default=-1)
        length = 0 if length < 0 and zone.default else length
        if length >= 0 and (best is None or length > best[0]):
            best = (length, zone)
    if best is not None:
        return best[1].id
    return _zone_of(version.fallback, network) if version.fallback else None
