"""How good is a voice connection to talk over? The E-model of ITU-T G.107 (06/2015), whole.

R = Ro - Is - Id - Ie,eff + A. Numbers in brackets are the recommendation's formulas; names of fields are its symbols
written out. Everything takes columns as well as single numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from quality.mos import mos_of
from quality.numbers import Column, Numbers, column, within

_MOST_R: Final = 95.0
"""Where packet loss alone would take everything: the constant of formula 7-29."""
_QUIET_TALKER_MS: Final = 1.0
"""Below this delay the talker's echo is side-tone, clause 7.4."""
_LOUD_SIDETONE_DB: Final = 9.0
"""Below this, side-tone masks the talker's echo."""
_FAINT_SIDETONE_DB: Final = 20.0
"""Above this, missing side-tone adds to the talker's echo."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Every input of the model, with the default values of Table 2 of G.107 (clause 7.7)."""

    send_loudness_db: Numbers = 8.0
    """SLR, 0 to 18."""
    receive_loudness_db: Numbers = 2.0
    """RLR, -5 to 14."""
    sidetone_masking_db: Numbers = 15.0
    """STMR, 10 to 20."""
    d_send: Numbers = 3.0
    """Ds, the D-value of the telephone at the send side, -3 to 3."""
    d_receive: Numbers = 3.0
    """Dr, at the receive side, -3 to 3; with STMR it gives the listener's side-tone rating, LSTR = STMR + Dr."""
    talker_echo_loudness_db: Numbers = 65.0
    """TELR, 5 to 65."""
    weighted_echo_loss_db: Numbers = 110.0
    """WEPL, 5 to 110."""
    echo_delay_ms: Numbers = 0.0
    """T, mean one-way delay of the echo path, 0 to 500."""
    round_trip_ms: Numbers = 0.0
    """Tr, in a closed four-wire loop, 0 to 1000."""
    absolute_delay_ms: Numbers = 0.0
    """Ta, one way, mouth to ear, 0 to 500."""
    delay_sensitivity: Numbers = 1.0
    """sT, 0.4 to 1: how much delay matters to this use, Table 1."""
    least_perceived_delay_ms: Numbers = 100.0
    """mT, 20 to 150: delay that goes unnoticed, Table 1."""
    quantizing_units: Numbers = 1.0
    """qdu, 1 to 14."""
    equipment_impairment: Numbers = 0.0
    """Ie of the codec, 0 to 40, from G.113."""
    loss_robustness: Numbers = 4.3
    """Bpl of the codec, 4.3 to 40, from G.113."""
    loss_percent: Numbers = 0.0
    """Ppl. Table 2 has 0 to 20; more is accepted, for it happens, and is beyond what was tested."""
    burst_ratio: Numbers = 1.0
    """BurstR, 1 to 8: length of loss bursts over what it would be if losses were independent."""
    circuit_noise_dbm0p: Numbers = -70.0
    """Nc, -80 to -40."""
    noise_floor_dbmp: Numbers = -64.0
    """Nfor at the receive side; fixed in Table 2."""
    room_noise_send_db: Numbers = 35.0
    """Ps, 35 to 85 dB(A)."""
    room_noise_receive_db: Numbers = 35.0
    """Pr, 35 to 85 dB(A)."""
    advantage: Numbers = 0.0
    """A, 0 to 20: what users forgive for the sake of access, Table 3."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What came out, part by part."""

    basic: Column
    """Ro: signal to noise."""
    simultaneous: Column
    """Is: what comes with the voice itself, such as loudness, side-tone, quantizing."""
    delay: Column
    """Id: echoes and delay."""
    equipment: Column
    """Ie,eff: codec and packet loss."""
    advantage: Column
    r: Column
    """Unclamped: below 0 nothing is worse, above 100 nothing better."""

    @property
    def mos(self) -> Column:
        """MOS-CQE."""
        return mos_of(self.r)


