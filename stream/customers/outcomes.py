"""What may become of an event that belongs to a customer of the partition."""

__all__ = ["APPLIED", "DUPLICATE", "NAMES", "SETTLED", "UNMATCHED"]

APPLIED, DUPLICATE, UNMATCHED, SETTLED = range(4)
"""`unmatched` takes back an order that has not come yet; `settled` is about one of which only the sums are left."""
NAMES = ("applied", "duplicate", "unmatched", "settled")
