"""What nothing can be said of, and why: in sentences, each reason once."""

from collections.abc import Iterator, Mapping

from experiments.reporting.cell_text import title
from experiments.reporting.document import Report
from experiments.statistics.value_or_reason import Reason

__all__ = ["unsaid_sentences"]


def unsaid_sentences(report: Report, names: Mapping[str, str]) -> Iterator[str]:
    """Yield each reason why a comparison has no deciding figures, with where that is so; segments by their `names`."""
    places: dict[Reason, list[str]] = {}
    for row in report.overall.comparisons:
        if row.decides.cannot_say is not None:
            places.setdefault(row.decides.cannot_say, []).append(f"{title(row.metric)} of {row.variant}")
    for part in report.segments:
        for row in part.comparisons:
            if row.decides.cannot_say is not None:
                where = f"{title(row.metric)} of {row.variant} in {names.get(part.segment, part.segment)}"
                places.setdefault(row.decides.cannot_say, []).append(where)
    for why, found in places.items():
        yield f"Nothing can be said of {', '.join(found)}: {why.sentence[0].lower()}{why.sentence[1:]}"
