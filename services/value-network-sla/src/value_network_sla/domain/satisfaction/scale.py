"""How do calls, films and survey answers come onto one scale from 0 to 100?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from quality import Call, Session, codec_named, rate_call, rate_session

LEAST_MOS: Final = 1.0
MOST_MOS: Final = 5.0


@dataclass(frozen=True, slots=True)
class CallMeasurement:
    """What was measured of a call in one direction."""

    codec: str
    network_delay_ms: float
    """One way."""
    jitter_ms: float
    loss_percent: float
    burst_ratio: float
    """1: loss is random."""

    def mos(self) -> float:
        """MOS-CQE by the E-model (ITU-T G.107); raises ValueError that names what is out of range."""
        call = Call(
            codec_named(self.codec),
            network_delay_ms=self.network_delay_ms,
            jitter_ms=self.jitter_ms,
            loss_percent=self.loss_percent,
            burst_ratio=self.burst_ratio,
        )
        return float(rate_call(call).mos)


@dataclass(frozen=True, slots=True)
class StreamMeasurement:
    """What a player reports of a session."""

    played_seconds: float
    startup_seconds: float
    stalls: float
    stalled_seconds: float
    changes: float
    encoding_mos: float | None
    """Of the encoding alone; None where it isn't known."""

    def mos(self) -> float:
        """By start-up, stalls and changes of bitrate; raises ValueError that names what is out of range."""
        known = {} if self.encoding_mos is None else {"encoding_mos": self.encoding_mos}
        session = Session(
            self.played_seconds,
            startup_seconds=self.startup_seconds,
            stalls=self.stalls,
            stalled_seconds=self.stalled_seconds,
            changes=self.changes,
            **known,
        )
        return float(rate_session(session).mos)


@dataclass(frozen=True, slots=True)
class GivenMos:
    """A mean opinion score that somebody else found."""

    value: float

    def mos(self) -> float:
        """The score as given; raises ValueError when it is none."""
        if not LEAST_MOS <= self.value <= MOST_MOS:
            raise ValueError(f"mos: expected {LEAST_MOS:g} to {MOST_MOS:g} points, got {self.value:g}")
        return self.value


Measurement = CallMeasurement | StreamMeasurement | GivenMos


def score_of_mos(mos: float) -> float:
    """0 to 100 for a mean opinion score of 1 to 5 (ITU-T P.800, ACR): calls and films are told on the same scale."""
    return (mos - LEAST_MOS) / (MOST_MOS - LEAST_MOS) * 100.0


class SurveyScale(StrEnum):
    """What was asked."""

    NPS = "NPS"
    """How likely the customer is to recommend."""
    CSAT = "CSAT"
    """How satisfied."""
    CES = "CES"
    """How easy it was; the most is the least effort."""


ANSWERS: Final = {SurveyScale.NPS: (0, 10), SurveyScale.CSAT: (1, 5), SurveyScale.CES: (1, 7)}
"""The least and the most of each scale."""
PROMOTER_FROM: Final = 9
DETRACTOR_TO: Final = 6


def score_of_answer(scale: SurveyScale, answer: int) -> float:
    """0 to 100; raises ValueError for what is not on the scale."""
    least, most = ANSWERS[scale]
    if not least <= answer <= most:
        raise ValueError(f"answer: expected {least} to {most} on the scale {scale}, got {answer}")
    return (answer - least) / (most - least) * 100.0
