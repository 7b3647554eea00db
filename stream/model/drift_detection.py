"""Do the segments still fit? Monitors the quantisation error, the segments' shares and the features' means."""

import functools
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import river
from pydantic import BaseModel

__all__ = ["DriftDetector", "Observation"]

_FORGETTING: Final = 1e-4


class Observation(BaseModel):
    """The model at one moment of the shop's time (`at_ms`), under a baseline.

    `error` is the mean squared distance of the customers to their centroids, None where no sweep has measured it yet;
    `shares` the part of the customers in each cluster; `means` the customers' mean of each standardised feature.
    """

    baseline: int
    at_ms: int
    error: float | None
    shares: list[float]
    means: list[float]


class DriftDetector:
    """Page's test on each series of a baseline's daily observations.

    It sums up by how much a series lies above (and, in a second sum, below) its own mean so far, less a tolerance that
    it may wander, and alarms where a sum passes 1 (0.5 for shares): 10 days at 0.1 beyond the tolerance, for example.
    The error counts by its logarithm, means are in standard deviations. The tolerances were chosen by measurement
    (docs/quality.md). After an alarm a series starts afresh.

    >>> detector = DriftDetector(["s1", "s2"], ["recency"])
    >>> def day(number, share):
    ...     return Observation(baseline=1, at_ms=number, error=0.5, shares=[share, 1 - share], means=[0.0])
    >>> found = [detector.observe(day(number, 0.5 if number < 40 else 0.7)) for number in range(60)]
    >>> [reasons for reasons in found if reasons][0]
    ['the share of s1 went from 51% to 70%', 'the share of s2 went from 49% to 30%']

    References:
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954).
    """

    def __init__(self, segments: Sequence[str], features: Sequence[str]) -> None:
        self._error = _Series("the mean squared distance to the centroids", 0.03, 1.0)
        self._shares = [_Series(f"the share of {name}", 0.02, 0.5, "{:.0%}") for name in segments]
        self._means = [_Series(f"the mean of {name} (in standard deviations)", 0.03, 1.0) for name in features]

    def observe(self, observation: Observation) -> list[str]:
        """Add a day's observation and return what has drifted, in words."""
        found = [] if not observation.error else self._error.add(float(np.log(observation.error)), observation.error)
        for series, value in zip(self._shares + self._means, [*observation.shares, *observation.means], strict=True):
            found += series.add(value, value)
        return found


@functools.cache
def _page_hinkley() -> Any:
    """Return `river.drift.PageHinkley`, without the rest of that package.

    Its data sets import scikit-learn: a second at the start and 70 MB in every worker.
    """
    path = Path(river.__file__).with_name("drift") / "page_hinkley.py"
    spec: Any = importlib.util.spec_from_file_location("stream._page_hinkley", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PageHinkley


class _Series:
    def __init__(self, name: str, tolerance: float, threshold: float, style: str = "{:.2f}") -> None:
        self._name, self._style = name, style
        self._test: Any = _page_hinkley()(
            min_instances=30, delta=tolerance, threshold=threshold, alpha=1.0 - _FORGETTING
        )
        self._sum, self._n = 0.0, 0

    def add(self, value: float, shown: float) -> list[str]:
        """Add a value and return a sentence where the test raises an alarm, else nothing."""
        self._test.update(value)
        if not self._test.drift_detected:
            self._sum, self._n = self._sum + shown, self._n + 1
            return []
        usual = self._sum / max(self._n, 1)
        self._sum, self._n = 0.0, 0
        return [f"{self._name} went from {self._style.format(usual)} to {self._style.format(shown)}"]
