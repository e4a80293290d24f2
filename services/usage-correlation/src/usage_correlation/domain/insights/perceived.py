"""How good did a call sound and a stream play, where nobody has said so but the causes were measured?

Calls are rated by the E-model (ITU-T G.107), streams by start-up and stalling: see the package `quality`. What an
observer has rated stays as it is. Where too little was measured, or a codec has no published values, there is none.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from quality import Call, Session, codec_named, mos_of, r_of, rate_call, rate_session
from quality.mos import MOST_MOS
from usage_correlation.domain.patterns.columns import Bools, Column, Doubles, Ints, Texts

VOICE: Final = "voice_quality"
STREAM: Final = "stream_quality"
_MILLIS: Final = 1000.0


def perceived(kind: str, fields: Mapping[str, Column]) -> dict[str, Column]:
    """The fields of events of a type, with `mos` and `r_factor` where they follow from the others."""
    if kind == VOICE:
        return {**fields, **_voice(fields)}
    if kind == STREAM:
        return {**fields, "mos": _stream(fields)}
    return dict(fields)


def _voice(fields: Mapping[str, Column]) -> dict[str, Column]:
    mos, r = _doubles(fields["mos"]).copy(), _doubles(fields["r_factor"]).copy()
    rated = np.isnan(mos) & np.isnan(r)
    _rate_calls(fields, r, rated & ~np.isnan(_doubles(fields["loss_percent"])))
    from_r = np.isnan(mos) & ~np.isnan(r)
    mos[from_r] = mos_of(r[from_r])
    from_mos = np.isnan(r) & ~np.isnan(mos)
    # A wideband opinion may be above what a narrowband connection can reach.
    r[from_mos] = r_of(np.minimum(mos[from_mos], MOST_MOS))
    return {"mos": mos, "r_factor": r}


def _rate_calls(fields: Mapping[str, Column], r: Doubles, wanted: Bools) -> None:
    """Write into `r` what the E-model says, codec by codec."""
    codecs = fields["codec"]
    if not isinstance(codecs, Texts):
        raise TypeError("codec: expected a column of texts")
    for code, name in enumerate(codecs.values):
        try:
            codec = codec_named(name)
        except ValueError:
            continue
        rows = np.flatnonzero(wanted & (codecs.codes == code))
        if not len(rows):
            continue
        delay = _doubles(fields["delay_ms"])[rows]
        known = ~np.isnan(delay)
        measured = {
            "jitter_ms": _or(fields["jitter_ms"], rows, 0.0),
            "loss_percent": _doubles(fields["loss_percent"])[rows],
            "burst_ratio": np.maximum(_or(fields["burst_ratio"], rows, 1.0), 1.0),
        }
        # Without a delay, the least that codec and jitter buffer make.
        least = rate_call(Call(codec, **measured))
        found = rate_call(Call(codec, mouth_to_ear_ms=np.where(known, delay, least.mouth_to_ear_ms), **measured))
        r[rows] = np.clip(found.r, 0.0, 100.0)


def _stream(fields: Mapping[str, Column]) -> Doubles:
    played = _doubles(fields["played_ms"])
    rows = np.flatnonzero(~np.isnan(played))
    stalled = _or(fields["rebuffering_ms"], rows, 0.0)
    stalls = np.asarray(_ints(fields["rebuffering_count"])[rows], np.float64)
    session = Session(
        played_seconds=played[rows] / _MILLIS,
        startup_seconds=_or(fields["startup_ms"], rows, 0.0) / _MILLIS,
        # Whoever says how long it stopped and not how often means once at least.
        stalls=np.where((stalled > 0.0) & (stalls == 0.0), 1.0, stalls),
        stalled_seconds=stalled / _MILLIS,
    )
    mos = np.full(len(played), np.nan)
    mos[rows] = rate_session(session).mos
    mos[np.asarray(fields["failed"], np.bool_)] = 1.0
    return mos


def _or(column: Column, rows: Ints, otherwise: float) -> Doubles:
    """Some rows, with another number where nothing was measured."""
    values = _doubles(column)[rows]
    return np.where(np.isnan(values), otherwise, values)


def _doubles(column: Column) -> Doubles:
    return np.asarray(column, np.float64)


def _ints(column: Column) -> Ints:
    return np.asarray(column, np.int64)
