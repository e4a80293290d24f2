"""What customers hear and see: voice quality by the ITU-T E-model, video quality from start-up and stalling."""

from quality.codecs import CODECS, Codec, codec_named
from quality.e_model import (
    Connection,
    Rating,
    absolute_delay_impairment,
    burst_ratio,
    equipment_impairment,
    rate_connection,
)
from quality.mos import good_or_better, mos_of, poor_or_worse, r_of
from quality.streaming import Session, StreamQuality, rate_session
from quality.voice import Call, VoiceQuality, buffer_depth, late_share, rate_call

__all__ = [
    "CODECS",
    "Call",
    "Codec",
    "Connection",
    "Rating",
    "Session",
    "StreamQuality",
    "VoiceQuality",
    "absolute_delay_impairment",
    "buffer_depth",
    "burst_ratio",
    "codec_named",
    "equipment_impairment",
    "good_or_better",
    "late_share",
    "mos_of",
    "poor_or_worse",
    "r_of",
    "rate_call",
    "rate_connection",
    "rate_session",
]
