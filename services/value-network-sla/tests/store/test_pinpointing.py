"""Do giant, forged and unremarkable traces, and what is learned from sessions, get on with a real database?"""

from datetime import timedelta
from typing import Any

from apportioning.span import SpanKind
from value_network_sla.domain.evidence_rule import EvidenceRule
from value_network_sla.domain.path_rules import PathRule
from value_network_sla.handlers.kept import Chunk
from value_network_sla.handlers.pinpointing.learn_usual import LearnUsual
from value_network_sla.store.retention import Retention, purge
from value_network_sla.store.traces import MOST_SPANS

MS = 1_000_000
HOUR = timedelta(hours=1)
RETENTION = Retention(spans=timedelta(days=7), sessions=timedelta(days=40))
X = "partners/x"


async def _session(network: Any, number: int) -> Any:
    async with network.writing() as records:
        return await records.sessions.get(network.trace(number))


async def test_a_giant_trace_is_read_up_to_a_bound_our_own_spans_first(network: Any) -> None:
    ours = [row for row in network.session(1, 80) if row[1] != X]
    (_, _, row) = network.span(1, 9, 2, X, "flood", SpanKind.INTERNAL, 20, 30)
    flood = [(number.to_bytes(8, "big"), *row[1:]) for number in range(100, 100_100)]
    async with network.writing() as records:
        await records.traces.add([Chunk(network.trace(1), X, "edge", "", flood)], network.clock.now())
        assert await records.traces.sizes([network.trace(1)]) == {network.trace(1): MOST_SPANS}
    await network.send(*ours)
    await network.close()
    session = await _session(network, 1)
    assert (session.partial, session.flags) == (True, ["TRUNCATED"])
    assert [share.party.kind for share in session.shares] == ["UNATTRIBUTED"]
    assert await network.counts() == [(1, 0)]
    async with network.writing() as records:
        trace = await records.traces.get(network.trace(1))
    assert (trace.truncated, len(trace.spans) <= MOST_SPANS) == (True, True)
    assert {kept.span.sender for kept in trace.spans} == {"services/head-end", X}


async def test_a_partner_cannot_shorten_what_we_say_we_waited(network: Any) -> None:
    (_, _, forged) = network.span(1, 2, 1, X, "Play", SpanKind.CLIENT, 10, 11)
    async with network.writing() as records:
        await records.traces.add([Chunk(network.trace(1), X, "edge", "", [forged])], network.clock.now())
    await network.send(*network.session(1, 80))
    await network.close()
    session = await _session(network, 1)
    assert (session.lateness_ns, session.partial, session.flags) == (30 * MS, False, ["FORGED_SPAN"])
    assert [(share.party.partner, share.lateness_ns) for share in session.shares] == [(X, 30 * MS)]


async def test_spans_of_unremarkable_sessions_go_and_the_sessions_stay_counted(network: Any) -> None:
    network._close._evidence = EvidenceRule(0.0, HOUR)
    await network.send(*network.session(1, 20), *network.session(2, 80))
    await network.close()
    assert await network.counts() == [(2, 1)]
    await purge(network.store, network.clock.now() + timedelta(minutes=59), RETENTION)
    assert len(await network.rows("SELECT 1 FROM sla.span_chunk")) == 6
    network.clock.advance(timedelta(minutes=61))
    for _ in range(2):
        await purge(network.store, network.clock.now(), RETENTION)
    kept = await network.rows("SELECT DISTINCT trace_id FROM sla.span_chunk")
    assert [bytes(row.trace_id) for row in kept] == [network.trace(2)]
    # A span that comes later finds the session as it is: there is no telling what it would have been.
    await network.send(network.span(1, 9, 77, X, "orphan", SpanKind.INTERNAL, 20, 30))
    await network.close()
    assert not (await _session(network, 1)).partial
    assert await network.counts() == [(2, 1)]


async def test_a_chosen_rule_holds_for_sessions_closed_from_then_on(network: Any) -> None:
    async with network.writing() as records:
        await records.path_rules.put("iptv", PathRule.JAEGER, network.clock.now())
        await records.path_rules.put("voip", PathRule.CRISP, network.clock.now())
        await records.path_rules.put("iptv", PathRule.JAEGER, network.clock.now())
    async with network.writing() as records:
        assert (await records.path_rules.all()).chosen == {"iptv": PathRule.JAEGER, "voip": PathRule.CRISP}


async def test_hours_that_are_over_are_learned_from_once(network: Any) -> None:
    for number in range(40):
        await network.send(*network.session(number + 1, 20 + number % 10, begin_ms=number * 60_000))
    await network.close()
    learn = LearnUsual(network.calls)
    assert await learn.run() == 0  # nobody knows yet what else will come of this hour
    network.clock.advance(2 * HOUR)
    hours = await learn.run()
    assert hours > 0
    while await learn.run():
        pass
    async with network.writing() as records:
        [ours, theirs] = await records.usual_calls.of("iptv", network.clock.now() - timedelta(days=1))
    assert (ours.edge, theirs.edge) == (("", "", "watch"), ("", X, "Play"))
    assert (theirs.calls, theirs.own_p95_ns, ours.own_p95_ns) == (40, 29 * MS, 20 * MS)
    assert await learn.run() == 0


async def test_flags_tell_what_was_wrong_with_the_spans(network: Any) -> None:
    await network.send(*network.session(1, 80), network.span(1, 9, 77, X, "orphan", SpanKind.INTERNAL, 20, 30))
    root, client, _ = network.session(2, 80)
    await network.send(root, client, network.span(2, 3, 2, X, "Play", SpanKind.SERVER, 7_200_000, 7_200_070))
    await network.close()
    assert (await _session(network, 1)).flags == ["MISSING_PARENT"]
    skewed = await _session(network, 2)
    assert (skewed.flags, skewed.partial, skewed.lateness_ns) == (["CLOCK_SKEW"], False, 30 * MS)
    async with network.writing() as records:
        trace = await records.traces.get(network.trace(2))
    assert max(kept.span.start_ns for kept in trace.spans) - trace.spans[0].span.start_ns == 7_200_000 * MS
