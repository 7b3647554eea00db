"""`python -m tests.faults --seed N --events 200000`: run seeded shops under seeded faults, and compare the ends.

Prints one line for each seed, and every difference. Exits with 1 where a seed ended otherwise than it should.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.faults.cluster import Cluster, running_cluster
from tests.faults.commands import erase, prepare
from tests.faults.comparison import differences
from tests.faults.faults import FAULTS, inject, schedule
from tests.faults.shop import Shop, make_shop

_PARTITIONS = 4
_CUT_S = 20.0
_END_S = 300.0


class Outcome(NamedTuple):
    """How a seed ended."""

    seed: int
    events: int
    faults: list[str]
    restarts: list[str]
    seconds: float
    wrong: list[str]


def run_seed(seed: int, events: int, faults: int, directory: Path, only: str = "") -> Outcome:
    """Publish a shop part by part, inject a fault after each, and compare the end with what is right."""
    began, chance = time.monotonic(), random.Random(seed)
    shop = make_shop(seed, events, _PARTITIONS)
    names = [only] * faults if only else schedule(chance, faults)
    with running_cluster(directory) as cluster:
        cluster.supervise()
        prepare(cluster)
        erasures = dict(zip(chance.sample(range(faults), min(faults, len(shop.erased))), shop.erased, strict=False))
        _play(cluster, shop, names, erasures, chance)
        for name in set(shop.erased) - set(erasures.values()):
            erase(cluster, name)
        ends = cluster.until_processed(_END_S)
        wrong = differences(cluster, shop, ends)
        return Outcome(seed, len(shop.messages), names, cluster.restarts, time.monotonic() - began, wrong)


def _play(cluster: Cluster, shop: Shop, names: list[str], erasures: dict[int, str], chance: random.Random) -> None:
    parts = len(names) + 1
    cuts = [len(shop.messages) * part // parts for part in range(parts + 1)]
    for number in range(parts):
        part = shop.messages[cuts[number] : cuts[number + 1]]
        cluster.service.publish(part)
        if number == len(names):
            return
        _wait_for_some(cluster, chance.randrange(len(part)))
        print(f"  {names[number]}", file=sys.stderr, flush=True)
        inject(names[number], cluster, chance)
        if number in erasures:
            erase(cluster, erasures[number])


def _wait_for_some(cluster: Cluster, count: int) -> None:
    """Wait until so many more are processed, or for a while: a fault may still hold them up."""
    target, deadline = cluster.progress() + count, time.monotonic() + _CUT_S
    while cluster.progress() < target and time.monotonic() < deadline:
        cluster.supervise()
        time.sleep(0.02)


def main() -> None:
    """Read the arguments, run the seeds, and exit."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after the other")
    parser.add_argument("--events", type=int, default=200_000, help="messages published for each seed")
    parser.add_argument("--faults", type=int, default=6, help="faults for each seed")
    parser.add_argument("--only", choices=[*FAULTS], default="", help="this fault alone, so often")
    given = parser.parse_args()
    failed = 0
    for seed in range(given.seed, given.seed + given.seeds):
        directory = Path(tempfile.mkdtemp(prefix=f"shoal-faults-{seed}-"))
        outcome = run_seed(seed, given.events, given.faults, directory, given.only)
        if not outcome.wrong:
            shutil.rmtree(directory)
        failed += bool(outcome.wrong)
        said = "equal" if not outcome.wrong else "DIFFERENT"
        print(
            f"seed {seed}: {said}; {outcome.events:,} messages, {', '.join(outcome.faults)}; "
            f"{len(outcome.restarts)} processes started again; {outcome.seconds:.0f} s",
            flush=True,
        )
        for each in outcome.wrong:
            print(f"  {each}", flush=True)
        if outcome.wrong:
            print(f"  its logs: {directory}; started again: {', '.join(outcome.restarts)}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
