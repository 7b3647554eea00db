"""`shoal experiment report` and `list`."""

from typing import Annotated, Any

import typer

from cli.local.addresses import RedisOption
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["list_experiments", "report"]


def report(
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="The experiment.")],
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what an experiment has found so far: the verdict first, then the numbers it rests on."""
    from cli.experiment.report_tables import print_report
    from cli.experiment.stored_experiments import open_shop
    from experiments.reporting.report import report as report_on

    shop = open_shop(redis)
    experiment = shop.stored(experiment_id).experiment
    tallies, left_out = shop.tally_totals(experiment_id)
    document = report_on(experiment, tallies, shop.now, left_out)
    if as_json:
        print_json(document.model_dump(mode="json"))
    else:
        print_report(tables(), experiment, document, shop.segment_names())


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
    from cli.experiment.stored_experiments import open_shop
    from experiments.reporting.report import report as report_on

    shop, rows = open_shop(redis), []
    for experiment in shop.all():
        tallies, _ = shop.tally_totals(experiment.id)
        document = report_on(experiment, tallies, shop.now)
        rows.append(
            {
                "experiment": experiment.id,
                "status": experiment.status(shop.now),
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
        )
    return rows
