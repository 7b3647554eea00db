"""The addresses of the dashboard."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.access.scopes import Scope
from api.pages.baselines import baseline, baselines, decide
from api.pages.customers import customer, customer_timeline, customers
from api.pages.experiments import experiment, experiment_part, experiments
from api.pages.now import feed, now, now_part
from api.pages.operations import operations, operations_part
from api.pages.operations_forms import (
    dead_letters,
    dead_letters_part,
    remove_trigger,
    replay_letters,
    suppress,
    test_trigger,
    unsuppress,
)  # fmt: skip
from api.pages.page_access import View, requires_sign_in
from api.pages.segments import segments
from api.pages.sign_in import show_sign_in, sign_in, sign_out
from api.serving.problem_details import ProblemError

__all__ = ["PAGES", "add_pages"]

_SEGMENTS: Final = (Scope.SEGMENTS_READ,)
_ADMIN: Final = (Scope.ADMIN,)

PAGES: Final[tuple[tuple[str, str, View, tuple[Scope, ...]], ...]] = (
    ("GET", "/", now, _SEGMENTS),
    ("GET", "/parts/now", now_part, _SEGMENTS),
    ("GET", "/feed", feed, _SEGMENTS),
    ("GET", "/segments", segments, _SEGMENTS),
    ("GET", "/customers", customers, (Scope.CUSTOMERS_READ,)),
    ("GET", "/customers/{customer_id:any_text}", customer, (Scope.CUSTOMERS_READ,)),
    ("GET", "/parts/timeline", customer_timeline, (Scope.CUSTOMERS_READ,)),
    ("GET", "/experiments", experiments, (Scope.EXPERIMENTS_READ,)),
    ("GET", "/experiments/{experiment_id}", experiment, (Scope.EXPERIMENTS_READ,)),
    ("GET", "/parts/experiments/{experiment_id}", experiment_part, (Scope.EXPERIMENTS_READ,)),
    ("GET", "/baselines", baselines, _SEGMENTS),
    ("GET", "/baselines/{number}", baseline, _SEGMENTS),
    ("POST", "/baselines/{number}/{what}", decide, (Scope.BASELINES_APPROVE,)),
    ("GET", "/operations", operations, _SEGMENTS),
    ("GET", "/parts/operations", operations_part, _SEGMENTS),
    ("GET", "/parts/dead-letters", dead_letters_part, _ADMIN),
    ("GET", "/operations/dead-letters", dead_letters, _ADMIN),
    ("POST", "/operations/replay", replay_letters, _ADMIN),
    ("POST", "/operations/triggers/{name}/test", test_trigger, _ADMIN),
    ("POST", "/operations/triggers/{name}/remove", remove_trigger, _ADMIN),
    ("POST", "/operations/suppress", suppress, _ADMIN),
    ("POST", "/operations/let-in", unsuppress, _ADMIN),
    ("POST", "/sign-out", sign_out, ()),
)
"""Method, address, view, and the scopes of which one is needed."""

_STATIC: Final = Path(__file__).parents[1] / "static"
_OURS: Final = {"app.css": "text/css", "app.js": "text/javascript", "htmx.min.js": "text/javascript"}


def add_pages(app: FastAPI) -> None:
    """Add the pages, sign-in, and the files that pages load."""
    for method, path, view, scopes in PAGES:
        app.add_route(path, requires_sign_in(view, *scopes), [method], include_in_schema=False)
    app.add_route("/sign-in", show_sign_in, ["GET"], include_in_schema=False)
    app.add_route("/sign-in", sign_in, ["POST"], include_in_schema=False)
    app.add_route("/static/{name}", _static, ["GET"], include_in_schema=False)


async def _static(request: Request) -> Response:
    """Return a file of the dashboard; these hold no data, and the sign-in page needs them."""
    name = request.path_params["name"]
    headers = {"Cache-Control": "public, max-age=3600"}
    if name == "plotly.min.js":
        return FileResponse(_plotly(), media_type="text/javascript", headers=headers)
    if name not in _OURS:
        raise ProblemError(404)
    return FileResponse(_STATIC / name, media_type=_OURS[name], headers=headers)


@cache
def _plotly() -> Path:
    return Path(str(files("plotly") / "package_data" / "plotly.min.js"))
