"""`shoal rebaseline`: fit new segments to all customers, and propose them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import redis as redis_py
import typer

from cli.deciding import ByOption, decision_by
from cli.local import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.output import JsonOption, errors, print_json, tables
from events.errors import ShoalError

if TYPE_CHECKING:
    from batch.options import FitOptions
    from batch.rebaseline import Proposal, Rebaseliner
    from batch.settings import BatchSettings
    from events.outputs import Baseline

__all__ = ["RedisLost", "outcome", "rebaseliner", "redis_said", "register", "show_baseline", "write_report"]

_WAIT_S = 30.0


class RedisLost(ShoalError):
    """Redis went away in the middle."""

    retriable = True


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rebaseline", epilog="Example: `shoal rebaseline --features income,spending_score --approve`")(
        rebaseline
    )


@contextmanager
def redis_said(what: str) -> Iterator[None]:
    """Turn an error of Redis into one that says what it means for the live baseline."""
    try:
        yield
    except redis_py.RedisError as error:
        raise RedisLost(f"Redis went away during this ({error}); {what}") from error


def rebaseline(
    approve: Annotated[bool, typer.Option("--approve", help="Put it live at once, on your word.")] = False,
    k: Annotated[
        int | None, typer.Option(help="Number of segments; chosen by the figures if not given.", min=2)
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="Of clustering; compared if not given.")] = None,
    features: Annotated[
        str | None, typer.Option(help="Names separated by commas; those of SHOAL_FEATURES if not given.")
    ] = None,
    from_events: Annotated[
        list[Path] | None,
        typer.Option(
            "--from-events",
            help="Fit on files of orders (JSON Lines, CSV, Parquet) instead of Redis; nothing is stored.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for report.html and report.json.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random starts; SHOAL_SEED if not given.", min=0)] = None,
    by: ByOption = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit segments to all customers and propose them as a new baseline; nothing live changes before it is approved.

    The new clusters are matched to the live segments, so that ids and names stay, and a preview says how many
    customers would move from where to where.
    """
    from batch.priority import give_way
    from batch.settings import BatchSettings

    settings = BatchSettings()
    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    options = _options(settings, k, algorithm, features)
    give_way(settings.batch_nice)
    if from_events:
        if approve:
            raise typer.BadParameter("files of events do not say which customers are live; leave --approve out")
        baseline, document = _from_events(from_events, options, settings)
        status = "fitted"
    else:
        with redis_said(
            "the live baseline is untouched; when Redis is back, run it again (`shoal baselines list` says whether "
            "a proposal had been stored)"
        ):
            proposal = _propose(options, settings, kafka, redis, by)
        baseline, document = proposal.baseline, proposal.report
        if approve:
            baseline = _approve(baseline.baseline, kafka, redis, by)
        status = baseline.status
    if report is not None:
        write_report(report, baseline, document)
    if as_json:
        print_json(outcome(baseline) | {"status": status, "baseline": None if from_events else baseline.baseline})
    else:
        show_baseline(baseline, status)


def _options(settings: "BatchSettings", k: int | None, algorithm: str | None, features: str | None) -> "FitOptions":
    from batch.options import FitOptions

    names = [name.strip() for name in features.split(",")] if features else settings.features
    if len(set(names)) < len(names) or not all(names):
        raise typer.BadParameter(f"--features {features!r} should be different names separated by commas")
    options = FitOptions(features=tuple(names), k=k)
    if algorithm is None:
        return options
    from dataclasses import replace

    return replace(options, algorithms=(algorithm,))


def _propose(
    options: "FitOptions", settings: "BatchSettings", kafka: str | None, redis_url: str | None, by: str | None
) -> "Proposal":
    from batch.lock import BatchLock
    from batch.promotion import Promotion
    from consumers.sink import KafkaSink
    from state.baselines import BaselineStore
    from state.connection import connect

    client = connect(state_settings(redis_url).redis)
    now = datetime.now(UTC)
    with BatchLock(client, settings.batch_lock_s, _WAIT_S) as lock, errors().status("fitting segments"):
        proposal = rebaseliner(client, settings, kafka, redis_url).propose(
            options, by=decision_by(by, "").by, now=now, check=lock.check
        )
        Promotion(BaselineStore(client), KafkaSink(kafka_settings(kafka))).supersede(proposal.baseline, now)
    return proposal


