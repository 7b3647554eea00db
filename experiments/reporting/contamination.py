"""Who was shown two variants: out of the comparison, and how many they are in words."""

from experiments.reporting.document import Report

__all__ = ["contaminated_sentence"]


def contaminated_sentence(report: Report) -> str | None:
    """Return how many customers are out of the comparison because they were shown several variants; None: nobody."""
    arms = report.overall.arms
    contaminated = sum(arm.contaminated for arm in arms)
    if not contaminated:
        return None
    share = contaminated / (contaminated + sum(arm.exposed for arm in arms))
    who, they = ("customer was", "is") if contaminated == 1 else ("customers were", "are")
    return f"{contaminated:,} {who} shown several variants ({share:.1%}) and {they} out of the comparison."
