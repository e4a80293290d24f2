"""How is something done again and again, whatever happens to one run of it?"""

import asyncio
import time

from opentelemetry.metrics import Meter
from opentelemetry.trace import Status, StatusCode, Tracer

from mesh.observe import histogram, log
from mesh.service import names
from mesh.service.definition import Job
from mesh.waiting import is_set_within


class JobRunner:
    """Runs jobs side by side until told to stop."""

    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._duration = histogram(meter, names.JOB_DURATION)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Start no further run; `repeat` returns when the one under way has ended."""
        self._stopping.set()

    async def repeat(self, job: Job) -> None:
        """Run `job` at once and then again and again, until `stop()`."""
        while not self._stopping.is_set():
            await self._run(job)
            await is_set_within(self._stopping, job.every.total_seconds())

    async def _run(self, job: Job) -> None:
        labels = {names.JOB_NAME: job.name}
        began = time.perf_counter()
        # OpenTelemetry doesn't record the exception: its text may hold personal data.
        with self._tracer.start_as_current_span(
            names.JOB_SPAN.format(name=job.name),
            attributes=labels,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await job.run()
            except Exception as error:  # noqa: BLE001 - one failed run must not end the runs to come
                labels = {**labels, names.ERROR_TYPE: type(error).__name__}
                span.set_attributes(labels)
                span.set_status(Status(StatusCode.ERROR))
                log.exception("job failed", job=job.name)
        self._duration.record(time.perf_counter() - began, labels)
