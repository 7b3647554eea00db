"""Matplotlib figures as SVG data URIs for the page, without global state or markup in texts."""

import base64
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["COLOURS", "INK", "colour", "legend", "picture", "short"]

COLOURS: Final = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A000", "#6A3D9A", "#7F7F7F", "#1B9E77"),
)
"""Of segments, in order: told apart by most colour-blind people (Okabe and Ito, and a few more)."""
INK: Final = "#26323c"

_STYLE: Final[Any] = {
    "text.parse_math": False,  # a name may hold a dollar sign
    "svg.fonttype": "none",
    "svg.hashsalt": "shoal",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9aa5ae",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": "#4b5963",
    "ytick.color": "#4b5963",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}
_LONGEST: Final = 34


def colour(place: int) -> str:
    """Return the colour of a segment by its place."""
    return COLOURS[place % len(COLOURS)]


def short(text: str, longest: int = _LONGEST) -> str:
    """Return a text that fits beside an axis.

    >>> short("High income, low spending, seldom seen", 20)
    'High income, low sp…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


class _Picture:
    """A figure, and its `uri` once it is finished: an image that an HTML page holds in itself."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure((width, height), layout="constrained")
        self.uri = ""

    def axes(self, rows: int = 1, columns: int = 1, **options: Any) -> list[Any]:
        """Return the axes, row by row."""
        made: Any = self.figure.subplots(rows, columns, squeeze=False, **options)
        return list(made.flatten())


@contextmanager
def picture(width: float, height: float) -> Iterator[_Picture]:
    """Give a figure (inches) to draw on; leaving finishes it."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name may be in a script that the measuring font lacks
        drawn = _Picture(width, height)
        yield drawn
        buffer = io.BytesIO()
        drawn.figure.savefig(buffer, format="svg", metadata={"Date": None})
        drawn.uri = "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def legend(axes: Any, names: Sequence[str], **options: Any) -> None:
    """Name the segments' colours beside axes."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour(place)) for place in range(len(names))]
    axes.legend(handles, [short(name) for name in names], frameon=False, **options)