_RANGES: Final = (
    ("send_loudness_db", 0, 18, "dB"),
    ("receive_loudness_db", -5, 14, "dB"),
    ("sidetone_masking_db", 0, 60, "dB"),  # 10 to 20, and beyond by the rules of clause 7.4 for below 9 and above 20
    ("d_send", -3, 3, ""),
    ("d_receive", -3, 3, ""),
    ("talker_echo_loudness_db", 5, 65, "dB"),
    ("weighted_echo_loss_db", 5, 110, "dB"),
    ("echo_delay_ms", 0, 60_000, "ms"),  # Table 2 ends at 500: beyond it the model is extrapolated, and bad either way
    ("round_trip_ms", 0, 120_000, "ms"),
    ("absolute_delay_ms", 0, 60_000, "ms"),
    ("delay_sensitivity", 0.4, 1, ""),
    ("least_perceived_delay_ms", 20, 150, "ms"),
    ("quantizing_units", 1, 14, "units"),
    ("equipment_impairment", 0, 95, ""),
    ("loss_robustness", 1, 100, ""),
    ("loss_percent", 0, 100, "percent"),
    ("burst_ratio", 1, 1000, ""),
    ("circuit_noise_dbm0p", -80, -40, "dBm0p"),
    ("noise_floor_dbmp", -100, -20, "dBmp"),
    ("room_noise_send_db", 35, 85, "dB(A)"),
    ("room_noise_receive_db", 35, 85, "dB(A)"),
    ("advantage", 0, 20, ""),
)


def rate_connection(connection: Connection) -> Rating:
    """The transmission rating (7-1). Raises ValueError that names the input which is out of range."""
    for field, least, most, unit in _RANGES:
        within(field, getattr(connection, field), least, most, unit)
    noise = _noise_sum(connection)
    basic = 15.0 - 1.5 * (column(connection.send_loudness_db) + noise)  # (7-2)
    sidetone = _sidetone_impairment(connection)
    simultaneous = _loudness_impairment(connection, noise) + sidetone + _quantizing_impairment(connection, basic)
    delay = (
        _talker_echo_impairment(connection, noise, sidetone)
        + _listener_echo_impairment(connection, basic)
        + absolute_delay_impairment(
            connection.absolute_delay_ms, connection.delay_sensitivity, connection.least_perceived_delay_ms
        )
    )
    equipment = equipment_impairment(
        connection.equipment_impairment, connection.loss_robustness, connection.loss_percent, connection.burst_ratio
    )
    advantage = column(connection.advantage)
    return Rating(
        basic, simultaneous, delay, equipment, advantage, basic - simultaneous - delay - equipment + advantage
    )


def equipment_impairment(ie: Numbers, bpl: Numbers, loss_percent: Numbers, burst_ratio: Numbers = 1.0) -> Column:
    """Ie,eff: what codec and packet loss take away (7-29), and never more than 95.

    With long bursts and little robustness the recommendation's quotient passes 1, where a worse codec would come out
    better; here it ends at 1.
    """
    lost = column(loss_percent)
    return ie + (_MOST_R - ie) * np.minimum(lost / (lost / burst_ratio + bpl), 1.0)


def absolute_delay_impairment(ta_ms: Numbers, sensitivity: Numbers = 1.0, unnoticed_ms: Numbers = 100.0) -> Column:
    """Idd: what delay alone takes away, with perfect echo control (7-27, 7-28)."""
    ratio = np.maximum(column(ta_ms) / unnoticed_ms, 1.0)  # delay up to mT takes nothing, as X = 0 does
    x = np.log2(ratio)
    power = 6.0 * column(sensitivity)
    first = (1.0 + x**power) ** (1.0 / power)
    second = (1.0 + (x / 3.0) ** power) ** (1.0 / power)
    return 25.0 * (first - 3.0 * second + 2.0)


def burst_ratio(loss_after_arrival: float, arrival_after_loss: float) -> float:
    """BurstR of a two-state Markov chain: 1 / (p + q), clause 3.

    p: the probability that a packet is lost after one that arrived; q: that one arrives after a lost one.
    """
    p = float(within("loss_after_arrival", loss_after_arrival, 0.0, 1.0, ""))
    q = float(within("arrival_after_loss", arrival_after_loss, 0.0, 1.0, ""))
    if p + q == 0.0:
        raise ValueError("arrival_after_loss: expected more than 0 where packets are never lost after one that arrived")
    return max(1.0 / (p + q), 1.0)


