"""Experiments: which there are, and of each whether it may be shipped, and on what that rests."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.endpoints.experiments import experiment_summary
from api.pages.figures.effect_over_time import decided_since, effect_over_time_chart
from api.pages.figures.forest_plot import forest_plot
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.services import Services
from experiments.reporting.document import Report
from experiments.statistics.metric_samples import RATES
from queries.experiments.experiments import ExperimentReport
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN

__all__ = ["experiment", "experiment_part", "experiments"]


async def experiments(visit: Visit) -> Response:
    """Return the list."""
    found = await run_in_threadpool(visit.services.experiments.all)
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
    looks, rate = services.looks.read(wanted.id), report.primary_metric in RATES
    main = [row for row in report.overall.comparisons if row.role == "primary"]
    return {
        "experiment": standing.experiment,
        "status": standing.status,
        "report": report,
        "names": names,
        "rate": rate,
        "over_time": effect_over_time_chart(looks, rate=rate),
        "since": decided_since(looks),
        "metric": report.primary_metric.replace("_", " "),
        "comparisons": [(row, row.sequential if report.method == "sequential" else row) for row in main],
        "forest": forest_plot(report, names, rate=rate),
        "segments": [
            (names.get(segment.segment, segment.segment), row)
            for segment in report.segments
            for row in segment.comparisons
            if row.role == "primary"
        ],
    }
