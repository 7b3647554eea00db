"""Baselines: a candidate against what is live, and the forms to decide on it."""

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.access.scopes import Scope
from api.endpoints.baselines import decision
from api.pages.figures.plotly_figures import sankey
from api.pages.page_access import Visit
from api.pages.rendering import page
from api.serving.problem_details import ProblemError
from api.serving.services import Services
from batch.promotion.decisions import summary
from events.schema.outputs import Baseline
from state.model.baselines import BaselineStore

__all__ = ["baseline", "baselines", "decide"]

_MAX_LENGTH = 500


async def baselines(visit: Visit) -> Response:
    """Return the list."""
    found = await run_in_threadpool(BaselineStore(visit.services.store).all)
    return page(visit, "baselines.html", rows=[summary(each) for each in reversed(found)])


async def baseline(visit: Visit) -> Response:
    """Return a baseline's page."""
    values = await run_in_threadpool(_values, visit.services, _number(visit))
    return page(visit, "baseline.html", may_decide=visit.caller.may(Scope.BASELINES_APPROVE), **values)


async def decide(visit: Visit) -> Response:
    """Approve, reject, or rename, as the form says."""
    number, what = _number(visit), visit.request.path_params["what"]
    why, name = str(visit.form.get("why", ""))[:_MAX_LENGTH], str(visit.form.get("name", "")).strip()
    promotion, by = visit.services.promotion(), decision(visit.caller.name, why)
    if what == "approve":
        await run_in_threadpool(promotion.approve, number, by)
    elif what == "reject":
        await run_in_threadpool(promotion.reject, number, by)
    elif what == "rename":
        await run_in_threadpool(promotion.rename, number, str(visit.form.get("segment_id", "")), name, by)
    else:
        raise ProblemError(404)
    await visit.services.audit.record(visit.caller, f"baseline.{what}", detail=str(number))
    return RedirectResponse(f"/baselines/{number}", 303)


def _number(visit: Visit) -> int:
    text = visit.request.path_params["number"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ProblemError(404, f"{text!r} is no number of a baseline")
    return int(text)


def _values(services: Services, number: int) -> dict[str, Any]:
    store = BaselineStore(services.store)
    found, live = store.get(number), store.current()
    names = services.segment_names() | {each.segment_id: each.segment for each in found.segments}
    moves = sorted((each for each in found.moves if each.source != each.target), key=lambda each: -each.customers)
    return {
        "found": found,
        "live": live,
        "is_live": live is not None and live.baseline == number,
        "features": sorted({name for each in found.segments for name in each.profile}),
        "lineage": {each.segment_id: _origin(each.kind, each.related, names) for each in found.lineage},
        "retired": [each for each in found.lineage if each.kind == "retired"],
        "moves": [(names.get(each.source or "", "no segment"), names.get(each.target, each.target), each.customers)
                  for each in moves[:12]],
        "staying": _staying(found),
        "flows": sankey([(each.source, each.target, each.customers) for each in moves[:20] if each.source], names),
        "compared": _compared(found, live) if live and live.baseline != number else [],
    }  # fmt: skip


def _origin(kind: str, related: list[str], names: dict[str, str]) -> str:
    """Return where a segment comes from, in words."""
    before = ", ".join(names.get(each, each) for each in related)
    words = {"kept": "kept", "born": "new", "split": f"split from {before}", "merged": f"merged from {before}"}
    return words.get(kind, kind)


def _staying(found: Baseline) -> float | None:
    """Return the share of customers who stay in their segment, or None where it was not previewed."""
    total = sum(each.customers for each in found.moves)
    return sum(each.customers for each in found.moves if each.source == each.target) / total if total else None


def _compared(found: Baseline, live: Baseline) -> list[tuple[str, str, str]]:
    """Return figures of this baseline and of the live one, in words, for the rows of a table."""
    return [(name, told(found), told(live)) for name, told in _FIGURES]


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}"


_FIGURES: tuple[tuple[str, Callable[[Baseline], str]], ...] = (
    ("Segments", lambda each: str(each.k)),
    ("Algorithm", lambda each: each.algorithm),
    ("Features", lambda each: ", ".join(name.replace("_", " ") for name in each.features)),
    ("Silhouette, when fitted", lambda each: _three(each.silhouette)),
    ("Customers", lambda each: f"{each.customers:,}"),
    ("Smallest segment", lambda each: f"{min((one.customers for one in each.segments), default=0):,}"),
    ("Fitted at", lambda each: f"{each.created_at:%d %b %Y, %H:%M}"),
    ("Asked for by", lambda each: each.proposed_by or "–"),
)
