"""Run a simulated shop into a sink: paced, counted, with a progress bar, until its events end or it is stopped."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_json
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.feeding.event_sinks import LineFile, Sink
from cli.feeding.pacing import Pace, paced
from cli.printing.output import errors
from events.time_units import DAY_MS
from simulation.event_json import instants
from simulation.event_merging import TOPICS, TRUTH, Batch
from simulation.shop import Shop

__all__ = ["run_simulation"]


class _Counts:
    """What has been written so far."""

    def __init__(self) -> None:
        self.by_topic = np.zeros(len(TOPICS) + 1, np.int64)
        self.first: int | None = None
        self.last: int | None = None

    def add(self, part: Batch) -> None:
        """Count a part."""
        self.by_topic += np.bincount(part.topics, minlength=len(TOPICS) + 1)
        times = part.times[part.topics != TRUTH]
        if len(times):
            self.first = int(times[0]) if self.first is None else self.first
            self.last = int(times[-1])

    @property
    def events(self) -> int:
        """How many events."""
        return int(self.by_topic[:TRUTH].sum())

    def document(self) -> dict[str, Any]:
        """Return the counts and the first and last time as JSON."""
        counts = self.by_topic[:TRUTH].tolist()
        return {
            "events": self.events,
            "topics": dict(zip(TOPICS, counts, strict=True)),
            "first": _instant(self.first),
            "last": _instant(self.last),
        }


def _instant(time_ms: int | None) -> str | None:
    return None if time_ms is None else instants(np.array([time_ms]))[0]


def run_simulation(
    shop: Shop,
    sink: Sink,
    truth: Path | None,
    *,
    days: int | None,
    events: int | None,
    pace: Pace,
    stop: threading.Event,
) -> dict[str, Any]:
    """Write a shop's events to a sink and its truth to a file; return what was done, for `--json`.

    The truth holds the customers whose profiles were written. Raises FileTaken, and what the sink raises.
    """
    started, counts = time.monotonic(), _Counts()
    bar = (TextColumn("simulating"), BarColumn(), TextColumn("{task.fields[done]:,}"), TimeElapsedColumn())
    with ExitStack() as stack:
        truth_file = LineFile(truth) if truth else None
        if truth_file:
            stack.callback(truth_file.close)
            truth_file.write([to_json(shop.truth())])
        progress = stack.enter_context(Progress(*bar, console=errors(), transient=True))
        task = progress.add_task("simulating", total=1.0, done=0)
        for part in paced(_first(shop.batches(days), events), pace, stop):
            sink.write(part)
            if truth_file:
                truth_file.write(part.of(TRUTH).values.tolist())
            counts.add(part)
            share = counts.events / events if events else (part.times[-1] - pace.start_ms) / ((days or 1) * DAY_MS)
            progress.update(task, completed=float(share), done=counts.events)
    seconds = round(time.monotonic() - started, 3)
    ends = {"truth": None if truth is None else str(truth), "seconds": seconds, "stopped": stop.is_set()}
    return counts.document() | ends


def _first(batches: Iterator[Batch], events: int | None) -> Iterator[Batch]:
    """Yield the batches up to an event; all of them for None."""
    if events is None:
        yield from batches
        return
    left = events
    for batch in batches:
        head = batch.head(left)
        left -= head.events
        yield head
        if not left:
            return
