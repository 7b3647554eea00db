"""What an experiment's tallies mean: pure functions from numbers to results, without I/O of any kind.

Only what is quick to import is named here; `experiments.report` and the statistics bring scipy and statsmodels.
"""

from .assignment import Assignment, Unassigned, assign, assign_many
from .change import Refusal, check_change
from .definition import Experiment, Metric, Variant
from .outcome import CannotSay, Reason
from .tally import THOUSANDTHS, Tallies, Tally

__all__ = [
    "THOUSANDTHS",
    "Assignment",
    "CannotSay",
    "Experiment",
    "Metric",
    "Reason",
    "Refusal",
    "Tallies",
    "Tally",
    "Unassigned",
    "Variant",
    "assign",
    "assign_many",
    "check_change",
]
