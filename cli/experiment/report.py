"""`shoal experiment report` and `list`."""

from typing import Annotated, Any

import typer

from cli.local.service_addresses import RedisOption
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["list_experiments", "report"]


def report(
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an experiment has found so far: the verdict first, then the numbers it rests on."""
    from cli.experiment.report_tables import print_report
    from cli.experiment.stored_experiments import open_experiments
    from queries.segments.segment_names import all_segment_names

    experiments = open_experiments(redis)
    experiment, _, document = experiments.report(experiments.get(experiment_id))
    if as_json:
        print_json(document.model_dump(mode="json"))
    else:
        print_report(tables(), experiment, document, all_segment_names(experiments.client))


def list_experiments(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List the experiments with their verdicts."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    rows = _rows(redis)
    if as_json:
        print_json({"experiments": rows})
        return
    if not rows:
        tables().print("no experiments yet: see `shoal experiment create --help`")
        return
    table = Table("experiment", "status", "start", box=SIMPLE_HEAD)
    table.add_column("customers", justify="right")
    table.add_column("verdict")
    for row in rows:
        exposed = f"{row['exposed']:,}"
        table.add_row(row["experiment"], row["status"], row["start"][:10], exposed, row["sentence"])
    tables().print(table)


def _rows(redis: str | None) -> list[dict[str, Any]]:
    from cli.experiment.stored_experiments import open_experiments
    from events.codec.instants import rfc3339
    from queries.experiments.summaries import ExperimentSummaries

    return [
        {
            "experiment": each.experiment.id,
            "status": each.status,
            "start": each.experiment.start.isoformat(),
            "end": each.experiment.end.isoformat() if each.experiment.end else None,
            "variants": [variant.name for variant in each.experiment.variants],
            "control": each.experiment.control,
            "primary_metric": each.experiment.primary_metric.value,
            "method": each.experiment.method,
            "exposed": each.exposed,
            "decision": each.decision,
            "sentence": each.sentence,
            "at": rfc3339(each.at_ms),
            "description": each.experiment.description,
        }
        for each in ExperimentSummaries(open_experiments(redis)).all()
    ]
