"""How long messages took, as Prometheus sees it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from notification.domain.contacts import Channel
from notification.domain.messages import Attempt
from notification.measure import DelayHistograms


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def delays(reader: InMemoryMetricReader) -> DelayHistograms:
    return DelayHistograms(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"))


def measured(reader: InMemoryMetricReader) -> dict[str, tuple[float, dict[str, str]]]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    return {each.name: (each.data.data_points[0].sum, each.data.data_points[0].attributes) for each in metrics}


def test_delays_run_to_the_first_channel_that_took_it(delays, reader, message, now):
    failed = Attempt(Channel.EMAIL, succeeded=False, time=now, error="SMTP 451")
    taken = Attempt(Channel.INBOX, succeeded=True, time=now + timedelta(seconds=3), error="")

    delays.delivered(replace(message, attempts=(failed, taken)))

    labels = {"cxmesh.channel": "inbox", "cxmesh.message.purpose": "service"}
    assert measured(reader) == {
        "cxmesh.notification.event.delay": (5.0, labels),
        "cxmesh.notification.decision.delay": (4.0, labels),
    }


def test_a_message_that_no_event_is_behind_is_not_measured(delays, reader, message, now):
    taken = Attempt(Channel.EMAIL, succeeded=True, time=now, error="")

    delays.delivered(replace(message, event_time=None, decision_time=None, attempts=(taken,)))

    assert measured(reader) == {}
