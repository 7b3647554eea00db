"""`python -m bench.quality`: measure what the segments are worth, into bench/RESULTS.md and bench/results.json."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import redis
from rich.console import Console

from bench.quality.parts import PARTS, Session
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import RESULTS, record
from cli.local.embedded import start_redis


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure part by part; the results are written after each."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CDNOW_master.txt and online_retail.parquet")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="parts; default all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file to merge into")
    options = parser.parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="shoal-quality-") as folder, start_redis(Path(folder)) as server:
        session = Session(options.data, redis.Redis.from_url(server.url), errors.print)
        for name in options.only:
            began = time.monotonic()
            figures = PARTS[name](session)
            errors.print(f"{name}: {figures}\n{name} took {time.monotonic() - began:.0f} s")
            measured = stamp(["--only", name], "bench.quality")
            record({"quality": {name: figures}}, describe_machine(), measured, options.results)


if __name__ == "__main__":
    main()
