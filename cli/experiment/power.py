"""`shoal experiment power`: how many customers a change needs to be found, and what a running experiment can find."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from cli.experiment.definition_options import MetricName, window_s
from cli.local.service_addresses import RedisOption
from cli.printing.options_as_dataclass import expand_option_groups
from cli.printing.output import JsonOption, print_json, tables
from events.time_units import DAY_S

if TYPE_CHECKING:
    from cli.experiment.planning_baseline import Baseline
    from experiments import Experiment

__all__ = ["power"]

_METHODS = ("fixed", "group_sequential", "sequential")


class Plan(NamedTuple):
    """What is asked: which relative change of which metric, how surely, over how many arms with which shares."""

    metric: str
    effect: float
    alpha: float
    power: float
    shares: list[float]
    looks: int = 5
    spending: str = "obrien_fleming"
    expected_customers: int = 5_000


@dataclass(frozen=True)
class _Options:
    """The baseline, the change to find and how surely."""

    rate: Annotated[
        float | None, typer.Option(help="Baseline rate, such as 0.05.", min=0.0, max=1.0, show_default=False)
    ] = None
    mean: Annotated[float | None, typer.Option(help="Baseline mean of money.", show_default=False)] = None
    sd: Annotated[float | None, typer.Option(help="Standard deviation by customer.", min=0.0, show_default=False)] = (
        None
    )
    effect: Annotated[float, typer.Option(help="Relative change to find.", min=0.0001, max=10.0)] = 0.05
    alpha: Annotated[float, typer.Option(help="Error that is accepted, two-sided.", min=1e-6, max=0.499)] = 0.05
    power: Annotated[float, typer.Option(help="Chance to find it.", min=0.501, max=0.9999)] = 0.8
    arms: Annotated[int, typer.Option(help="Arms of equal size, the control among them.", min=2, max=20)] = 2
    window: Annotated[str, typer.Option(help="Time in which an order counts, without ID and rates.")] = "30d"


@expand_option_groups
def power(
    *,
    experiment_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Plan by what this experiment's control does.", show_default=False),
    ] = None,
    options: _Options,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many customers find a relative change, by each way of reading the experiment.

    Baselines are the ones given (--rate, or --mean with --sd); else those of an experiment's control (ID, with its own
    alpha, power and minimum effect), which also shows what it could find by now; else the share of all customers who
    have ordered within the last --window. The last two are overall and by segment.
    """
    if experiment_id is not None:
        document = _of_experiment(experiment_id, redis)
    else:
        metric: MetricName = "conversion_rate" if options.mean is None else "revenue_per_customer"
        shares = [1.0 / options.arms] * options.arms
        plan = Plan(metric, options.effect, options.alpha, options.power, shares)
        if options.rate is not None or options.mean is not None:
            document = _of_numbers(plan, options.rate, options.mean, options.sd)
        else:
            document = _of_records(plan, options.window, redis)
    if as_json:
        print_json(document)
    else:
        tables().print(_table(document))
        for row in document["baselines"]:
            if row["cannot_say"]:
                _print_reason(row)


def _of_numbers(plan: Plan, rate: float | None, mean: float | None, sd: float | None) -> dict[str, Any]:
    from cli.experiment.planning_baseline import Baseline
    from experiments.planning.sample_size import rate_baseline
    from experiments.statistics.sample import Sample

    if rate is not None and mean is not None:
        raise typer.BadParameter("give --rate, or --mean with --sd, but not both")
    if rate is not None:
        if not 0.0 < rate < 1.0:
            raise typer.BadParameter(
                f"{rate:g} leaves nothing to find; a rate is above 0 and below 1", param_hint="--rate"
            )
        sample = rate_baseline(rate)
    elif mean is None or not mean or not sd:
        raise typer.BadParameter("--mean needs --sd, the standard deviation by customer; both differ from 0")
    else:
        sample = Sample(1, mean, sd * sd)
    return _document(plan, "given", [Baseline(None, 0, sample)], {})


def _of_records(plan: Plan, window: str, redis: str | None) -> dict[str, Any]:
    from datetime import timedelta

    from cli.experiment.planning_baseline import of_records
    from cli.experiment.stored_experiments import open_experiments
    from queries.segments.segment_names import all_segment_names

    seconds = window_s(window)
    experiments = open_experiments(redis)
    found = of_records(experiments, timedelta(seconds=seconds))
    return {**_document(plan, "records", found, all_segment_names(experiments.client)), "window_days": seconds / DAY_S}


def _of_experiment(experiment_id: str, redis: str | None) -> dict[str, Any]:
    from cli.experiment.planning_baseline import of_control
    from cli.experiment.stored_experiments import open_experiments
    from experiments.reporting.report import report
    from queries.segments.segment_names import all_segment_names

    experiments = open_experiments(redis)
    experiment = experiments.get(experiment_id)
    tallies, _ = experiments.tally_totals(experiment_id)
    document = _document(
        _plan_of(experiment), "experiment", of_control(experiment, tallies), all_segment_names(experiments.client)
    )
    seen = report(experiment, tallies, experiments.now())
    parts: list[Any] = [(None, seen.overall), *((part.segment, part) for part in seen.segments)]
    detectable = [
        {
            "segment_id": segment,
            "variant": row.variant,
            "metric": row.metric.value,
            "exposed": sum(arm.exposed for arm in part.arms if arm.variant in (row.variant, row.control)),
            "minimum_detectable_effect": row.minimum_detectable_effect,
            "cannot_say": row.cannot_say,
        }
        for segment, part in parts
        for row in part.comparisons
    ]
    return {
        "experiment": experiment_id,
        "method": experiment.method,
        **document,
        "exposed": sum(arm.exposed for arm in seen.overall.arms),
        "more_days": seen.verdict.more_days,
        "more_customers": seen.verdict.more_customers,
        "detectable": detectable,
    }


