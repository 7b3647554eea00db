"""TheLook, an invented clothes shop: users, orders and web events of a public BigQuery data set, as events.

The data set's own tables enter. Begin reading at `dataset`.
"""

from cli.formats.thelook.dataset import Summary, TheLook, read_thelook

__all__ = ["Summary", "TheLook", "read_thelook"]
