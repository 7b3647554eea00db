"""Average order value: a ratio of two sums by customer, with the delta method's variance."""

from experiments.statistics.sample import Sample, covariance, inconsistency
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import THOUSANDTHS, Tally

__all__ = ["average_order_value"]


def average_order_value(tally: Tally) -> Result[Sample]:
    """Return revenue over orders in currency units, as a sample of the customers.

    Customers, not orders, were assigned, so orders of one customer are not independent. With means x̄, d̄ and
    r = x̄/d̄ the variance by customer is (var x - 2 r cov(x, d) + r² var d) / d̄² (Deng, Knoblich and Lu 2018).

    >>> tally = Tally(exposed=2, revenue=30_000, revenue_squares=500_000_000, orders=2, order_squares=2,
    ...               revenue_orders=30_000)
    >>> average_order_value(tally)
    Sample(n=2, mean=15.0, variance=50.0)
    """
    if problem := inconsistency(tally):
        return NotComputable(problem)
    n = tally.exposed
    if not n:
        return NotComputable(Reason.ARM_EMPTY)
    if n < 2:
        return NotComputable(Reason.TOO_FEW_CUSTOMERS)
    if not tally.orders:
        return NotComputable(Reason.NO_ORDERS)
    ratio, per_customer = tally.revenue / tally.orders, tally.orders / n
    spread = (
        covariance(n, tally.revenue, tally.revenue, tally.revenue_squares)
        - 2 * ratio * covariance(n, tally.revenue, tally.orders, tally.revenue_orders)
        + ratio**2 * covariance(n, tally.orders, tally.orders, tally.order_squares)
    )
    # Rounding may leave a tiny negative number where all orders have the same value.
    return Sample(n, ratio / THOUSANDTHS, max(spread, 0.0) / (per_customer * THOUSANDTHS) ** 2)
