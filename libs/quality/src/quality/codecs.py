"""What does a codec take from a voice connection, and how well does it bear lost packets?

Ie and Bpl of narrowband codecs as ITU-T G.113 (11/2007) Appendix I gives them; frames and look-ahead from the codecs'
own specifications. There are codecs without published values (iLBC, Opus, and AMR below 12.2 kbit/s): those are not
here, because a guess would look like a measurement. Wideband codecs (AMR-WB, EVS, G.722) have another scale, that of
G.107.1, and are refused rather than put on this one. Whoever has measured a codec gives a Codec of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Codec:
    """A narrowband codec with its packet loss concealment."""

    name: str
    equipment_impairment: float
    """Ie, with no loss."""
    loss_robustness: float
    """Bpl, packet loss robustness: the higher, the less a lost packet hurts."""
    frame_ms: float
    look_ahead_ms: float
    frames_per_packet: int = 1
    """As many as Bpl was derived with."""

    @property
    def delay_ms(self) -> float:
        """Coding and packetisation: (N + 1) frames and the look-ahead, the least of G.114 Annex A for N in a packet."""
        return (self.frames_per_packet + 1) * self.frame_ms + self.look_ahead_ms


_ALL: Final = (
    # G.113 Appendix I: 10 ms a packet, without concealment and with that of G.711 Appendix I.
    Codec("G.711", 0, 4.3, 10, 0),
    Codec("G.711-PLC", 0, 25.1, 10, 0),
    # G.729 Annex A with voice activity detection, two frames a packet.
    Codec("G.729A", 11, 19.0, 10, 5, 2),
    # G.723.1 at 6.3 kbit/s with voice activity detection.
    Codec("G.723.1", 15, 16.1, 30, 7.5),
    Codec("GSM-EFR", 5, 10.0, 20, 0),
    # The 12.2 kbit/s mode of AMR is GSM-EFR, bit for bit but for comfort noise (3GPP TS 26.071); its encoder looks
    # ahead by nothing in this mode (TS 26.090).
    Codec("AMR-12.2", 5, 10.0, 20, 0),
)
CODECS: Final[Mapping[str, Codec]] = {codec.name: codec for codec in _ALL}

_ALIASES: Final = {
    "PCMU": "G.711-PLC",  # a telephone that speaks RTP conceals losses; say G.711 for one that doesn't
    "PCMA": "G.711-PLC",
    "G711": "G.711-PLC",
    "G729": "G.729A",
    "G723": "G.723.1",
    "EFR": "GSM-EFR",
    "AMR": "AMR-12.2",
    "AMR-NB": "AMR-12.2",
}
"""Names of RTP payload formats (RFC 3551, RFC 4867)."""
_BY_NAME: Final = {name.upper(): codec for name, codec in CODECS.items()} | {
    alias: CODECS[name] for alias, name in _ALIASES.items()
}


def codec_named(name: str) -> Codec:
    """The codec of this name or RTP payload format, in any case. Raises ValueError for one without published values."""
    codec = _BY_NAME.get(name.strip().upper())
    if codec is None:
        raise ValueError(f"codec: expected one of {', '.join(sorted(_BY_NAME))}, got {name!r}")
    return codec
