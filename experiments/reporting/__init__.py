"""From a definition and its tallies to the report: samples, comparisons, verdict, document.

Statistics come from the other rooms; wording stays here. Begin reading at `report`.
"""
