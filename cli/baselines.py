"""`shoal baselines`: look at baselines, decide on them, name their segments."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.baseline.output import baseline_document, show_baseline, write_report
from cli.baseline.redis_failures import redis_said
from cli.baseline.stores import open_promotion, open_store
from cli.local.addresses import KafkaOption, RedisOption
from cli.printing.decider_option import ByOption, WhyOption, decision_by
from cli.printing.output import JsonOption, print_json, tables

if TYPE_CHECKING:
    from events.schema.outputs import Baseline

__all__ = ["app"]

app = typer.Typer(help="Look at baselines, approve, reject, roll back, rename.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(metavar="N", help="The baseline's number.", min=1)]


@app.command("list", epilog="Example: `shoal baselines list --json`")
def list_all(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """List all baselines, the newest first."""
    from batch.promotion.decisions import summary

    with redis_said("nothing was changed"):
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
    with redis_said("nothing was changed"):
        baseline = open_store(redis).get(number)
    _tell(baseline, as_json)


@app.command("approve", epilog="Example: `shoal baselines approve 2 --why 'looks right'`")
def approve(
    number: NumberArgument,
    by: ByOption = None,
    why: WhyOption = "",
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a proposed baseline live: every worker swaps within seconds and moves its customers over."""
    with redis_said(f"look with `shoal baselines list` whether baseline {number} is live"):
        baseline = open_promotion(kafka, redis).approve(number, decision_by(by, why))
    _tell(baseline, as_json)


@app.command("reject", epilog="Example: `shoal baselines reject 2 --why 'too many segments'`")
def reject(
    number: NumberArgument,
    by: ByOption = None,
    why: WhyOption = "",
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a proposed baseline down; what is live stays."""
    with redis_said(f"look with `shoal baselines list` whether baseline {number} is rejected"):
        baseline = open_promotion(kafka, redis).reject(number, decision_by(by, why))
    _tell(baseline, as_json)


@app.command("rollback", epilog="Example: `shoal baselines rollback --why 'campaigns went to the wrong people'`")
def rollback(
    to: Annotated[int | None, typer.Option(help="Bring this one back; the one before if not given.", min=1)] = None,
    by: ByOption = None,
    why: WhyOption = "",
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the baseline before the live one back, under a new number, with its segments' ids and names."""
    with redis_said("look with `shoal baselines list` which baseline is live"):
        baseline = open_promotion(kafka, redis).rollback(decision_by(by, why), to)
    _tell(baseline, as_json)


@app.command("rename", epilog="Example: `shoal baselines rename 2 s3 'Weekend Shoppers'`")
def rename(
    number: NumberArgument,
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="The segment's id, such as s3.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name; later baselines keep it.")],
    by: ByOption = None,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name a segment of a proposed or of the live baseline; its id stays."""
    with redis_said(f"look with `shoal baselines show {number}` which name it has"):
        baseline = open_promotion(kafka, redis).rename(number, segment, name, decision_by(by, ""))
    _tell(baseline, as_json)


@app.command("report", epilog="Example: `shoal baselines report 2 --to reports`")
def report(
    number: NumberArgument,
    to: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")] = Path("report"),
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a baseline's report: one page that opens offline, and its figures as JSON."""
    with redis_said("nothing was changed"):
        store = open_store(redis)
        baseline = store.get(number)
        # What a rollback brings back was fitted, and reported on, under its first number.
        document = store.report(number) or (store.report(baseline.restores) if baseline.restores else None)
    files = write_report(to, baseline, document)
    if as_json:
        print_json({"baseline": number, "files": [str(each) for each in files]})
    else:
        tables().print("\n".join(f"wrote {each}" for each in files), highlight=False, soft_wrap=True)


def _tell(baseline: "Baseline", as_json: bool) -> None:
    if as_json:
        print_json(baseline_document(baseline))
    else:
        show_baseline(baseline, baseline.status)
