"""Compares all that a deployment holds and has sent in the end with what is right; each difference is a sentence."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pandas as pd

from events.codec.amount_columns import SCALE
from events.topics.specs import EXPERIMENT_INPUTS
from state.store import keys
from stream.customers.rfm_values import rfm_values
from tests.faults import truth
from tests.faults.cluster import CAUSES, Cluster
from tests.faults.shop import EXPERIMENT, Shop
from tests.invariants.test_09_tallies_are_exact import assert_outcomes_add_up, found, tie
from tests.invariants.test_14_tallies_of_one_person import OUTSIDE, by_variant, under_survivors
from tests.tally_oracle import tallied

_SHOWN = 3


def differences(cluster: Cluster, shop: Shop, ends: dict[tuple[str, int], int]) -> list[str]:
    """Return what is wrong, empty where all is right."""
    checks: dict[str, Callable[[], list[str]]] = {
        "customers": lambda: _customers(cluster, shop),
        "changes": lambda: _changes(cluster),
        "tallies": lambda: _tallies(cluster, shop),
        "dead letters": lambda: _letters(cluster, shop),
        "webhooks": lambda: _webhooks(cluster, shop),
        "views": lambda: _views(cluster, shop),
        "model": lambda: _asserted(cluster.service.assert_model_is_sum_of_customers),
        "outcomes of segments": lambda: _asserted(lambda: cluster.service.assert_outcomes_add_up(ends)),
        "outcomes of experiments": lambda: _asserted(lambda: assert_outcomes_add_up(cluster.service, ends)),
    }
    return [f"{name}: {each}" for name, check in checks.items() for each in check()]


def _asserted(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except AssertionError as error:
        return [str(error)[:2_000] or "an assertion without a message"]
    return []


def _customers(cluster: Cluster, shop: Shop) -> list[str]:
    """Compare each record, as people read it, and each profile."""
    right = truth.customers(shop.events, shop.merges, shop.erased)
    records = cluster.service.records()
    rows = {}
    profiles = _profiles(cluster)
    for name, record in records.items():
        values = rfm_values(record.reshape(1), 0)
        rows[name] = {
            "frequency": int(values["frequency"][0]),
            "spend": round(float(values["monetary"][0]) * SCALE),
            "sessions": int(record["sessions"]),
            "pages": int(record["pages"]),
            **{field: profiles.get(name, {}).get(field) for field in truth.PROFILE},
        }
    ours = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    wrong = [f"{name} is missing" for name in right.index.difference(ours.index)]
    wrong += [f"{name} should not be there" for name in ours.index.difference(right.index)]
    both = right.index.intersection(ours.index)
    for field in right.columns:
        mine, theirs = ours.loc[both, field], right.loc[both, field]
        same = (mine.astype(str) == theirs.astype(str)) | (mine.isna() & theirs.isna())
        if field in {"frequency", "spend", "sessions", "pages", "age"}:
            same = (pd.to_numeric(mine) == pd.to_numeric(theirs)) | (mine.isna() & theirs.isna())
        bad = same.index[~same]
        if len(bad):
            some = [f"{name}: {ours.at[name, field]} for {right.at[name, field]}" for name in bad[:_SHOWN]]
            wrong.append(f"{field} of {len(bad)} of {len(both)} customers: {'; '.join(some)}")
    return wrong


def _views(cluster: Cluster, shop: Shop) -> list[str]:
    """Record, view and last change tell the same segment of everybody; a merged id points to who goes on."""
    service = cluster.service
    service.until_quiet()
    log, records, views = service.at_one_moment(service.changes)
    last = {name: each for name, each in log.latest.items() if name not in shop.erased}
    present = {name for name, each in last.items() if each.merged_into is None}
    wrong = [f"{name} has a change and no record" for name in present - records.keys()]
    wrong += [f"{name} has a record and no change" for name in records.keys() - present]
    for name in present & records.keys():
        view, row, change = views[name], records[name], last[name]
        told = {(change.segment_id, change.change_number), (f"s{row['segment']}", int(row["change_number"]))}
        if view is None or told != {(view.segment_id, change.change_number)} or view.change_id != change.change_id:
            wrong.append(f"{name}: the change, the record and the view differ: {told}, {view}")
    for name, each in last.items():
        if each.merged_into is not None and truth.survivor(name, shop.merges) != truth.survivor(
            each.merged_into, shop.merges
        ):
            wrong.append(f"{name} was merged into {each.merged_into}")
    return wrong[:_SHOWN]


def _profiles(cluster: Cluster) -> dict[str, dict[str, Any]]:
    found_: dict[str, dict[str, Any]] = {}
    for partition in range(cluster.service.kafka.partitions):
        for name, value in cluster.service.redis.hgetall(keys.profiles(partition)).items():
            found_[name.decode()] = json.loads(value)
    return found_


def _messages(cluster: Cluster) -> dict[str, dict[int, dict[str, Any]]]:
    """Return the changes by customer and number; a number that has two contents is an assertion."""
    found_: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
    for value in cluster.service.read("segment-changes"):
        try:
            change = json.loads(value)
            name, number = change["customer_id"], change["change_number"]
        except (ValueError, TypeError, KeyError):
            continue  # poison
        first = found_[name].setdefault(number, change)
        assert first == change, f"{name}:{number} went out with two contents: {first} and {change}"
    return found_


def _changes(cluster: Cluster) -> list[str]:
    """Numbers without a gap, one content for each id, and each change begins where the one before it ended."""
    try:
        changes = _messages(cluster)
    except AssertionError as error:
        return [str(error)]
    wrong = []
    for name, mine in changes.items():
        numbers = sorted(mine)
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            wrong.append(f"{name}: the change numbers have gaps: {numbers}")
        for before, after in itertools.pairwise(numbers):
            if mine[after].get("previous_segment_id") not in (None, mine[before].get("segment_id")):
                wrong.append(f"{name}:{after} begins in {mine[after]['previous_segment_id']}, not where {before} ended")
    return wrong[:_SHOWN]


def _tallies(cluster: Cluster, shop: Shop) -> list[str]:
    """Compare the sums of each variant, and what was left out of them."""
    events = [(topic, event) for topic, event in shop.events if topic in EXPERIMENT_INPUTS]
    cells, left_out = tallied(under_survivors(events, shop.merges), EXPERIMENT, tie=tie)
    ours, ours_left_out = found(cluster.service, EXPERIMENT["id"])
    wrong = []
    if by_variant(ours) != by_variant(cells):
        wrong.append(f"{by_variant(ours)} for {by_variant(cells)}")
    counted = {name: count for name, count in ours_left_out.items() if name not in OUTSIDE}
    right = {name: count for name, count in left_out.items() if name not in OUTSIDE}
    return wrong + ([f"left out {counted} for {right}"] if counted != right else [])


def _letters(cluster: Cluster, shop: Shop) -> list[str]:
    """One letter for each message that cannot be read, none for any other."""
    from consumers.dead_letters.stored_letters import Letter

    ours = Counter(Letter("", each, None).value for each in cluster.service.dead_letters())
    right = Counter(each.value for each in shop.garbage)
    missing, more = right - ours, ours - right
    wrong = [f"{sum(missing.values())} are missing, as {next(iter(missing))!r}"] if missing else []
    return wrong + ([f"{sum(more.values())} too many, as {next(iter(more))!r}"] if more else [])


def _webhooks(cluster: Cluster, shop: Shop) -> list[str]:
    """Each change was delivered at least once (a repeat has the same bytes, or the receiver fails)."""
    sent = {json.loads(body)["data"]["change_id"] for body in cluster.receiver.bodies.values()}
    named = shop.merges.keys() | set(shop.erased)  # of whom what was not sent yet is dropped
    named |= {
        truth.survivor(event["customer_id"], shop.merges)
        for topic, event in shop.events
        if topic == "customers" and not event.get("consent", {}).get("marketing", True)
    }
    due = {
        change["change_id"]
        for name, mine in _messages(cluster).items()
        for change in mine.values()
        if change["cause"] in CAUSES and name not in named
    }
    lost = due - sent
    return [f"{len(lost)} of {len(due)} changes were not delivered, as {sorted(lost)[:_SHOWN]}"] if lost else []
