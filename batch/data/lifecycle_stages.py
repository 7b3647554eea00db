"""The stages of life of a table's customers, which rules decide before the rest is clustered."""

import numpy as np

from batch.data.customer_table import CustomerTable
from batch.errors import TooFewCustomers
from batch.fit_options import FitOptions
from events.arrays import Floats, Ints
from events.schema.outputs import Lifecycle
from events.time_units import DAY_MS
from state.partitions.model_sums import ModelSums
from stream.customers.lifecycle import STAGE_NAMES, STAGES, stages_of

__all__ = ["check_rest", "stage_means", "stages_of_table", "with_stages"]


def stages_of_table(table: CustomerTable, rule: Lifecycle | None) -> Ints:
    """Return the stage (n,) of each customer, -1 for none."""
    return np.full(len(table), -1, np.int64) if rule is None else stages_of(table.rows, table.now_ms, rule)


def with_stages(labels: Ints, stages: Ints, k: int) -> Ints:
    """Return the segments (n,): the learned one, or that of the stage."""
    return np.where(stages >= 0, k + stages, labels)


def stage_means(standard: Floats, stages: Ints) -> Floats:
    """Return the mean of each stage's members (stages, d), 0 where nobody has the feature."""
    within = stages >= 0
    sums = ModelSums.of(standard[within], stages[within], len(STAGES))
    return sums.means(np.zeros(sums.sums.shape))


def check_rest(table: CustomerTable, stages: Ints, rule: Lifecycle | None, options: FitOptions) -> None:
    """Raise TooFewCustomers, with what is known of the rest, where the stages leave too few to learn segments of."""
    left, needed = int((stages < 0).sum()), options.k or options.k_min
    if rule is None or left >= needed:
        return
    counts = np.bincount(stages[stages >= 0], minlength=len(STAGES)).tolist()
    rest = ", ".join(f"{count:,} {STAGE_NAMES[stage]}" for stage, count in zip(STAGES, counts, strict=True) if count)
    last = table.rows["last_order"][table.rows["placed"] > 0]
    silent = float((table.now_ms.max() - last.max()) / DAY_MS) if len(last) else 0.0
    hint = (
        f"; the newest order is {silent:,.0f} days old: is the import complete, and is the clock right (SHOAL_CLOCK)?"
        if silent > rule.late_days
        else ""
    )
    raise TooFewCustomers(
        f"{left} customers cannot make {needed} segments: of {len(table):,}, only they have ordered twice and are not "
        f"late ({rest}){hint}"
    )
