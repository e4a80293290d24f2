"""Whose error budget burns too fast by now, and whose does not any more?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from value_network_sla.domain.policing.alert import Alert, Proof, alert_name
from value_network_sla.domain.policing.budget import Tally, burn_rate
from value_network_sla.domain.policing.burn import (
    AlertCause,
    AlertChange,
    AlertState,
    Burn,
    BurnCondition,
    OpenAlert,
    cause_of,
    judge_alert,
)
from value_network_sla.domain.policing.objective import Objective
from value_network_sla.domain.policing.windows import MINUTE, Period, floor_minute
from value_network_sla.handlers.policing.judging import Judging
from value_network_sla.handlers.policing.ports import Range

NO_PROOF: Final = Proof()


def burn_ranges(objective: Objective, now: datetime) -> Sequence[Range]:
    """What has to be looked up: a long and a short stretch for each condition."""
    return [
        Range(objective, burn_period(objective, length, now))
        for condition in objective.conditions
        for length in (condition.long, condition.short)
    ]


async def judge_burn(judging: Judging, objective: Objective, tallies: Sequence[Tally]) -> bool:
    """Judge every condition of an objective; whether an alert waits or fires."""
    known = judging.alerts.get(objective.name, ())
    conditions = {condition.name for condition in objective.conditions}
    for alert in known:
        # Another revision holds now: what burnt under the former one is over.
        if alert.revision != objective.revision or alert.condition not in conditions:
            await _end(judging, alert, None, tell=True)
    current = {alert.condition: alert for alert in known if alert.revision == objective.revision}
    burning = False
    for number, condition in enumerate(objective.conditions):
        long, short = tallies[2 * number], tallies[2 * number + 1]
        burn = Burn(burn_rate(objective.target, long), burn_rate(objective.target, short), long.events)
        burning |= await _judge_condition(judging, objective, condition, burn, current.get(condition.name))
    return burning


def burn_period(objective: Objective, length: timedelta, now: datetime) -> Period:
    """The last stretch of a length, from the start of a slice on: at least the slice that goes on and the last one."""
    end = floor_minute(now) + MINUTE
    latest = objective.slice_of(now)
    start = objective.slice_of(end - length)
    if start == latest and objective.grain > MINUTE:
        start = objective.slice_of(latest - MINUTE)
    return Period(max(start, objective.effective_time), end)


async def _judge_condition(
    judging: Judging, objective: Objective, condition: BurnCondition, burn: Burn, alert: Alert | None
) -> bool:
    """Do what follows for the condition's alert; whether one waits or fires afterwards."""
    now, alerts = judging.work.now, judging.work.records.alerts
    change = judge_alert(condition, burn, None if alert is None else OpenAlert(alert.state, alert.start_time), now)
    if change is AlertChange.NONE:
        return alert is not None
    if change is AlertChange.WAIT:
        await alerts.put(_new(objective, condition, burn, now))
        return True
    if change is AlertChange.FIRE:
        await _fire(judging, objective, condition, burn, alert or _new(objective, condition, burn, now))
        return True
    if alert is not None:
        await _end(judging, alert, burn, tell=condition.when_resolved)
    return False


def _new(objective: Objective, condition: BurnCondition, burn: Burn, now: datetime) -> Alert:
    return Alert(
        name=alert_name(objective.name, condition.name, now),
        objective=objective.name,
        revision=objective.revision,
        partner=objective.partner,
        service=objective.service,
        condition=condition.name,
        severity=condition.severity,
        state=AlertState.PENDING,
        cause=cause_of(condition, burn) or AlertCause.BURNING,
        long_burn=burn.long,
        short_burn=burn.short,
        proof=NO_PROOF,
        start_time=now,
        update_time=now,
    )


async def _fire(judging: Judging, objective: Objective, condition: BurnCondition, burn: Burn, alert: Alert) -> None:
    work = judging.work
    period = burn_period(objective, condition.long, work.now)
    cause = cause_of(condition, burn) or alert.cause
    proof = NO_PROOF
    if cause is AlertCause.BURNING:
        proof = await work.records.counts.proof(objective, period, judging.stretches(objective, period))
    fired = replace(
        alert,
        state=AlertState.FIRING,
        cause=cause,
        long_burn=burn.long,
        short_burn=burn.short,
        proof=proof,
        fire_time=work.now,
        update_time=work.now,
    )
    await work.records.alerts.put(fired)
    work.tell.alert_changed(fired)


async def _end(judging: Judging, alert: Alert, burn: Burn | None, *, tell: bool) -> None:
    """It is over: watchers see it, and the others are told unless the document says they are not to be."""
    work = judging.work
    if alert.state is AlertState.PENDING:
        await work.records.alerts.forget(alert.name)
        return
    ended = replace(
        alert,
        state=AlertState.RESOLVED,
        long_burn=alert.long_burn if burn is None else burn.long,
        short_burn=alert.short_burn if burn is None else burn.short,
        resolve_time=work.now,
        update_time=work.now,
    )
    await work.records.alerts.put(ended)
    if tell:
        work.tell.alert_changed(ended)
