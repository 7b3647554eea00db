"""The Faust application that hosts a segment worker: life cycle, leadership, timers."""

import asyncio
import contextlib
import gc
import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import faust
import redis
from mode import Service

from consumers.runtime.retry_policy import is_retriable
from consumers.runtime.runtime_metrics import register_lag
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import SEGMENT_TOPICS
from state.operations.background_jobs import BackgroundJobs
from state.operations.metrics_server import serve_metrics
from state.operations.settings import MetricsSettings
from state.store import keys
from stream.faust_processes import build_faust_app, run_faust_app
from stream.segment_worker import SegmentWorker
from stream.worker_wiring import WorkerSettings, build_worker

__all__ = ["build_app", "run_worker"]

log = logging.getLogger(__name__)

_HEARTBEAT_S = 1.0
_DRIFT_CHECK_S = 1.0
_GC_S = 10.0
_ENTRIES_S = 2.0
_SHUTDOWN_TIMEOUT_S = 8.0


class MicroBatchService(Service):
    """Runs the micro-batch runtime in a thread of its own; a failure there ends the worker."""

    def __init__(self, worker: SegmentWorker, **options: Any) -> None:
        super().__init__(**options)
        self._worker = worker
        self._running: asyncio.Future[None] | None = None
        self.failure: BaseException | None = None

    async def on_start(self) -> None:
        """Start the thread."""
        self._running = asyncio.get_running_loop().run_in_executor(None, self._worker.runtime.run)
        self._running.add_done_callback(self._ended)

    async def on_stop(self) -> None:
        """Finish the batch in hand, then leave the group."""
        self._worker.runtime.stop()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._worker.feed.close()
        self._exit_after_timeout(1 if self.failure else 0)

    def _ended(self, running: "asyncio.Future[None]") -> None:
        error = None if running.cancelled() else running.exception()
        if error is not None:
            self.failure = error
            known = is_retriable(error) or isinstance(error, ShoalError)
            log.error("the micro-batch runtime failed: %s", error, exc_info=None if known else error)
            self._exit_after_timeout(1)
            asyncio.ensure_future(self.crash(error))  # noqa: RUF006 - the service outlives it

    def _exit_after_timeout(self, code: int) -> None:
        """End the process where Faust does not: its clean-up may hang when it is told to stop while it is starting.

        By now the runtime has saved what it had in hand and has left its group, so nothing is lost.
        """

        def end() -> None:
            with contextlib.suppress(redis.RedisError):
                self._worker.registry.leave(self._worker.name)
            logging.shutdown()
            os._exit(code)

        watchdog = threading.Timer(_SHUTDOWN_TIMEOUT_S, end)
        watchdog.daemon = True
        watchdog.start()


def build_app(
    kafka: KafkaSettings, worker: SegmentWorker, session_timeout_s: float, model_s: float, datadir: str
) -> faust.App:
    """Return the application that gives a worker its timers and its leadership.

    Leadership is Faust's: the worker that is assigned the application's leader topic publishes the model. The hot
    inputs are not read by agents, which cost 100 µs an event or more (docs/decisions/0002).
    """
    app = build_faust_app(kafka, "shoal-segments", session_timeout_s, datadir, topic_disable_leader=False)
    jobs = worker.jobs

    @app.timer(model_s, on_leader=True)  # type: ignore[untyped-decorator]
    async def publish_model() -> None:
        await _in_thread(jobs, "publish the model", worker.publisher.publish)

    @app.timer(_DRIFT_CHECK_S, on_leader=True)  # type: ignore[untyped-decorator]
    async def monitor_drift() -> None:
        await _in_thread(jobs, "check the model for drift", worker.drift_monitor.check)

    @app.timer(_DRIFT_CHECK_S, on_leader=True)  # type: ignore[untyped-decorator]
    async def check_names() -> None:
        await _in_thread(jobs, "check the names of the segments", worker.name_guard.check)

    @app.timer(_ENTRIES_S)  # type: ignore[untyped-decorator]
    async def restore_entries() -> None:
        await _in_thread(jobs, "restore what people entered", worker.entries.follow)

    @app.timer(_GC_S)  # type: ignore[untyped-decorator]
    async def collect_garbage() -> None:
        gc.collect()

    @app.timer(_HEARTBEAT_S)  # type: ignore[untyped-decorator]
    async def beat() -> None:
        await _in_thread(jobs, "write the heartbeat", lambda: worker.beat(leader=app.is_leader()))

    return app


def run_worker(settings: WorkerSettings, *, loglevel: str = "INFO") -> int:
    """Run a segment worker until SIGTERM or SIGINT and return the process's exit code.

    Raises what building it raises (no Redis, another format, …).
    """
    worker = build_worker(settings)
    register_lag(worker.client, settings.kafka, keys.SEGMENTS_GROUP, SEGMENT_TOPICS, lambda: worker.runtime.partitions)
    serve_metrics(MetricsSettings(), [worker.runtime.health])
    service = MicroBatchService(worker)
    timeout_s, model_s = settings.consumer.session_timeout_s, settings.stream.model_s
    gc.collect()
    gc.freeze()  # what is imported by now stays: the collector need not look at it again
    gc.disable()  # it would look at every message of a batch, over and over; a timer calls it instead
    try:
        code = run_faust_app(partial(build_app, settings.kafka, worker, timeout_s, model_s), service, loglevel)
    finally:
        with contextlib.suppress(redis.RedisError):  # what ended the worker matters more
            worker.registry.leave(worker.name)
    if service.failure is not None:
        log.error("the worker stopped: %s", service.failure)
        return 1
    return code


async def _in_thread(jobs: BackgroundJobs, what: str, work: Callable[[], object]) -> None:
    """Run blocking work beside the loop; a timer tries again at its next turn, so a failure is logged and noted."""

    def run() -> None:
        with jobs.running(what):
            work()

    try:
        await asyncio.to_thread(run)
    except Exception as error:
        log.warning("could not %s: %s", what, error)
