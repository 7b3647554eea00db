"""Templates, with every value escaped, and what all pages share."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.pages.figures.plotly_text import escape_texts
from api.pages.page_access import Visit

__all__ = ["SECTIONS", "page", "part", "plain_page"]

SECTIONS: Final = (
    ("/", "Now"),
    ("/segments", "Segments"),
    ("/customers", "Customers"),
    ("/experiments", "Experiments"),
    ("/baselines", "Baselines"),
    ("/operations", "Operations"),
)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _count,
        "figure": _figure,
        "share": _share,
        "day": _day,
        "money": _money,
        "figure_json": _figure_json,
    }
    return environment


def page(visit: Visit, template: str, **values: Any) -> HTMLResponse:
    """Return a page for who is signed in."""
    here = "/" + visit.request.url.path.split("/")[1]
    shared = {"caller": visit.caller, "csrf": visit.session.csrf, "sections": SECTIONS, "here": here}
    return HTMLResponse(_templates().get_template(template).render(**shared, **values))


def part(template: str, **values: Any) -> HTMLResponse:
    """Return a part of a page."""
    return HTMLResponse(_templates().get_template(template).render(**values))


def plain_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page for anybody."""
    return HTMLResponse(_templates().get_template(template).render(**values), status)


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _figure(value: float | None) -> str:
    """Return a number with as many decimals as people read.

    >>> _figure(1234.5), _figure(3.14159), _figure(None)
    ('1,234', '3.1', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"


def _money(value: float | None) -> str:
    """Return an amount to the cent.

    >>> _money(1234.5), _money(None)
    ('1,234.50', '–')
    """
    return "–" if value is None else f"{value:,.2f}"


def _share(value: float) -> str:
    return f"{value:.1%}"


def _day(value: str | int | None) -> str:
    """Return the day and minute of an RFC 3339 text or of ms since 1970."""
    if value is None:
        return "–"
    at = datetime.fromtimestamp(value / 1000, UTC) if isinstance(value, int) else datetime.fromisoformat(value)
    return f"{at:%d %b %Y, %H:%M}"


def _figure_json(figure: Any) -> Markup:
    """Return a figure as JSON that cannot end the script element that it stands in; its texts hold no markup."""
    text = json.dumps(escape_texts(figure), allow_nan=False, ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above
