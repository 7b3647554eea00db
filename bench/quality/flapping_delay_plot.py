"""Draws flapping against delay into docs/hysteresis.svg: `python -m bench.quality.flapping_delay_plot`."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.reporting.results_file import read_results

__all__ = ["drawing"]

_BENCH = Path(__file__).parent.parent
_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT_W, _PLOT_H = 420, 300, 56, 34, 330, 210
_KINDS: Final = {"hysteresis": "#1b6ca8", "dwell": "#c2571a", "cooldown": "#4d7c0f"}
_BESIDE: Final = {"hysteresis": (6, -5), "dwell": (6, 10), "cooldown": (-14, 14)}
_TITLES: Final = {"hysteresis": "hysteresis", "dwell": "dwell, days (at 5%)", "cooldown": "cool-down, days (at 5%)"}


def drawing(waits: Mapping[str, Any]) -> str:
    """Return an SVG: for each shop returns a customer-month (y) against the mean delay in days (x) of each choice."""
    shops = [(name, part["choices"]) for name, part in waits.items() if name != "measured"]
    panels = "".join(_panel(name, choices, i * _WIDTH) for i, (name, choices) in enumerate(shops))
    legend = "".join(
        f'<circle cx="{_LEFT + i * 190}" cy="{_HEIGHT + 8}" r="4" fill="{colour}"/>'
        f'<text x="{_LEFT + i * 190 + 9}" y="{_HEIGHT + 12}">{_TITLES[kind]}</text>'
        for i, (kind, colour) in enumerate(_KINDS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH * len(shops)} {_HEIGHT + 24}" '
        'font-family="sans-serif" font-size="11" fill="#222">'
        f'<rect width="100%" height="100%" fill="#fff"/>{panels}{legend}</svg>\n'
    )


def _panel(name: str, choices: Sequence[Mapping[str, float]], offset: float) -> str:
    right = max(each["delay_days"] for each in choices) * 1.08
    top = max(each["returns_per_month"] for each in choices) * 1.1

    def at(each: Mapping[str, float]) -> tuple[float, float]:
        x = offset + _LEFT + _PLOT_W * each["delay_days"] / right
        return round(x, 1), round(_TOP + _PLOT_H * (1 - each["returns_per_month"] / top), 1)

    left, bottom = offset + _LEFT, _TOP + _PLOT_H
    drawn = [f'<text x="{left}" y="18" font-weight="bold">{name}</text>']
    drawn.append(f'<path d="M{left} {_TOP}V{bottom}H{left + _PLOT_W}" fill="none" stroke="#888"/>')
    drawn.append(f'<text x="{left + 70}" y="{bottom + 34}">days until a lasting move is published (mean)</text>')
    drawn.append(f'<text x="{left}" y="{_TOP - 4}" fill="#555">returns a customer-month</text>')
    for part in range(5):
        x, y = left + _PLOT_W * part / 4, bottom - _PLOT_H * part / 4
        drawn.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle">{right * part / 4:.1f}</text>')
        drawn.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{top * part / 4:.2f}</text>')
    for each in choices:
        (x, y), kind = at(each), _kind(each)
        value = f"{each[kind]:.0%}" if kind == "hysteresis" else f"{each[kind]:g}"
        drawn.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{_KINDS[kind]}"/>')
        dx, dy = _BESIDE[kind]
        drawn.append(f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" fill="{_KINDS[kind]}">{value}</text>')
    return "".join(drawn)


def _kind(choice: Mapping[str, float]) -> str:
    return "dwell" if choice["dwell"] else "cooldown" if choice["cooldown"] else "hysteresis"


def main() -> None:
    """Draw what was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.flapping_delay_plot", description=__doc__)
    parser.add_argument("--results", type=Path, default=_BENCH / "results.json")
    parser.add_argument("--to", type=Path, default=_BENCH.parent / "docs" / "hysteresis.svg")
    options = parser.parse_args()
    found = read_results(options.results)
    if found is None or "waits" not in found.get("quality", {}):
        raise SystemExit("nothing to draw: run `python -m bench.quality --only waits` first")
    options.to.write_text(drawing(found["quality"]["waits"]))


if __name__ == "__main__":
    main()
