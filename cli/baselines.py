"""`shoal baselines`: list and show baselines, approve or reject them, rename their segments."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.baseline.output import baseline_document, show_baseline, write_report
from cli.baseline.redis_failures import explain_redis_failure
from cli.baseline.stores import open_promotion, open_store
from cli.local.audited import on_record
from cli.local.service_addresses import KafkaOption, RedisOption
from cli.printing.decision_options import ByOption, WhyOption, new_decision
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, print_json, tables

if TYPE_CHECKING:
    from batch.promotion.decisions import Decision, Promotion
    from events.schema.outputs import Baseline

__all__ = ["app"]

app = typer.Typer(help="Look at baselines, approve, reject, roll back, rename.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(metavar="N", help="The baseline's number.", min=1)]


@dataclass(frozen=True)
class _DecisionOptions:
    """Who decides and why, and where the baselines are."""

    by: ByOption = None
    why: WhyOption = ""
    kafka: KafkaOption = None
    redis: RedisOption = None
    as_json: JsonOption = False

    def promotion(self) -> "Promotion":
        return open_promotion(self.kafka, self.redis)

    def decision(self) -> "Decision":
        return new_decision(self.by, self.why)


@app.command("list", epilog="Example: `shoal baselines list --json`")
def list_all(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List all baselines, the newest first."""
    from batch.promotion.decisions import summary

    with explain_redis_failure("nothing was changed"):
        found = [summary(each) for each in reversed(open_store(redis).all())]
    if as_json:
        print_json({"baselines": found})
    elif not found:
        tables().print("no baselines yet: `shoal rebaseline` proposes one")
    else:
        tables().print(_list_table(found))


def _list_table(found: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="baselines")
    for heading in ("baseline", "status", "k", "algorithm", "features", "silhouette", "moves", "by", "decision"):
        table.add_column(heading, justify="right" if heading in ("baseline", "k", "silhouette", "moves") else "left")
    for each in found:
        table.add_row(
            str(each["baseline"]),
            "live" if each["status"] == "approved" else each["status"],
            str(each["k"]),
            each["algorithm"],
            escape(", ".join(each["features"])),
            "–" if each["silhouette"] is None else f"{each['silhouette']:.3f}",
            "–" if each["moved_share"] is None else f"{each['moved_share']:.1%}",
            escape(each["decided_by"] or each["proposed_by"]),
            escape(each["decision"]),
        )
    return table


@app.command("show", epilog="Example: `shoal baselines show 2`")
def show(number: NumberArgument, redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Show a baseline: its segments, where they come from, and who would move from where to where."""
    with explain_redis_failure("nothing was changed"):
        baseline = open_store(redis).get(number)
    _print(baseline, as_json)


@app.command("approve", epilog="Example: `shoal baselines approve 2 --why 'looks right'`")
@expand_option_groups
def approve(number: NumberArgument, options: _DecisionOptions) -> None:
    """Put a proposed baseline live: every worker swaps within seconds and moves its customers over."""
    with explain_redis_failure(f"see with `shoal baselines list` whether baseline {number} is live"):
        on_record(options.redis, "baseline.approve", detail=str(number))
        baseline = options.promotion().approve(number, options.decision())
    _print(baseline, options.as_json)


@app.command("reject", epilog="Example: `shoal baselines reject 2 --why 'too many segments'`")
@expand_option_groups
def reject(number: NumberArgument, options: _DecisionOptions) -> None:
    """Reject a proposed baseline; what is live stays."""
    with explain_redis_failure(f"see with `shoal baselines list` whether baseline {number} is rejected"):
        on_record(options.redis, "baseline.reject", detail=str(number))
        baseline = options.promotion().reject(number, options.decision())
    _print(baseline, options.as_json)


@app.command("rollback", epilog="Example: `shoal baselines rollback --why 'campaigns went to the wrong people'`")
@expand_option_groups
def rollback(
    *,
    to: Annotated[int | None, typer.Option(help="Bring this one back; the one before if not given.", min=1)] = None,
    options: _DecisionOptions,
) -> None:
    """Bring the baseline before the live one back, under a new number, with its segments' ids and names."""
    with explain_redis_failure("see with `shoal baselines list` which baseline is live"):
        on_record(options.redis, "baseline.rollback", detail=None if to is None else str(to))
        baseline = options.promotion().rollback(options.decision(), to)
    _print(baseline, options.as_json)


@app.command("rename", epilog="Example: `shoal baselines rename 2 s3 'Weekend Shoppers'`")
def rename(
    *,
    number: NumberArgument,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment's id, such as s3.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name; later baselines keep it.")],
    by: ByOption = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name a segment of a proposed or of the live baseline; its id stays."""
    with explain_redis_failure(f"see with `shoal baselines show {number}` which name it has"):
        on_record(redis, "baseline.rename", detail=f"{number} {segment}")
        baseline = open_promotion(kafka, redis).rename(number, segment, name, new_decision(by, ""))
    _print(baseline, as_json)


@app.command("report", epilog="Example: `shoal baselines report 2 --to reports`")
def report(
    number: NumberArgument,
    to: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")] = Path("report"),
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a baseline's report: one page that opens offline, and its figures as JSON."""
    with explain_redis_failure("nothing was changed"):
        store = open_store(redis)
        baseline = store.get(number)
        # What a rollback brings back was fitted, and reported on, under its first number.
        document = store.report(number) or (store.report(baseline.restores) if baseline.restores else None)
    files = write_report(to, baseline, document)
    if as_json:
        print_json({"baseline": number, "files": [str(each) for each in files]})
    else:
        tables().print("\n".join(f"wrote {each}" for each in files), highlight=False, soft_wrap=True)


def _print(baseline: "Baseline", as_json: bool) -> None:
    if as_json:
        print_json(baseline_document(baseline))
    else:
        show_baseline(baseline, baseline.status)