def _noise_sum(connection: Connection) -> Column:
    """No: all noise, referred to the 0 dBr point (7-3 to 7-7)."""
    slr, rlr = column(connection.send_loudness_db), column(connection.receive_loudness_db)
    overall = slr + rlr
    ps, pr, ds = column(connection.room_noise_send_db), column(connection.room_noise_receive_db), connection.d_send
    send = ps - slr - ds - 100.0 + 0.004 * (ps - overall - ds - 14.0) ** 2
    listener_sidetone = column(connection.sidetone_masking_db) + connection.d_receive
    enhanced = pr + 10.0 * np.log10(1.0 + 10.0 ** ((10.0 - listener_sidetone) / 10.0))
    receive = rlr - 121.0 + enhanced + 0.008 * (enhanced - 35.0) ** 2
    floor = column(connection.noise_floor_dbmp) + rlr
    powers = [10.0 ** (each / 10.0) for each in (column(connection.circuit_noise_dbm0p), send, receive, floor)]
    return 10.0 * np.log10(sum(powers[1:], powers[0]))


def _loudness_impairment(connection: Connection, noise: Column) -> Column:
    """Iolr: too low an overall loudness rating, which is too loud (7-9, 7-10)."""
    rlr = column(connection.receive_loudness_db)
    x = (connection.send_loudness_db + rlr + 0.2 * (64.0 + noise - rlr)) / 8.0
    return 20.0 * ((1.0 + x**8) ** 0.125 - x)


def _sidetone_impairment(connection: Connection) -> Column:
    """Ist: side-tone that is not optimum (7-11, 7-12)."""
    telr, delay = column(connection.talker_echo_loudness_db), column(connection.echo_delay_ms)
    echo = np.exp(-delay / 4.0) * 10.0 ** (-telr / 10.0)
    stmr = -10.0 * np.log10(10.0 ** (-column(connection.sidetone_masking_db) / 10.0) + echo)
    low = 12.0 * (1.0 + ((stmr - 13.0) / 6.0) ** 8) ** 0.125
    middle = 28.0 * (1.0 + ((stmr + 1.0) / 19.4) ** 35) ** (1.0 / 35.0)
    # The thirteenth root of a number that may be negative, for side-tone below 3 dB.
    inner = 1.0 + ((stmr - 3.0) / 33.0) ** 13
    high = 13.0 * np.sign(inner) * np.abs(inner) ** (1.0 / 13.0)
    return low - middle - high + 29.0


def _quantizing_impairment(connection: Connection, basic: Column) -> Column:
    """Iq: quantizing distortion (7-13 to 7-17)."""
    q = 37.0 - 15.0 * np.log10(column(connection.quantizing_units))
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (basic - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0
    z = 46.0 / 30.0 - g / 40.0
    return 15.0 * np.log10(1.0 + 10.0**y + 10.0**z)


def _talker_echo_impairment(connection: Connection, noise: Column, sidetone: Column) -> Column:
    """Idte: the talker hears the own voice come back (7-19 to 7-24)."""
    delay, stmr = column(connection.echo_delay_ms), column(connection.sidetone_masking_db)
    telr = column(connection.talker_echo_loudness_db)
    rating = telr - 40.0 * np.log10((1.0 + delay / 10.0) / (1.0 + delay / 150.0)) + 6.0 * np.exp(-0.3 * delay**2)
    rating = np.where(stmr < _LOUD_SIDETONE_DB, rating + sidetone / 2.0, rating)  # side-tone masks echo (7-23)
    reach = -1.5 * (noise - connection.receive_loudness_db)
    echo = 80.0 + 2.5 * (rating - 14.0)
    half = (reach - echo) / 2.0
    impairment = (half + np.sqrt(half**2 + 100.0) - 1.0) * (1.0 - np.exp(-delay))
    impairment = np.where(stmr > _FAINT_SIDETONE_DB, np.sqrt(impairment**2 + sidetone**2), impairment)  # (7-24)
    return np.where(delay < _QUIET_TALKER_MS, 0.0, impairment)


def _listener_echo_impairment(connection: Connection, basic: Column) -> Column:
    """Idle: the listener hears the talker twice (7-25, 7-26)."""
    loop = (column(connection.round_trip_ms) + 1.0) ** -0.25
    echo = 10.5 * (column(connection.weighted_echo_loss_db) + 7.0) * loop
    half = (basic - echo) / 2.0
    return half + np.sqrt(half**2 + 169.0)
