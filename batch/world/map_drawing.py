"""A map of the world in SVG, each country shaded by its number of customers; needs no network."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from batch.world.country_codes import country_code, country_name
from batch.world.country_outlines import Ring, country_rings
from events.arrays import Floats

__all__ = ["WorldMap", "draw_world"]

_WIDTH: Final = 1_600
_UNITS: Final = _WIDTH / 5.414
"""Units of the drawing a radian at the equator; the projection is 5.414 wide."""
_HEIGHT: Final = 700
_NORTH: Final = 1.32
"""The top edge in projected units, north of Greenland."""
_ANTARCTICA: Final = "010"
_SHADES: Final = 5
_NAMED: Final = 3


class WorldMap(NamedTuple):
    """The drawing, what its shades mean (from least to most customers), and customers of what is not on it."""

    svg: str
    shades: list[tuple[int, int]]
    unplaced: dict[str, int]


def draw_world(customers: Mapping[tuple[str, str], int]) -> WorldMap | None:
    """Return the map of customers by (country as profiles say it, name of the segment), None where nobody is on it.

    A country's shade goes by the logarithm of its customers: most shops have one country that dwarfs the others. Its
    tooltip has the figures. What is no country, and countries too small for the outlines, are in `unplaced`.
    """
    placed: dict[str, Counter[str]] = {}
    unplaced = Counter[str]()
    for (said, segment), count in customers.items():
        code = country_code(said)
        if code is None or code not in country_rings():
            unplaced[said if code is None else country_name(code)] += count
        else:
            placed.setdefault(code, Counter())[segment] += count
    totals = {code: segments.total() for code, segments in placed.items() if segments.total()}
    if not totals:
        return None
    shades = _shades(max(totals.values()))
    paths = [
        f'<path d="{_path(code)}"/>' if code not in totals else _country(code, placed[code], shades)
        for code in country_rings()
        if code != _ANTARCTICA
    ]
    svg = (
        f'<svg class="world" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Customers by country on a map '
        f'of the world">{"".join(paths)}</svg>'
    )
    return WorldMap(svg, shades, dict(unplaced.most_common()))


def _country(code: str, segments: Counter[str], shades: list[tuple[int, int]]) -> str:
    total = segments.total()
    shade = next(i for i, (_, most) in enumerate(shades) if total <= most)
    largest = ", ".join(f"{name} {count / total:.0%}" for name, count in segments.most_common(_NAMED) if count)
    title = escape(f"{country_name(code)}: {total:,} ({largest})")
    return f'<path class="shade{shade + 1}" d="{_path(code)}"><title>{title}</title></path>'


def _shades(most: int) -> list[tuple[int, int]]:
    """Return up to five ranges of customers, each some times as wide as the one before."""
    edges = np.unique(np.ceil(np.geomspace(1, most, _SHADES + 1)[1:]).astype(int)).tolist()
    edges[-1] = most
    return [(low + 1, high) for low, high in pairwise([0, *edges])]


@cache
def _path(code: str) -> str:
    return "".join(_ring(ring) for ring in country_rings()[code])


def _ring(ring: Ring) -> str:
    x, y = _equal_earth(np.radians(ring[:, 0]), np.radians(ring[:, 1]))
    points = np.rint(np.column_stack([_WIDTH / 2 + x * _UNITS, (_NORTH - y) * _UNITS])).astype(int)
    moved = np.concatenate([[True], (np.diff(points, axis=0) != 0).any(axis=1)])
    steps = np.diff(points[moved], axis=0)
    start = points[0]
    return f"M{start[0]} {start[1]}l{_numbers(steps.ravel().tolist())}z" if len(steps) > 1 else ""


def _numbers(values: Iterable[int]) -> str:
    """Return numbers as short as SVG reads them: a minus needs no space before it."""
    return " ".join(map(str, values)).replace(" -", "-")


def _equal_earth(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Project radians so that areas are true, in units of the earth's radius (Šavrič, Patterson and Jenny 2018)."""
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    t = np.arcsin(np.sqrt(3.0) / 2.0 * np.sin(latitude))
    slope = 9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1
    x = 2.0 * np.sqrt(3.0) * longitude * np.cos(t) / (3.0 * slope)
    return x, a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
