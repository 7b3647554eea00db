"""Experiments: which there are, and of each whether it may be shipped, and on what that rests."""

from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.endpoints.experiments import experiment_summary
from api.pages.figures.effect_over_time import effect_over_time_chart
from api.pages.figures.forest_plot import forest_plot
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.services import Services
from experiments.reporting.cell_text import HEADINGS, chance, evidence, title
from experiments.reporting.contamination import contamination_sentences
from experiments.reporting.document import Comparison, Report
from experiments.reporting.not_computable import unsaid_sentences
from experiments.reporting.standing import standing_sentences
from experiments.statistics.metric_samples import RATES
from queries.experiments.experiments import ExperimentReport
from queries.experiments.summaries import ExperimentSummaries
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN

__all__ = ["experiment", "experiment_part", "experiments"]


async def experiments(visit: Visit) -> Response:
    """Return the list."""
    found = await run_in_threadpool(ExperimentSummaries(visit.services.experiments).all)
    return page(visit, "experiments.html", rows=[experiment_summary(each) for each in found])


async def experiment(visit: Visit) -> Response:
    """Return an experiment's page."""
    return page(visit, "experiment.html", **await run_in_threadpool(_values, visit))


async def experiment_part(visit: Visit) -> Response:
    """Return what changes of it, which the page asks for every three seconds."""
    return part("parts/experiment.html", **await run_in_threadpool(_values, visit))


def _values(visit: Visit) -> dict[str, Any]:
    services: Services = visit.services
    wanted = services.experiments.get(visit.request.path_params["experiment_id"])
    standing: ExperimentReport = services.experiments.report(wanted)
    report: Report = standing.report
    names = services.segment_names() | {NO_SEGMENT: "no segment yet", UNKNOWN: "not known any more"}
    rate, overall = report.primary_metric in RATES, report.overall.comparisons
    in_segments = [
        (names.get(segment.segment, segment.segment), row) for segment in report.segments for row in segment.comparisons
    ]
    return {
        "experiment": standing.experiment,
        "status": standing.status,
        "report": report,
        "standing": standing_sentences(report),
        "contaminated": " ".join(contamination_sentences(report)),
        "split_p": chance(report.srm.deciding(report.method)),
        "over_time": effect_over_time_chart(services.looks.read(wanted.id), rate=rate),
        "metric": report.primary_metric.replace("_", " "),
        "validity": overall[0].validity,
        "headings": HEADINGS[overall[0].validity],
        "comparisons": [_EffectRow.of("", row) for row in overall],
        "cuped": any(row.decided_by == "cuped" for row in overall),
        "forest": forest_plot(report, names, rate=rate),
        "segment_headings": HEADINGS[in_segments[0][1].validity] if in_segments else ("", ""),
        "unsaid": list(unsaid_sentences(report, names)),
        "segments": [_EffectRow.of(name, row) for name, row in in_segments],
    }


class _EffectRow(NamedTuple):
    """A comparison as the page shows it: the figures that decide, in the same words as on the command line."""

    segment: str
    variant: str
    metric: str
    effect: str
    interval: str
    deciding: str

    @classmethod
    def of(cls, segment: str, row: Comparison) -> "_EffectRow":
        """Return the row of a comparison."""
        name = title(row.metric) + ("*" if row.decided_by == "cuped" else "")
        return cls(segment, row.variant, name, *evidence(row))
