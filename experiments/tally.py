"""Tallies of an experiment: exact, mergeable sums over its customers, by variant and segment."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

__all__ = ["THOUSANDTHS", "Cell", "Tallies", "Tally"]

THOUSANDTHS: Final = 1000
"""Parts of a currency unit that money is counted in: whole numbers, so that sums are exact in any order."""

Cell = tuple[str, str]
"""A variant and a segment."""

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over the customers of one variant in one segment; all are whole numbers of any size.

    Money is in thousandths of the currency unit, after refunds. A customer's contribution may be taken out again
    (`-`), so that a late event replaces what was known of the customer: `tally - before + after`.

    >>> early, late = Tally.of_customer(revenue=0), Tally.of_customer(revenue=12_500, orders=1, converted=True)
    >>> (Tally() + early - early + late).revenue
    12500
    """

    exposed: int = 0
    """Customers, each in the first variant seen."""
    converted: int = 0
    """Customers with a conversion within the window."""
    retained: int = 0
    """Customers with a second order within the retention days."""
    revenue: int = 0
    """Sum of x, a customer's revenue within the window."""
    revenue_squares: int = 0
    """Sum of x²."""
    orders: int = 0
    """Sum of d, a customer's orders (or conversion events) within the window."""
    order_squares: int = 0
    """Sum of d²."""
    revenue_orders: int = 0
    """Sum of x·d."""
    pre_revenue: int = 0
    """Sum of y, a customer's revenue before exposure."""
    pre_squares: int = 0
    """Sum of y²."""
    pre_cross: int = 0
    """Sum of x·y."""
    contaminated: int = 0
    """Customers that were shown another variant, too."""
    repeated: int = 0
    """Later exposures of customers already counted."""

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(*(a - b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        """Return all sums in the order of the fields, to be stored; `Tally(*values)` reads them back."""
        return tuple(getattr(self, name) for name in self.names())

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the sums, in the order of the fields."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def of_customer(
        cls,
        *,
        revenue: int = 0,
        orders: int = 0,
        pre_revenue: int = 0,
        converted: bool = False,
        retained: bool = False,
        contaminated: bool = False,
        repeated: int = 0,
    ) -> Self:
        """Return the tally of one exposed customer; money in thousandths."""
        return cls(
            exposed=1,
            converted=int(converted),
            retained=int(retained),
            revenue=revenue,
            revenue_squares=revenue * revenue,
            orders=orders,
            order_squares=orders * orders,
            revenue_orders=revenue * orders,
            pre_revenue=pre_revenue,
            pre_squares=pre_revenue * pre_revenue,
            pre_cross=revenue * pre_revenue,
            contaminated=int(contaminated),
            repeated=repeated,
        )

    @classmethod
    def of_customers(
        cls,
        revenue: Integers,
        orders: Integers,
        *,
        pre_revenue: Integers | None = None,
        converted: npt.NDArray[np.bool_] | None = None,
        retained: npt.NDArray[np.bool_] | None = None,
    ) -> Self:
        """Return the tally of many exposed customers, one a place of the arrays; money in thousandths.

        Without `converted`, a customer with an order has converted; without `retained`, one with two was retained.
        """
        before = np.zeros_like(revenue) if pre_revenue is None else pre_revenue
        return cls(
            exposed=len(revenue),
            converted=int(np.count_nonzero(orders > 0 if converted is None else converted)),
            retained=int(np.count_nonzero(orders > 1 if retained is None else retained)),
            revenue=_exact_sum(revenue),
            revenue_squares=_exact_product(revenue, revenue),
            orders=_exact_sum(orders),
            order_squares=_exact_product(orders, orders),
            revenue_orders=_exact_product(revenue, orders),
            pre_revenue=_exact_sum(before),
            pre_squares=_exact_product(before, before),
            pre_cross=_exact_product(revenue, before),
        )


@dataclass(frozen=True, slots=True)
class Tallies:
    """All tallies of an experiment, by (variant, segment); what is not there has no customers.

    >>> one = Tallies({("A", "New"): Tally(exposed=2)})
    >>> (one + Tallies({("A", "Inactive"): Tally(exposed=3)})).arm("A").exposed
    5
    """

    cells: Mapping[Cell, Tally] = dataclasses.field(default_factory=dict)

    def __add__(self, other: "Tallies") -> "Tallies":
        merged = dict(self.cells)
        for cell, tally in other.cells.items():
            merged[cell] = merged.get(cell, Tally()) + tally
        return Tallies(merged)

    @property
    def segments(self) -> tuple[str, ...]:
        """All segments, sorted."""
        return tuple(sorted({segment for _, segment in self.cells}))

    def arm(self, variant: str) -> Tally:
        """Return the variant's tally over all segments."""
        return sum_of(tally for (name, _), tally in self.cells.items() if name == variant)

    def of_segment(self, segment: str) -> "Tallies":
        """Return only that segment's tallies."""
        return Tallies({cell: tally for cell, tally in self.cells.items() if cell[1] == segment})

    def without_segment(self, segment: str) -> "Tallies":
        """Return the tallies of all other segments."""
        return Tallies({cell: tally for cell, tally in self.cells.items() if cell[1] != segment})


def sum_of(tallies: Iterable[Tally]) -> Tally:
    """Return the sum, which is empty where there are none."""
    return sum(tallies, start=Tally())


def _exact_sum(values: Integers) -> int:
    return _exact_product(values, np.ones_like(values))


def _exact_product(left: Integers, right: Integers) -> int:
    """Return the sum of products without overflow: in int64 where it must fit, else in Python's integers."""
    if not len(left):
        return 0
    largest = [max(abs(int(values.min())), abs(int(values.max()))) for values in (left, right)]
    if largest[0] * largest[1] * len(left) < 2**63:
        return int(np.dot(left.astype(np.int64), right.astype(np.int64)))
    return sum(a * b for a, b in zip(left.tolist(), right.tolist(), strict=True))
