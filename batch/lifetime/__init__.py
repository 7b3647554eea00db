"""What customers are still worth: how many orders to expect, of what amount, and whether they are still customers."""

from batch.lifetime.summary import LifetimeSummary, NoLifetime, lifetime_of

__all__ = ["LifetimeSummary", "NoLifetime", "lifetime_of"]
