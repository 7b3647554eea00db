"""The data-quality report: each step of cleaning, and how many customers it concerned."""

from dataclasses import dataclass

__all__ = ["QualityRow"]


@dataclass(frozen=True)
class QualityRow:
    """One step of cleaning.

    `step` is the kind (missing, impossible, outliers, skew, scaling, constant), `feature` the column or "" for all,
    `customers` how many it concerned, `examples` at most ten of their ids, `action` what was done, as a sentence.
    """

    step: str
    feature: str
    customers: int
    examples: tuple[str, ...]
    action: str
