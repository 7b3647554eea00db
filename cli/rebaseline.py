"""`shoal rebaseline`: fit new segments to all customers, and propose them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.baseline.output import baseline_document, show_baseline, write_report
from cli.baseline.redis_failures import explain_redis_failure
from cli.baseline.stores import open_promotion, open_rebaseliner
from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.decision_options import ByOption, new_decision
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, errors, print_json

if TYPE_CHECKING:
    from batch.fit_options import FitOptions
    from batch.rebaseline import Proposal
    from batch.settings import BatchSettings
    from events.schema.outputs import Baseline

__all__ = ["register"]

_LOCK_WAIT_S = 30.0


@dataclass(frozen=True)
class _Options:
    """What to fit on and how, and what becomes of it."""

    approve: Annotated[bool, typer.Option("--approve", help="Approve it at once: it goes live.")] = False
    k: Annotated[int | None, typer.Option(help="Number of segments; chosen by the figures if not given.", min=2)] = None
    algorithm: Annotated[str | None, typer.Option(help="Of clustering; compared if not given.")] = None
    features: Annotated[
        str | None, typer.Option(help="Names separated by commas; those of SHOAL_FEATURES if not given.")
    ] = None
    from_events: Annotated[
        list[Path] | None,
        typer.Option(
            "--from-events",
            help="Fit on files of events, or on your shop's exports, instead of Redis; nothing is stored.",
            exists=True,
            dir_okay=False,
        ),
    ] = None
    mapping: Annotated[
        Path | None, typer.Option(help="The mapping file of an export for --from-events.", exists=True)
    ] = None
    report: Annotated[Path | None, typer.Option(help="Folder for report.html and report.json.")] = None
    seed: Annotated[int | None, typer.Option(help="Of the random starts; SHOAL_SEED if not given.", min=0)] = None
    by: ByOption = None
    kafka: KafkaOption = None
    redis: RedisOption = None
    as_json: JsonOption = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rebaseline", epilog="Example: `shoal rebaseline --features income,spending_score --approve`")(
        rebaseline
    )


@expand_option_groups
def rebaseline(options: _Options) -> None:
    """Fit segments to all customers and propose them as a new baseline; nothing live changes before it is approved.

    The new clusters are matched to the live segments, so that ids and names stay, and a preview says how many
    customers would move from where to where.
    """
    from batch.promotion.process_priority import lower_priority
    from batch.settings import BatchSettings

    settings = BatchSettings()
    if options.seed is not None:
        settings = settings.model_copy(update={"seed": options.seed})
    fit = _fit_options(options, settings)
    lower_priority(settings.batch_nice)
    if options.from_events:
        if options.approve:
            raise typer.BadParameter("files of events do not say which customers are live; leave --approve out")
        baseline, document = _fit_files(options.from_events, options.mapping, fit, settings)
    else:
        baseline, document = _propose(options, fit, settings)
    status = "fitted" if options.from_events else baseline.status
    if options.report is not None:
        write_report(options.report, baseline, document)
    if options.as_json:
        number = None if options.from_events else baseline.baseline
        print_json(baseline_document(baseline) | {"status": status, "baseline": number})
    else:
        show_baseline(baseline, status)


def _fit_options(options: _Options, settings: "BatchSettings") -> "FitOptions":
    from batch.fit_options import FitOptions

    features = options.features
    names = [name.strip() for name in features.split(",")] if features else settings.features
    if len(set(names)) < len(names) or not all(names):
        raise typer.BadParameter(f"--features {features!r} should be different names separated by commas")
    fit = FitOptions(features=tuple(names), k=options.k, lifecycle=settings.lifecycle)
    return replace(fit, algorithms=(options.algorithm,)) if options.algorithm else fit


def _propose(options: _Options, fit: "FitOptions", settings: "BatchSettings") -> "tuple[Baseline, bytes]":
    """Store a proposal, and approve it where that is wanted; return it with its report."""
    with explain_redis_failure(
        "the live baseline is untouched; when Redis is back, run it again (`shoal baselines list` says whether "
        "a proposal had been stored)"
    ):
        proposal = _store_proposal(options, fit, settings)
    if not options.approve:
        return proposal.baseline, proposal.report
    number = proposal.baseline.baseline
    with explain_redis_failure(f"see with `shoal baselines list` whether baseline {number} is live"):
        decision = new_decision(options.by, "approved with shoal rebaseline --approve")
        return open_promotion(options.kafka, options.redis).approve(number, decision), proposal.report


def _store_proposal(options: _Options, fit: "FitOptions", settings: "BatchSettings") -> "Proposal":
    from batch.promotion.batch_lock import BatchLock
    from batch.promotion.decisions import Promotion
    from consumers.broker.kafka_sink import KafkaSink
    from state.model.baselines import BaselineStore
    from state.store.connection import connect

    client = connect(state_settings(options.redis).redis)
    now = datetime.now(UTC)
    with BatchLock(client, settings.batch_lock_s, _LOCK_WAIT_S) as lock, errors().status("fitting segments"):
        proposal = open_rebaseliner(client, settings, options.kafka, options.redis).propose(
            fit, by=new_decision(options.by, "").by, now=now, check=lock.check
        )
        Promotion(BaselineStore(client), KafkaSink(kafka_settings(options.kafka))).supersede(proposal.baseline, now)
    return proposal


def _fit_files(
    files: list[Path], mapping: Path | None, fit: "FitOptions", settings: "BatchSettings"
) -> "tuple[Baseline, bytes]":
    from batch.rebaseline import propose_offline
    from cli.feeding.customer_table_from_files import read_customers
    from stream.moves.hysteresis import Hysteresis
    from stream.settings import StreamSettings
    from stream.worker_wiring import half_life_ms

    table = read_customers(files, half_life_ms(state_settings()), fit.features, mapping)
    proposal = propose_offline(
        table,
        fit,
        seed=settings.seed,
        hysteresis=Hysteresis.from_settings(StreamSettings()),
        now=datetime.now(UTC),
    )
    return proposal.baseline, proposal.report