def rebaseliner(
    client: redis_py.Redis, settings: "BatchSettings", kafka: str | None, redis_url: str | None
) -> "Rebaseliner":
    """Return what proposes baselines by the settings."""
    from batch.rebaseline import Rebaseliner
    from stream.clock import SegmentClock
    from stream.damping import Damping
    from stream.settings import StreamSettings
    from stream.worker import half_life_ms

    stream = StreamSettings()
    return Rebaseliner(
        client,
        SegmentClock(stream.clock, stream.replay_days),
        partitions=kafka_settings(kafka).partitions,
        half_life_ms=half_life_ms(state_settings(redis_url)),
        damping=Damping.of(stream),
        limit=settings.sample_customers,
        seed=settings.seed,
    )


def _approve(number: int, kafka: str | None, redis_url: str | None, by: str | None) -> "Baseline":
    from cli.baselines import promotion

    with redis_said(f"look with `shoal baselines list` whether baseline {number} is live"):
        return promotion(kafka, redis_url).approve(number, decision_by(by, "approved with shoal rebaseline --approve"))


def outcome(baseline: "Baseline") -> dict[str, Any]:
    """Return a baseline as `shoal rebaseline --json` and `shoal baselines show --json` print it."""
    from batch.crowd import moved_share

    return {
        "baseline": baseline.baseline,
        "status": baseline.status,
        "k": baseline.k,
        "algorithm": baseline.algorithm,
        "silhouette": baseline.silhouette,
        "inertia": baseline.inertia,
        "segments": [
            {
                "segment_id": each.segment_id,
                "segment": each.segment,
                "customers": each.customers,
                "share": round(each.customers / max(1, sum(one.customers for one in baseline.segments)), 4),
                "profile": {name: round(value, 4) for name, value in each.profile.items()},
            }
            for each in baseline.segments
        ],
        "features": baseline.features,
        "reason": baseline.reason,
        "customers": baseline.customers,
        "moved_share": round(moved_share(baseline.moves), 4),
        "lineage": [each.model_dump() for each in baseline.lineage],
        "moves": [each.model_dump() for each in baseline.moves],
        "metrics": baseline.metrics,
        "follows": baseline.follows,
        "restores": baseline.restores,
        "proposed_by": baseline.proposed_by,
        "decided_by": baseline.decided_by,
        "decided_at": baseline.decided_at.isoformat() if baseline.decided_at else None,
        "decision": baseline.decision,
        "created_at": baseline.created_at.isoformat(),
    }


def show_baseline(baseline: "Baseline", status: str) -> None:
    """Print a baseline's segments and its preview."""
    from cli.baseline_tables import baseline_tables

    console = tables()
    for each in baseline_tables(baseline, status):
        console.print(each)
    if status == "proposed":
        number = baseline.baseline
        console.print(f"put it live: shoal baselines approve {number}   turn it down: shoal baselines reject {number}")


def write_report(folder: Path, baseline: "Baseline", document: bytes | None) -> list[Path]:
    """Write report.html and report.json into a folder. Raises ReportMissing."""
    from batch.report.writing import write

    return write(folder, baseline, document)


def _from_events(files: list[Path], options: "FitOptions", settings: "BatchSettings") -> tuple["Baseline", bytes]:
    from batch.rebaseline import propose_offline
    from cli.event_logs import read_event_logs
    from stream.damping import Damping
    from stream.settings import StreamSettings
    from stream.worker import half_life_ms

    table = read_event_logs(files, half_life_ms(state_settings()), options.features)
    proposal = propose_offline(
        table,
        options,
        seed=settings.seed,
        damping=Damping.of(StreamSettings()),
        now=datetime.now(UTC),
    )
    return proposal.baseline, proposal.report
