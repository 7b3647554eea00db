"""`bench/results.json`: each part with the commit it was measured on, and with the machine where that was another."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.reporting.machine import VERSIONS, same_machine
from bench.reporting.targets import evaluate

__all__ = ["PARTS", "merge", "read_results", "write_results"]

PARTS = ("throughput", "latency", "scaling", "catch_up", "sweep", "start", "peers")
_ELSEWHERE = ("reads", "rebaseline", "beside", "tallies")
"""Parts with a command of their own."""
_PARTED = ("peers", "quality")
"""Parts whose own parts are measured and kept one by one."""
Document = dict[str, Any]


def merge(
    old: Document | None, machine: Mapping[str, Any], measured: Mapping[str, str], parts: Mapping[str, Document]
) -> Document:
    """Return the document with these parts in place of what it had of them.

    What was measured on another commit, on another machine or with other versions stays, and says so under `measured`.
    Peers, and the parts of `quality`, are merged one by one.
    """
    kept = _kept(old or {}, dict(machine))
    document: Document = {"machine": dict(machine), **measured}
    for name in dict.fromkeys((*PARTS, *_ELSEWHERE, *_PARTED)):
        if name in _PARTED:
            fresh = {part: {**figures, "measured": dict(measured)} for part, figures in parts.get(name, {}).items()}
            document[name] = {**kept.get(name, {}), **fresh}
        elif name in parts:
            document[name] = {**parts[name], "measured": dict(measured)}
        elif name in kept:
            document[name] = kept[name]
    document["targets"] = [target._asdict() for target in evaluate(document)]
    return document


def _kept(old: Document, machine: Document) -> Document:
    """Return the parts of a document that may stand beside what this machine measures."""
    theirs = old.get("machine", {})
    if same_machine(theirs, machine):
        return old
    others = [f"{name} {theirs.get(name)}" for name in VERSIONS if theirs.get(name) != machine.get(name)]
    where = ", ".join([str(theirs.get("cpu")), *others])
    kept = {name: _labelled(old[name], where) for name in (*PARTS, *_ELSEWHERE) if name in old and name not in _PARTED}
    parted = {name: {part: _labelled(each, where) for part, each in old.get(name, {}).items()} for name in _PARTED}
    return kept | parted


def _labelled(part: Document, where: str) -> Document:
    """Return a part whose commit says where it was measured too, unless it does already."""
    measured = part.get("measured", {})
    commit = str(measured.get("commit", ""))
    label = commit if " on " in commit else f"{commit} on {where}"
    return {**part, "measured": {**measured, "commit": label}}


def read_results(path: Path) -> Document | None:
    """Return the document, or None where there is none yet."""
    if not path.exists():
        return None
    document: Document = json.loads(path.read_text())
    return document


def write_results(path: Path, document: Document) -> None:
    """Write the document."""
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
