"""Benchmark of other stream processors on the same job, each in its own environment."""

from bench.peers.environment import PeerUnavailable, prepare
from bench.peers.registry import PEERS, Peer, named
from bench.peers.running import PeerResult, run_peer

__all__ = ["PEERS", "Peer", "PeerResult", "PeerUnavailable", "named", "prepare", "run_peer"]