def _plan_of(experiment: "Experiment") -> Plan:
    weights = {variant.name: variant.weight for variant in experiment.variants}
    total = sum(weights.values())
    return Plan(
        experiment.primary_metric.value,
        experiment.minimum_effect,
        experiment.alpha,
        experiment.power,
        [weights[name] / total for name in (experiment.control, *experiment.treatments)],
        experiment.looks,
        experiment.spending,
        experiment.expected_customers,
    )


def _document(plan: Plan, source: str, found: "list[Baseline]", names: dict[str, str]) -> dict[str, Any]:
    return {
        "source": source,
        "metric": plan.metric,
        "effect": plan.effect,
        "alpha": plan.alpha,
        "power": plan.power,
        "arms": len(plan.shares),
        "baselines": [_row(plan, each, names) for each in found],
    }


def _row(plan: Plan, baseline: "Baseline", names: dict[str, str]) -> dict[str, Any]:
    from experiments import Metric, NotComputable
    from experiments.planning.sample_size import sample_sizes
    from experiments.sequential.group_sequential import obrien_fleming, pocock
    from experiments.statistics.metric_samples import RATES

    sample = baseline.sample
    row: dict[str, Any] = {
        "segment_id": baseline.segment_id,
        "segment": names.get(baseline.segment_id, baseline.segment_id) if baseline.segment_id else None,
        "customers": baseline.customers or None,
        "mean": None,
        "sd": None,
        "needed": dict.fromkeys(_METHODS),
        "cannot_say": None,
    }
    if isinstance(sample, NotComputable):
        return {**row, "cannot_say": sample.reason}
    needed = sample_sizes(
        sample,
        plan.effect,
        plan.shares,
        is_rate=Metric(plan.metric) in RATES,
        alpha=plan.alpha,
        power=plan.power,
        looks=plan.looks,
        spending=obrien_fleming if plan.spending == "obrien_fleming" else pocock,
        expected_customers=plan.expected_customers,
    )
    customers = {
        method: None if isinstance(value, NotComputable) else value for method, value in needed._asdict().items()
    }
    reasons = [value.reason for value in needed if isinstance(value, NotComputable)]
    return {
        **row,
        "mean": sample.mean,
        "sd": sample.variance**0.5,
        "needed": customers,
        "cannot_say": reasons[0] if reasons else None,
    }


def _table(document: dict[str, Any]) -> Any:
    from rich.table import Table

    from experiments import Metric
    from experiments.reporting.cell_text import difference, money, share, title
    from experiments.statistics.metric_samples import RATES

    metric = Metric(document["metric"])
    show = share if metric in RATES else money
    table = Table(
        title=f"customers of all {document['arms']} arms to find a change of {100 * document['effect']:.3g}% in "
        f"{title(metric)}, alpha {document['alpha']:g}, power {document['power']:g}",
        caption=_caption(document),
    )
    table.add_column("segment")
    for heading in ("customers seen", title(metric), "read once", "planned looks", "read at any time"):
        table.add_column(heading, justify="right")
    detectable = {each["segment_id"]: each for each in document.get("detectable", ()) if each["metric"] == metric}
    if detectable:
        table.add_column("detectable now", justify="right")
    for row in document["baselines"]:
        cells = ["–" if row["needed"][method] is None else f"{row['needed'][method]:,}" for method in _METHODS]
        seen = f"{row['customers']:,}" if row["customers"] else "–"
        if detectable:
            now = detectable.get(row["segment_id"], {}).get("minimum_detectable_effect")
            cells.append(difference(metric, now).lstrip("+"))
        table.add_row(row["segment"] or "all", seen, show(row["mean"]), *cells)
    return table


def _print_reason(row: dict[str, Any]) -> None:
    from experiments.reporting.cell_text import reason
    from experiments.statistics.value_or_reason import Reason

    text = f"• Nothing can be said of {row['segment'] or 'all'}: {reason(Reason(row['cannot_say']))}"
    tables().print(text, highlight=False, soft_wrap=True, markup=False)


def _caption(document: dict[str, Any]) -> str | None:
    if document["source"] == "records":
        return (
            f"Rate: customers who ordered within the last {document['window_days']:g} days, by the segment held "
            "before. An experiment meets only those who visit, who order more often."
        )
    if document["source"] == "experiment":
        left = document["more_days"]
        more = f"; about {left:,} more days" if left is not None else ""
        return f"{document['exposed']:,} customers exposed so far{more}. Baselines: the control."
    return "Most experiments that may be read at any time end earlier."
