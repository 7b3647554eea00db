"""Shoal and its peers on the fixed job, measured in turn: Shoal, peer, Shoal, peer, and so on."""

import importlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.job.servers import BenchServers
from bench.reporting.run_statistics import ratio_of_pairs, summary
from bench.speed.throughput import Throughput, measure_throughput, warm_up_jobs

__all__ = ["PeerRuns", "measure_peers"]

_FIGURES = ("events_per_s", "cpu_s_per_million", "redis_cpu_s_per_million", "rss_mb", "changes")


@dataclass
class PeerRuns:
    """What one peer did, each time right after a run of Shoal; `wrong` says why it does not count."""

    describes: str
    kind: str = "peer"
    events: int = 0
    ours: list[Throughput] = field(default_factory=list)
    theirs: list[Any] = field(default_factory=list)
    wrong: str = ""

    def figures(self) -> dict[str, Any]:
        """Return medians, spreads and ratios; without a right run, only what happened.

        `ratio` is how many times the peer's events/s Shoal's are, `cpu_ratio` how many times Shoal's processor
        seconds the peer's are: above 1, Shoal is ahead.
        """
        counts = bool(self.theirs) and not self.wrong
        head = {"describes": self.describes, "kind": self.kind, "correct": counts}
        if not counts:
            return {**head, "events_per_s": None, "ratio": None, "detail": self.wrong or "no run"}
        speed = ratio_of_pairs([o.events_per_s for o in self.ours], [t.events_per_s for t in self.theirs])
        cpu = ratio_of_pairs([t.cpu_s_per_million for t in self.theirs], [o.cpu_s_per_million for o in self.ours])
        return {
            **head,
            "events": self.events,
            **summary([{name: getattr(run, name) for name in _FIGURES} for run in self.theirs]),
            "shoal_events_per_s": statistics.median(run.events_per_s for run in self.ours),
            "ratio": speed.median,
            "ratio_spread": [speed.lowest, speed.highest],
            "cpu_ratio": cpu.median,
            "cpu_ratio_spread": [cpu.lowest, cpu.highest],
            "detail": self.theirs[-1].detail,
        }


def measure_peers(
    servers: BenchServers, names: Sequence[str], runs: int, cache: Path, deadline_s: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the figures of each peer (all of them, if no names are given), by name.

    A peer that cannot be prepared, is too slow for the deadline, or ends in a wrong state is reported with the reason
    and not run again.
    """
    peers: Any = importlib.import_module("bench.peers")
    chosen = [peers.named(name) for name in names] or list(peers.PEERS)
    found = {peer.name: PeerRuns(peer.describes, peer.kind, peer.events) for peer in chosen}
    for peer in chosen:
        say(f"{peer.name}: preparing")
        try:
            peers.prepare(peer, cache)
        except peers.PeerUnavailable as error:
            found[peer.name].wrong = str(error)
            say(f"{peer.name}: {error}")
    warm_up_jobs(servers)
    for _ in range(runs):
        for peer in chosen:
            if not found[peer.name].wrong:
                _round(servers, peers, peer, found[peer.name], cache, deadline_s)
                say(f"{peer.name}: {_progress_text(found[peer.name])}")
    return {name: each.figures() for name, each in found.items()}


def _round(servers: BenchServers, peers: Any, peer: Any, so_far: PeerRuns, cache: Path, deadline_s: float) -> None:
    ours = measure_throughput(servers)
    run = servers.new_run()
    try:
        theirs = peers.run_peer(peer, run, cache, deadline_s)
    except peers.PeerUnavailable as error:
        so_far.wrong = str(error)
        return
    finally:
        run.close()
    if not theirs.correct:
        so_far.wrong = theirs.detail
        return
    so_far.ours.append(ours)
    so_far.theirs.append(theirs)


def _progress_text(runs: PeerRuns) -> str:
    if runs.wrong:
        return runs.wrong
    ours, theirs = runs.ours[-1].events_per_s, runs.theirs[-1].events_per_s
    return f"{theirs:,.0f} events/s, Shoal {ours:,.0f}: {ours / theirs:.1f} times"
