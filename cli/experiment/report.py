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

    return [
        {
            "experiment": experiment.id,
            "status": status,
            "start": experiment.start.isoformat(),
            "end": experiment.end.isoformat() if experiment.end else None,
            "variants": [each.name for each in experiment.variants],
            "control": experiment.control,
            "primary_metric": experiment.primary_metric.value,
            "method": experiment.method,
            "exposed": sum(arm.exposed for arm in document.overall.arms),
            "decision": document.verdict.decision,
            "sentence": document.verdict.sentence,
            "description": experiment.description,
        }
        for experiment, status, document in open_experiments(redis).all()
    ]
