"""The commands of `shoal experiment`."""

from typing import Annotated, Any

import typer

from cli.experiment.definition_options import DefinitionOptions, FromFile
from cli.experiment.power import power
from cli.experiment.report import list_experiments, report
from cli.local.audited import on_record
from cli.local.service_addresses import RedisOption
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["app"]

app = typer.Typer(
    help="Define, read, plan and end experiments (docs/experiments.md).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.command("list", epilog="Example: `shoal experiment list --json`")(list_experiments)
app.command("report", epilog="Example: `shoal experiment report banner --json`")(report)
app.command("power", epilog="Example: `shoal experiment power --rate 0.05 --effect 0.1`")(power)

ExperimentId = Annotated[str, typer.Argument(metavar="ID", help="The experiment, as events name it.")]

_CREATE = "Example: `shoal experiment create banner --variant A --variant B:2 --control A --window 14d`"


@app.command("create", epilog=_CREATE)
@expand_option_groups
def create(
    experiment_id: ExperimentId,
    options: DefinitionOptions,
    from_file: FromFile = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Define an experiment; its exposures count from its start on.

    Give --variant for each arm, and --control. What is not given takes the default that docs/experiments.md names.
    """
    from cli.experiment.definition_storage import create as store

    on_record(redis, "experiment.create", detail=experiment_id)
    _tell(store(experiment_id, options, from_file, redis), "created", as_json)


@app.command("update", epilog="Example: `shoal experiment update banner --stop 2026-06-01`")
@expand_option_groups
def update(
    experiment_id: ExperimentId,
    options: DefinitionOptions,
    from_file: FromFile = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a definition. Once customers were exposed, a change that breaks the statistics is refused with the reason.

    Then only the description may change, and a sequential experiment's --stop may move.
    """
    from cli.experiment.definition_storage import update as change

    on_record(redis, "experiment.update", detail=experiment_id)
    _tell(change(experiment_id, options, from_file, redis), "changed", as_json)


@app.command("stop", epilog="Example: `shoal experiment stop banner`")
def stop(
    experiment_id: ExperimentId,
    at: Annotated[
        str | None,
        typer.Option("--at", help="The end, where it was earlier than now.", metavar="T", show_default=False),
    ] = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """End an experiment: exposures no longer count, conversions still do within their window."""
    from cli.experiment.definition_storage import stop as end

    on_record(redis, "experiment.stop", detail=experiment_id)
    _tell(end(experiment_id, at, redis), "ended", as_json)


@app.command("assign", epilog="Example: `shoal experiment assign banner 00001 00002 --json`")
def assign(
    experiment_id: ExperimentId,
    customers: Annotated[list[str], typer.Argument(metavar="CUSTOMER…", help="Customer ids.")],
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the variant of customers: always the same one, or none with the reason.

    Suppressed customers, those in the holdout and those whose segment is not targeted get none.
    """
    from cli.experiment.assignments import assignments, assignments_table

    document = assignments(experiment_id, customers, redis)
    if as_json:
        print_json(document)
    else:
        tables().print(assignments_table(document))


def _tell(document: dict[str, Any], done: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    arms = ", ".join(f"{each['name']} (weight {each['weight']:g})" for each in document["variants"])
    tables().print(
        f"{done} {document['id']}: {arms}, control {document['control']}, from {document['start']}"
        + (f" to {document['stopped_at'] or document['stop']}" if document["stopped_at"] or document["stop"] else ""),
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
