"""Who was shown several variants, in words: who counts for the first, and who is out of the comparison."""

from collections.abc import Iterator

from experiments.reporting.document import Report

__all__ = ["MERGED_CONTAMINATED", "contamination_sentences"]

MERGED_CONTAMINATED = "merged_contaminated"
"""What is left out under this name: customers who were shown several variants under several ids."""


def contamination_sentences(report: Report) -> Iterator[str]:
    """Yield how many customers were shown several variants, by what became of them; nothing where nobody was."""
    arms = report.overall.arms
    merged = report.left_out.get(MERGED_CONTAMINATED, 0)
    compared, kept = sum(arm.exposed for arm in arms), sum(arm.contaminated for arm in arms) - merged
    if kept > 0:
        who, was, they = ("customer", "was", "it counts") if kept == 1 else ("customers", "were", "they count")
        yield f"{kept:,} {who} ({kept / compared:.1%}) {was} shown another variant too; {they} for the first."
    if merged:
        who, they = ("customer was", "it is") if merged == 1 else ("customers were", "they are")
        yield f"{merged:,} {who} shown different variants under ids that were merged; {they} out of the comparison."
