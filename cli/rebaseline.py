"""`shoal rebaseline`: fit new segments to all customers, and propose them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.baseline.output import baseline_document, show_baseline, write_report
from cli.baseline.redis_failures import redis_said
from cli.baseline.stores import open_promotion, open_rebaseliner
from cli.local.addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.decider_option import ByOption, decision_by
from cli.printing.output import JsonOption, errors, print_json

if TYPE_CHECKING:
    from batch.fit_options import FitOptions
    from batch.rebaseline import Proposal
    from batch.settings import BatchSettings
    from events.schema.outputs import Baseline

__all__ = ["register"]

_WAIT_S = 30.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rebaseline", epilog="Example: `shoal rebaseline --features income,spending_score --approve`")(
        rebaseline
    )


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
    from batch.promotion.process_priority import lower_priority
    from batch.settings import BatchSettings

    settings = BatchSettings()
    if seed is not None:
        settings = settings.model_copy(update={"seed": seed})
    options = _options(settings, k, algorithm, features)
    lower_priority(settings.batch_nice)
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
        print_json(
            baseline_document(baseline) | {"status": status, "baseline": None if from_events else baseline.baseline}
        )
    else:
        show_baseline(baseline, status)


def _options(settings: "BatchSettings", k: int | None, algorithm: str | None, features: str | None) -> "FitOptions":
    from batch.fit_options import FitOptions

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
    from batch.promotion.batch_lock import BatchLock
    from batch.promotion.decisions import Promotion
    from consumers.broker.kafka_sink import KafkaSink
    from state.model.baselines import BaselineStore
    from state.store.connection import connect

    client = connect(state_settings(redis_url).redis)
    now = datetime.now(UTC)
    with BatchLock(client, settings.batch_lock_s, _WAIT_S) as lock, errors().status("fitting segments"):
        proposal = open_rebaseliner(client, settings, kafka, redis_url).propose(
            options, by=decision_by(by, "").by, now=now, check=lock.check
        )
        Promotion(BaselineStore(client), KafkaSink(kafka_settings(kafka))).supersede(proposal.baseline, now)
    return proposal


def _approve(number: int, kafka: str | None, redis_url: str | None, by: str | None) -> "Baseline":
    with redis_said(f"look with `shoal baselines list` whether baseline {number} is live"):
        return open_promotion(kafka, redis_url).approve(
            number, decision_by(by, "approved with shoal rebaseline --approve")
        )


def _from_events(files: list[Path], options: "FitOptions", settings: "BatchSettings") -> tuple["Baseline", bytes]:
    from batch.rebaseline import propose_offline
    from cli.feeding.event_files_table import read_event_logs
    from stream.moves.hysteresis import Hysteresis
    from stream.settings import StreamSettings
    from stream.worker import half_life_ms

    table = read_event_logs(files, half_life_ms(state_settings()), options.features)
    proposal = propose_offline(
        table,
        options,
        seed=settings.seed,
        hysteresis=Hysteresis.from_settings(StreamSettings()),
        now=datetime.now(UTC),
    )
    return proposal.baseline, proposal.report
