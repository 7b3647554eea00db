"""The statistics of experiments: pure functions from tallies to results, without I/O of any kind.

Definitions and tallies enter. Only what is quick to import is named here: `reporting.report` and the statistics bring
scipy and statsmodels. Begin reading at `definition`.
"""

from experiments.assignment import Assignment, Unassigned, assign, assign_many
from experiments.definition import Experiment, Metric, Variant
from experiments.definition_changes import Refusal, check_change
from experiments.statistics.value_or_reason import NotComputable, Reason
from experiments.tally import THOUSANDTHS, Tallies, Tally

__all__ = [
    "THOUSANDTHS",
    "Assignment",
    "Experiment",
    "Metric",
    "NotComputable",
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
