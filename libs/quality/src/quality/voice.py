"""How good was a call over a packet network, from what was measured of it?

What a network reports (RTCP, RFC 3550 and 3611) are delay, jitter and loss between two points; the E-model wants delay
from mouth to ear and the share of speech that never sounded. Between the two lies the jitter buffer, of which neither
RTCP nor G.107 says anything. This is the model of it here, and its assumptions:

- RFC 3550's jitter J is the mean difference in transit time of neighbours. If transit times deviate from their mean
  like independent Laplace variables of scale b, that mean difference is 1.5 b; so b = J / 1.5.
- The buffer plays a packet D after its mean arrival. Of all packets 1/2 exp(-D / b) come too late and are as lost.
- An adaptive buffer, the usual kind, holds D = 4 J, from 20 to 200 ms: an eighth of a percent comes too late while the
  bounds leave it room. A fixed one holds what it is set to.
- Speech that is late is lost beside what the network lost: p = 1 - (1 - lost)(1 - late).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quality.codecs import Codec
from quality.e_model import Connection, Rating, rate_connection
from quality.numbers import Column, Numbers, not_negative, within

ADAPTIVE_JITTERS: Final = 4.0
LEAST_BUFFER_MS: Final = 20.0
MOST_BUFFER_MS: Final = 200.0
_NEIGHBOURS: Final = 1.5
"""Mean absolute difference of two independent Laplace variables, over their scale."""


@dataclass(frozen=True, slots=True)
class Call:
    """What was measured of a call in one direction."""

    codec: Codec
    network_delay_ms: Numbers = 0.0
    """One way, between the packet interfaces of both ends: half the round trip where only that is known."""
    mouth_to_ear_ms: Numbers | None = None
    """One way, where the whole of it was measured; `network_delay_ms` isn't looked at then."""
    jitter_ms: Numbers = 0.0
    """RFC 3550, section 6.4.1, in milliseconds."""
    loss_percent: Numbers = 0.0
    """Lost in the network."""
    burst_ratio: Numbers = 1.0
    """See Connection.burst_ratio; 1 where it wasn't measured."""
    buffer_ms: Numbers | None = None
    """Of a fixed jitter buffer; None: it adapts."""


@dataclass(frozen=True, slots=True)
class VoiceQuality:
    """What users heard."""

    rating: Rating
    mouth_to_ear_ms: Column
    loss_percent: Column
    """What never sounded: lost or late."""

    @property
    def r(self) -> Column:
        """The transmission rating."""
        return self.rating.r

    @property
    def mos(self) -> Column:
        """MOS-CQE."""
        return self.rating.mos


def rate_call(call: Call) -> VoiceQuality:
    """The rating of a call, or of a column of calls with one codec. Raises ValueError that names what is out of range.

    Echo is taken to be cancelled (TELR 65 dB) and to come back over the same path: T = Ta, Tr = 2 Ta, as G.107 has it
    for a connection without a four-wire loop of its own.
    """
    network = not_negative("network_delay_ms", call.network_delay_ms, "ms")
    lost = within("loss_percent", call.loss_percent, 0.0, 100.0, "percent") / 100.0
    buffer = buffer_depth(call.jitter_ms) if call.buffer_ms is None else not_negative("buffer_ms", call.buffer_ms, "ms")
    heard = (1.0 - lost) * (1.0 - late_share(call.jitter_ms, buffer))
    missing = 100.0 * (1.0 - heard)
    delay = network + buffer + call.codec.delay_ms
    if call.mouth_to_ear_ms is not None:
        delay = not_negative("mouth_to_ear_ms", call.mouth_to_ear_ms, "ms")
    rating = rate_connection(
        Connection(
            echo_delay_ms=delay,
            round_trip_ms=2.0 * delay,
            absolute_delay_ms=delay,
            equipment_impairment=call.codec.equipment_impairment,
            loss_robustness=call.codec.loss_robustness,
            loss_percent=missing,
            burst_ratio=call.burst_ratio,
        )
    )
    return VoiceQuality(rating, delay, missing)


def buffer_depth(jitter_ms: Numbers) -> Column:
    """How long an adaptive jitter buffer holds packets, in milliseconds."""
    return np.clip(ADAPTIVE_JITTERS * not_negative("jitter_ms", jitter_ms, "ms"), LEAST_BUFFER_MS, MOST_BUFFER_MS)


def late_share(jitter_ms: Numbers, buffer_ms: Numbers) -> Column:
    """The share of packets, 0 to 1/2, that arrive after their turn."""
    scale = not_negative("jitter_ms", jitter_ms, "ms") / _NEIGHBOURS
    depth = not_negative("buffer_ms", buffer_ms, "ms")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        late = 0.5 * np.exp(-depth / scale)
    return np.where(scale == 0.0, 0.0, late)
