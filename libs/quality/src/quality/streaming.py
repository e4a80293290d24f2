"""How well did a film or a programme play, from how long it took to start and how often it stopped?

There is no free standard for sessions of which only sums are known, so three published results are joined:

- Stalling: the factor SI of ITU-T P.1203.3 (10/2017), clause 8.4, formula 29, with its weights of clause 8.1.1. It
  wants the place of every stall; where only sums are known, stalls are taken to lie evenly over the session.
- Start-up: the logarithm that Hossfeld, Egger, Schatz, Fiedler, Masuch and Lorentzen fitted to tests with videos of 60
  seconds, "Initial delay vs. interruptions: between the devil and the deep blue sea", QoMEX 2012:
  -0.963 log10(t + 5.381) + 5; here divided by its value for no delay at all. (P.1203 would count the start as a stall,
  however short.)
- Changes of bitrate: the compensation for adaptation of P.1203.3, clause 8.3, formula 26.

The factors multiply what the encoding alone would be worth. That joining is ours: the result is an estimate to rank
sessions and to notice trouble by, not a conformant P.1203 score, and it was not validated on long programmes. P.1203
was, for sessions of one to five minutes.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from quality.numbers import Column, Numbers, column, not_negative, within

LEAST_MOS: Final = 1.0
MOST_MOS: Final = 5.0

_PER_STALLS: Final = 9.35158684  # s1
_PER_STALLED_SHARE: Final = 0.91890815  # s2
_PER_INTERVAL_SHARE: Final = 11.0567558  # s3
_FORGOTTEN: Final = 0.48412879  # c_ref7: what a stall long ago still weighs
_HALF_LIFE_SECONDS: Final = 10.0  # c_ref8

_START_SLOPE: Final = 0.963
_START_SHIFT_SECONDS: Final = 5.381

_PER_CHANGE: Final = 0.17332553  # comp3
_CHANGE_SHIFT: Final = -0.01035647  # comp4
_MOST_FOR_CHANGES: Final = 0.5


@dataclass(frozen=True, slots=True)
class Session:
    """What a player reports of one session (3GPP TS 26.247, clause 10; CTA-2066)."""

    played_seconds: Numbers
    """Of content, without waiting; 0: it never started."""
    startup_seconds: Numbers = 0.0
    """From the request to the first picture."""
    stalls: Numbers = 0.0
    """How often it stopped to load, without the start."""
    stalled_seconds: Numbers = 0.0
    """How long in all, without the start."""
    changes: Numbers = 0.0
    """How often the bitrate changed."""
    spread_mos: Numbers = 1.0
    """How far apart the best and the worst rendition shown are, in points; 1 where it isn't known."""
    encoding_mos: Numbers = 4.5
    """What the renditions shown would be worth if nothing stopped: O.35 of P.1203.3, or 4.5 where it isn't known."""


@dataclass(frozen=True, slots=True)
class StreamQuality:
    """What viewers saw."""

    mos: Column
    """1 to 5."""
    rebuffering_ratio: Column
    """Share of the time since the first picture spent waiting, 0 to 1."""

    @property
    def score(self) -> Column:
        """The same from 0 to 100."""
        return (self.mos - LEAST_MOS) / (MOST_MOS - LEAST_MOS) * 100.0


def rate_session(session: Session) -> StreamQuality:
    """The quality of a session, or of a column of them. Raises ValueError that names what is out of range."""
    played = not_negative("played_seconds", session.played_seconds, "seconds")
    stalls = not_negative("stalls", session.stalls, "stalls")
    stalled = not_negative("stalled_seconds", session.stalled_seconds, "seconds")
    startup = not_negative("startup_seconds", session.startup_seconds, "seconds")
    encoding = within("encoding_mos", session.encoding_mos, LEAST_MOS, MOST_MOS, "points")
    if ((stalled > 0) & (stalls == 0)).any():
        raise ValueError("stalls: expected at least 1 where stalled_seconds is above 0, got 0")
    length = np.maximum(played, 1.0)  # a session of a blink is a second long, so that its shares stay finite
    factor = _stalling(stalls, stalled, length) * _startup(startup)
    mos = LEAST_MOS + (encoding - LEAST_MOS) * factor - _adaptation(session, length)
    mos = np.where(played > 0.0, np.clip(mos, LEAST_MOS, MOST_MOS), LEAST_MOS)
    spent = played + stalled
    ratio = np.divide(stalled, spent, out=np.zeros(spent.shape), where=spent > 0.0)
    return StreamQuality(mos, ratio)


def _stalling(stalls: Column, stalled: Column, length: Column) -> Column:
    """SI, 0 to 1. Stalls lie evenly: n of them are length / n apart."""
    interval_share = np.where(stalls > 1.0, 1.0 / np.maximum(stalls, 1.0), 0.0)
    weighted_share = stalled * _weight(length) / length
    return np.exp(-stalls / _PER_STALLS - weighted_share / _PER_STALLED_SHARE - interval_share / _PER_INTERVAL_SHARE)


def _weight(length: Column) -> Column:
    """What a second of stalling weighs on average over a session: it fades from 1 at the end to c_ref7 long before."""
    fade = _HALF_LIFE_SECONDS / math.log(2.0)
    return _FORGOTTEN + (1.0 - _FORGOTTEN) * fade / length * (1.0 - np.exp2(-length / _HALF_LIFE_SECONDS))


def _startup(seconds: Column) -> Column:
    """What is left after waiting for the first picture, 0 to 1."""

    def fitted(delay: Numbers) -> Column:
        return 4.0 - _START_SLOPE * np.log10(column(delay) + _START_SHIFT_SECONDS)

    return np.clip(fitted(seconds) / fitted(0.0), 0.0, 1.0)


def _adaptation(session: Session, length: Column) -> Column:
    """What changes of bitrate take away, 0 to 0.5 points."""
    changes = not_negative("changes", session.changes, "changes")
    spread = within("spread_mos", session.spread_mos, 0.0, MOST_MOS - LEAST_MOS, "points")
    return np.clip(_PER_CHANGE * spread * changes / length + _CHANGE_SHIFT, 0.0, _MOST_FOR_CHANGES)
