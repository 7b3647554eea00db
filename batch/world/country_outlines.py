"""Outlines of the countries: Natural Earth at 1:110 million (public domain), as packed by world-atlas 2.0.2."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Ring", "country_rings"]

Ring = npt.NDArray[np.float64]
"""A closed line: longitude and latitude in degrees (n, 2), the first point again at the end."""

_FILE: Final = "countries-110m.json"


@cache
def country_rings() -> dict[str, list[Ring]]:
    """Return the rings of each country (its islands and the holes in them) by ISO 3166-1 numeric code.

    The file is TopoJSON: lines that neighbours share are kept once, in whole steps of a grid, each point as the step
    from the one before; a ring names the lines it is made of, backwards where the number is negative
    (https://github.com/topojson/topojson-specification). Countries too small for the scale are not in it.
    """
    topology = json.loads((files(__package__) / _FILE).read_text(encoding="utf-8"))
    scale, translate = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    lines = [np.cumsum(np.array(line), axis=0) * scale + translate for line in topology["arcs"]]
    rings: dict[str, list[Ring]] = {}
    for country in topology["objects"]["countries"]["geometries"]:
        if "id" in country:
            rings.setdefault(country["id"], []).extend(_joined(lines, each) for each in _numbers(country))
    return rings


def _numbers(country: dict[str, Any]) -> list[list[int]]:
    polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
    return [ring for polygon in polygons for ring in polygon]


def _joined(lines: list[Ring], numbers: list[int]) -> Ring:
    """Return a ring of lines, each of which begins where the one before ends.

    Where it crosses the antimeridian it goes on beyond 180 degrees, so that no line runs across the map.
    """
    pieces = [lines[n] if n >= 0 else lines[~n][::-1] for n in numbers]
    ring = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
    ring[:, 0] = np.unwrap(ring[:, 0], period=360.0)
    return ring
